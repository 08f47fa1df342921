//! The queue of versions that no view will see any more once the horizon has passed a place in the log.
//!
//! Invariant: a version is queued once, when a newer one takes its place or, if it is a tombstone, when it comes; so what
//! the horizon frees is found by the horizon alone. What compaction moves meanwhile is found at its new place. All that a
//! horizon frees is taken by a collection at that horizon: nothing waits behind something else.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};

use super::deadlines::Deadline;
use super::memory::{bytes_of, shrink_heap, table_bytes};
use super::version::{Born, Version, View};
use crate::address::Address;
use crate::numbers::{LogOffset, Sequence};

/// What waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Waste {
    /// A version below a newer one: nothing points to it but the ordered index.
    Older(Version),
    /// The newest version of a key with this hash, a tombstone.
    Tombstone { hash: u64, version: Version },
    /// The newest versions of keys with this hash that have this deadline, which has passed.
    Expired(Deadline),
}

/// Versions by the place in the log that they wait for, ascending.
#[derive(Debug, Default)]
pub(super) struct Garbage {
    waiting: VecDeque<(LogOffset, Waste)>,
    /// Expired keys, which come in the order of their deadlines: by their version's place in the log, or by its commit where
    /// compaction has moved it.
    expired_at: BinaryHeap<Reverse<Lapse>>,
    expired_in: BinaryHeap<Reverse<Lapse>>,
    /// Where compaction took queued versions, and how big they are there.
    moved: HashMap<Address, (Address, u64)>,
    /// Where all that waits stands now. Made when compaction asks, and kept until nothing waits.
    standing: Option<HashSet<Address>>,
}

/// A log offset or sequence, and the deadline of a key.
type Lapse = (u64, Deadline);

impl Garbage {
    /// Queues a version until every view in use includes what was written at `due`; called in the order of the log.
    pub(super) fn push(&mut self, due: LogOffset, waste: Waste) {
        // The changes of one commit come in the order of their keys; no view ends between them.
        let due = self.waiting.back().map_or(due, |(last, _)| due.max(*last));
        if let (Some(standing), Some(version)) = (&mut self.standing, waste.version()) {
            standing.insert(version.address);
        }
        self.waiting.push_back((due, waste));
    }

    /// Queues a key whose newest version, born then, has expired, until every view in use includes that version.
    pub(super) fn push_expired(&mut self, born: Born, deadline: Deadline) {
        match born {
            Born::At(offset) => self.expired_at.push(Reverse((offset.0, deadline))),
            Born::In(sequence) => self.expired_in.push(Reverse((sequence.0, deadline))),
        }
    }

    /// What a checkpoint holds of all that waits: the bytes in each slot of the segment table that will be dead when no view is
    /// left, and the tombstones that are in the slot table until then, by their hashes. Costs what waits.
    pub(super) fn image(&self) -> (HashMap<usize, u64>, Vec<(u64, Address)>) {
        let (mut bytes, mut tombstones) = (HashMap::new(), Vec::new());
        for (_, waste) in &self.waiting {
            let mut waste = waste.clone();
            let (Waste::Older(version) | Waste::Tombstone { version, .. }) = &mut waste else { continue };
            while let Some((to, bytes)) = self.moved.get(&version.address) {
                (version.address, version.bytes) = (*to, *bytes);
            }
            *bytes.entry(version.address.slot()).or_insert(0) += version.bytes;
            if let Waste::Tombstone { hash, version } = waste {
                tombstones.push((hash, version.address));
            }
        }
        (bytes, tombstones)
    }

    /// The deadlines of expired keys that wait.
    pub(super) fn expired(&self) -> impl Iterator<Item = Deadline> {
        self.expired_at.iter().chain(&self.expired_in).map(|Reverse((_, deadline))| *deadline)
    }

    /// Whether a version is queued that stands here.
    pub(super) fn holds(&mut self, address: Address) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let Self { waiting, moved, standing, .. } = self;
        let standing = standing.get_or_insert_with(|| {
            let mut places = HashSet::with_capacity(waiting.len());
            for version in waiting.iter().filter_map(|(_, waste)| waste.version()) {
                let mut place = version.address;
                while let Some((to, _)) = moved.get(&place) {
                    place = *to;
                }
                places.insert(place);
            }
            places
        });
        standing.contains(&address)
    }

    /// Notes that a version which is queued stands elsewhere now.
    pub(super) fn relocate(&mut self, from: Address, to: Address, bytes: u64) {
        self.moved.insert(from, (to, bytes));
        if let Some(standing) = &mut self.standing {
            standing.remove(&from);
            standing.insert(to);
        }
    }

    /// The next versions, `limit` of each sort at most, that wait for what every view at or above `horizon` includes.
    pub(super) fn take(&mut self, horizon: View, limit: usize) -> Vec<Waste> {
        let due = self.waiting.iter().take(limit).take_while(|(due, _)| *due < horizon.tail).count();
        let mut taken: Vec<Waste> = self.waiting.drain(..due).map(|(_, waste)| waste).collect();
        const SMALL: usize = 1024;
        if self.waiting.capacity() > SMALL && self.waiting.len() < self.waiting.capacity() / 4 {
            self.waiting.shrink_to(self.waiting.len() * 2);
        }
        taken.iter_mut().for_each(|waste| self.leave(waste));
        if self.waiting.is_empty() {
            self.moved = HashMap::new();
            self.standing = None;
        }
        let by_offset = |born: u64| horizon.includes(Born::At(LogOffset(born)));
        let by_sequence = |born: u64| horizon.includes(Born::In(Sequence(born)));
        take_lapsed(&mut self.expired_at, limit, by_offset, &mut taken);
        take_lapsed(&mut self.expired_in, limit, by_sequence, &mut taken);
        taken
    }

    /// Takes leave of what was queued, and says where it stands now.
    fn leave(&mut self, waste: &mut Waste) {
        let (Waste::Older(version) | Waste::Tombstone { version, .. }) = waste else { return };
        while let Some((to, bytes)) = self.moved.remove(&version.address) {
            version.address = to;
            version.bytes = bytes;
        }
        if let Some(standing) = &mut self.standing {
            standing.remove(&version.address);
        }
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        bytes_of(self.waiting.capacity(), size_of::<(LogOffset, Waste)>())
            + bytes_of(self.expired_at.capacity() + self.expired_in.capacity(), size_of::<Lapse>())
            + table_bytes(self.moved.capacity(), size_of::<(Address, (Address, u64))>())
            + self
                .standing
                .as_ref()
                .map_or(0, |standing| table_bytes(standing.capacity(), size_of::<Address>()))
    }
}

impl Waste {
    /// The version, where it is known.
    fn version(&self) -> Option<&Version> {
        match self {
            Self::Older(version) | Self::Tombstone { version, .. } => Some(version),
            Self::Expired(_) => None,
        }
    }
}

/// Takes the keys whose versions are included.
fn take_lapsed(
    lapsed: &mut BinaryHeap<Reverse<Lapse>>,
    limit: usize,
    is_included: impl Fn(u64) -> bool,
    taken: &mut Vec<Waste>,
) {
    for _ in 0..limit {
        if !lapsed.peek().is_some_and(|Reverse((born, ..))| is_included(*born)) {
            break;
        }
        taken.extend(lapsed.pop().map(|Reverse((_, deadline))| Waste::Expired(deadline)));
    }
    shrink_heap(lapsed);
}
