//! A log in memory: what the index reads, without files.
//!
//! Invariant: what an address shows never changes until its segment is removed, and an address is never given out twice. Places
//! in the log grow by [`ENTRY_BYTES`] for every entry, and say nothing of where the entry's segment is.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};

use crate::address::Address;
use crate::format::entry::Lineage;
use crate::index::{Born, Entries, Entry, Look, Rank, Space, Version, VersionKind};
use crate::numbers::{LogOffset, Sequence};

/// What every entry takes of the log, whatever size it says it has.
pub(super) const ENTRY_BYTES: u64 = 64;
/// Entries in a segment of the log, before the next one begins.
const SEGMENT_ENTRIES: usize = 8;

/// An entry as it was written.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) space: Space,
    pub(super) key: Vec<u8>,
    pub(super) kind: VersionKind,
    /// The size that it says it has. Tests give every entry another one and know it by that, wherever it is moved.
    pub(super) bytes: u64,
    pub(super) born: Born,
    pub(super) rank: Rank,
}

/// See the module. Clones are the same log.
#[derive(Clone, Debug, Default)]
pub(super) struct FakeLog(Arc<RwLock<State>>);

#[derive(Debug, Default)]
struct State {
    /// By slot; `None` where one was removed.
    segments: Vec<Option<Vec<Arc<Stored>>>>,
    /// The slots that compaction wrote to.
    compacted: BTreeSet<usize>,
    /// The slot that commits are written to.
    active: Option<usize>,
    /// The end of the log.
    tail: u64,
    /// The commit that is being written, and the next number in it.
    last: Rank,
    /// How often entries came or segments went.
    changes: u64,
}

impl FakeLog {
    /// Writes an entry of the commit `sequence`.
    pub(super) fn append(&self, sequence: u64, stored: (Space, &[u8], VersionKind, u64)) -> Version {
        let (space, key, kind, bytes) = stored;
        let mut state = self.0.write().unwrap();
        let sequence = Sequence(sequence);
        let ordinal = if state.last.0 == sequence { state.last.1 + 1 } else { 0 };
        assert!(sequence >= state.last.0, "commits come in the order of the log");
        state.last = (sequence, ordinal);
        let has_room =
            |&slot: &usize| state.segments[slot].as_ref().is_some_and(|s| s.len() < SEGMENT_ENTRIES);
        let active = match state.active.filter(has_room) {
            Some(active) => active,
            None => state.begin(),
        };
        state.active = Some(active);
        let born = Born::At(LogOffset(state.tail));
        state.tail += ENTRY_BYTES;
        let stored = Stored { space, key: key.to_vec(), kind, bytes, born, rank: state.last };
        state.push(active, stored)
    }

    /// Where the log ends.
    pub(super) fn tail(&self) -> LogOffset {
        LogOffset(self.0.read().unwrap().tail)
    }

    /// A new segment for compaction to write to.
    pub(super) fn compacted_segment(&self) -> usize {
        let mut state = self.0.write().unwrap();
        let slot = state.begin();
        state.compacted.insert(slot);
        slot
    }

    /// Copies an entry as compaction does: the copy knows its commit.
    pub(super) fn copy(&self, from: Address, to: usize) -> Version {
        let mut state = self.0.write().unwrap();
        let mut stored = Stored::clone(&state.at(from).expect("compaction copies what is there"));
        stored.born = Born::In(stored.rank.0);
        state.push(to, stored)
    }

    /// Takes a segment away.
    pub(super) fn remove(&self, slot: usize) {
        let mut state = self.0.write().unwrap();
        assert_ne!(Some(slot), state.active, "the segment that is written to stays");
        state.segments[slot] = None;
        state.changes += 1;
    }

    /// The slots that compaction may take in: those that it wrote to, and as many of the oldest of the others, of commits up to
    /// `last`.
    pub(super) fn oldest(&self, others: usize, last: u64) -> BTreeSet<usize> {
        let state = self.0.read().unwrap();
        let there = |slot: &usize| state.segments[*slot].is_some();
        let is_due = |slot: &usize| {
            let newest = state.segments[*slot].as_ref().and_then(|segment| segment.last());
            newest.is_some_and(|newest| newest.rank.0.0 <= last)
        };
        let log = (0..state.segments.len())
            .filter(|slot| !state.compacted.contains(slot) && state.active != Some(*slot));
        let log = log.filter(there).take(others).take_while(is_due);
        log.chain(state.compacted.iter().copied().filter(there)).collect()
    }

    /// Every entry that is there, in the order of slots.
    pub(super) fn all(&self) -> Vec<(Address, Arc<Stored>)> {
        let state = self.0.read().unwrap();
        let of = |(slot, segment): (usize, &Option<Vec<Arc<Stored>>>)| {
            let entries = segment.as_deref().unwrap_or_default();
            entries
                .iter()
                .enumerate()
                .map(|(at, stored)| (address(slot, at), Arc::clone(stored)))
                .collect::<Vec<_>>()
        };
        state.segments.iter().enumerate().flat_map(of).collect()
    }

    /// The entry, as long as its segment is there.
    pub(super) fn at(&self, address: Address) -> Option<Arc<Stored>> {
        self.0.read().unwrap().at(address)
    }
}

impl State {
    fn begin(&mut self) -> usize {
        self.segments.push(Some(Vec::new()));
        self.segments.len() - 1
    }

    fn push(&mut self, slot: usize, stored: Stored) -> Version {
        let segment = self.segments[slot].as_mut().expect("written to a segment that is there");
        let address = address(slot, segment.len());
        let version = Version { address, bytes: stored.bytes, kind: stored.kind, born: stored.born };
        segment.push(Arc::new(stored));
        self.changes += 1;
        version
    }

    fn at(&self, address: Address) -> Option<Arc<Stored>> {
        let segment = self.segments.get(address.slot())?.as_ref()?;
        Some(Arc::clone(&segment[place_of(address)]))
    }
}

fn address(slot: usize, place: usize) -> Address {
    Address::at(u32::try_from(slot).unwrap(), (u64::try_from(place).unwrap() + 1) * ENTRY_BYTES)
}

fn place_of(address: Address) -> usize {
    usize::try_from(address.offset() / ENTRY_BYTES).unwrap() - 1
}

/// Entries that a look can keep. With more than that it says nothing of some, so that both ways of reading are taken.
const KEPT: usize = 64;

/// Keeps the entries that it has shown.
#[derive(Debug)]
struct FakeLook {
    log: FakeLog,
    kept: [OnceCell<(Address, Arc<Stored>)>; KEPT],
    changes: u64,
}

impl Look for FakeLook {
    fn plain(&self, address: Address) -> Option<Entry<'_>> {
        let kept = &self.kept[usize::try_from(address.get() / ENTRY_BYTES).unwrap() % KEPT];
        if kept.get().is_none() {
            let stored = self.log.at(address)?;
            kept.get_or_init(|| (address, stored));
        }
        let (of, stored) = kept.get()?;
        let Stored { space, ref key, kind, bytes, born, .. } = **stored;
        let is_plain =
            *of == address && space == Space::Keys && kind == VersionKind::Value { deadline: None };
        is_plain.then_some(Entry {
            space,
            key,
            kind,
            bytes,
            born,
            lineage: None,
            value: None,
            is_damaged: false,
        })
    }

    fn reach(&self, _: Address) {}

    fn lineage(&self, address: Address) -> Option<Lineage> {
        self.log.at(address).map(|stored| Lineage::first(stored.rank.0))
    }

    fn fetch(&mut self, _: Address) {}

    fn is_current(&self) -> bool {
        self.log.0.read().unwrap().changes == self.changes
    }

    fn renew(&mut self) {
        *self = self.log.held();
    }
}

impl FakeLog {
    fn held(&self) -> FakeLook {
        let changes = self.0.read().unwrap().changes;
        FakeLook { log: self.clone(), kept: [const { OnceCell::new() }; KEPT], changes }
    }
}

/// Nothing is locked while `read` runs: whoever compares keys shows one entry while it is shown another.
impl Entries for FakeLog {
    fn show<R>(&self, address: Address, read: impl FnOnce(&Entry<'_>) -> R) -> Option<R> {
        let stored = self.at(address)?;
        let Stored { space, ref key, kind, bytes, born, .. } = *stored;
        Some(read(&Entry { space, key, kind, bytes, born, lineage: None, value: None, is_damaged: false }))
    }

    fn look(&self) -> impl Look {
        self.held()
    }

    fn rank(&self, address: Address) -> Option<Rank> {
        self.at(address).map(|stored| stored.rank)
    }
}
