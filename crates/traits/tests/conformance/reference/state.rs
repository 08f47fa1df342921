//! What the reference store holds, and the one way in which it changes: a commit.
//!
//! The invariant: a commit is applied under one lock, takes one sequence and is one entry of the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use pentad_traits::conformance::Limits;

use crate::defect::Defect as D;

/// Bytes that payloads start at a multiple of.
pub(crate) const ALIGNMENT: usize = 64;
/// Bytes that a commit takes in the log besides its payloads.
const COMMIT_BYTES: u64 = 32;

/// What an entry is found by. All keys sort before all hashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Id {
    Key(Bytes),
    Hash(u64),
}

impl Id {
    pub(crate) fn key(key: &[u8]) -> Self {
        Self::Key(Bytes::copy_from_slice(key))
    }
}

/// An instant and the time to live that it came from, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at_ns: u64,
    pub(crate) ttl_ns: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) payload: Bytes,
    pub(crate) deadline: Option<Deadline>,
    /// The sequence, then the place in its commit.
    pub(crate) order: (u64, usize),
    pub(crate) tail_before: u64,
    pub(crate) damaged: bool,
    /// Set when handles to it are to show nothing any more, which only defects do.
    pub(crate) dead: Arc<AtomicBool>,
}

/// One change of a commit; a payload of `None` deletes.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) id: Id,
    pub(crate) payload: Option<Bytes>,
    pub(crate) deadline: Option<Deadline>,
}

impl Change {
    pub(crate) fn put(id: Id, payload: &[u8]) -> Self {
        Self { id, payload: Some(place(payload, ALIGNMENT)), deadline: None }
    }

    pub(crate) fn delete(id: Id) -> Self {
        Self { id, payload: None, deadline: None }
    }
}

/// A copy of `payload` whose address is a multiple of `alignment`.
pub(crate) fn place(payload: &[u8], alignment: usize) -> Bytes {
    let mut buffer = vec![0; payload.len() + alignment];
    let start = buffer.as_ptr().align_offset(alignment);
    buffer[start..start + payload.len()].copy_from_slice(payload);
    Bytes::from(buffer).slice(start..start + payload.len())
}

#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) defect: Option<D>,
    pub(crate) entries: BTreeMap<Id, Entry>,
    pub(crate) log: BTreeMap<u64, Vec<(Bytes, Bytes)>>,
    pub(crate) sequence: u64,
    pub(crate) tail: u64,
    pub(crate) disk_bytes: u64,
    /// What a failed stream left, which only a defect does.
    pub(crate) left_behind: Vec<u8>,
    /// The switches of entries that were overwritten or deleted, for the defects that end their handles.
    pub(crate) retired: Vec<Arc<AtomicBool>>,
    /// Keys that were deleted, for the defects that do not forget them.
    pub(crate) graves: BTreeSet<Bytes>,
    /// The state before the last commit, for the defects that go back to it.
    pub(crate) before_last: Option<Box<State>>,
    pub(crate) puts: usize,
}

impl State {
    pub(crate) fn has(&self, defect: D) -> bool {
        self.defect == Some(defect)
    }

    /// The entry if it is there at `now_ns`.
    pub(crate) fn live(&self, id: &Id, now_ns: u64) -> Option<&Entry> {
        self.entries.get(id).filter(|entry| is_live(entry, now_ns))
    }

    pub(crate) fn live_entries(&self, now_ns: u64) -> impl DoubleEndedIterator<Item = (&Id, &Entry)> {
        self.entries.iter().filter(move |(_, entry)| is_live(entry, now_ns))
    }

    /// Whether `changes` are within the limits; the message otherwise.
    pub(crate) fn check(&self, changes: &[Change], limits: &Limits) -> Result<(), String> {
        let beyond = |what: &str, limit: usize, size: usize| match self.has(D::MessagesGiveNoSizes) {
            true => Err(format!("the {what} is too large")),
            false => Err(format!("the {what} may be {limit} at most and is {size}")),
        };
        if changes.len() > limits.batch_operations_max && !self.has(D::NoBatchCountLimit) {
            return beyond("number of operations", limits.batch_operations_max, changes.len());
        }
        let mut batch_bytes = 0;
        for change in changes {
            let Id::Key(key) = &change.id else { continue };
            self.check_key(key, limits).map_err(|(limit, size)| {
                beyond("length of a key in bytes", limit, size).expect_err("beyond only makes errors")
            })?;
            batch_bytes += key.len();
        }
        for payload in changes.iter().filter_map(|change| change.payload.as_ref()) {
            if payload.len() > limits.value_bytes_max && !self.has(D::NoValueLimit) {
                return beyond("length of a value in bytes", limits.value_bytes_max, payload.len());
            }
            batch_bytes += payload.len();
        }
        if batch_bytes > limits.batch_bytes_max && changes.len() > 1 && !self.has(D::NoBatchBytesLimit) {
            return beyond("length of a batch in bytes", limits.batch_bytes_max, batch_bytes);
        }
        Ok(())
    }

    /// Whether the key is within its limit; limit and size otherwise.
    pub(crate) fn check_key(&self, key: &[u8], limits: &Limits) -> Result<(), (usize, usize)> {
        let limit = limits.key_bytes_max - usize::from(self.has(D::KeyLimitIsOneLess));
        if key.len() > limit && !self.has(D::NoKeyLimit) {
            return Err((limit, key.len()));
        }
        if key.is_empty() && self.has(D::EmptyKeyIsRefused) { Err((limit, 0)) } else { Ok(()) }
    }

    /// Applies `changes` as one commit and answers its sequence.
    pub(crate) fn commit(&mut self, changes: Vec<Change>, now_ns: u64) -> u64 {
        let logged = changes
            .iter()
            .filter_map(|change| match (&change.id, &change.payload) {
                (Id::Key(key), Some(payload)) => Some((key.clone(), payload.clone())),
                (Id::Key(key), None) if self.has(D::DeletesAreLogged) => Some((key.clone(), Bytes::new())),
                _ => None,
            })
            .collect();
        self.commit_logging(changes, logged, now_ns)
    }

    /// Applies `changes` as one commit that is logged as `logged`, and answers its sequence.
    pub(crate) fn commit_logging(
        &mut self,
        changes: Vec<Change>,
        mut logged: Vec<(Bytes, Bytes)>,
        now_ns: u64,
    ) -> u64 {
        if self.has(D::LeaseReadIsStale) || self.has(D::PolicyIsIgnoredForStaleRead) {
            self.before_last = None;
            self.before_last = Some(Box::new(self.clone()));
        }
        self.sequence += if self.has(D::SequencesSkipOne) { 2 } else { 1 };
        if self.has(D::LogKeepsLastDuplicateOnly) {
            let all = logged.clone();
            let mut place = 0;
            logged.retain(|(key, _)| {
                place += 1;
                !all[place..].iter().any(|(later, _)| later == key)
            });
        }
        self.log.insert(self.sequence, logged);
        let tail_before = self.tail;
        self.grow(COMMIT_BYTES);
        let mut seen = BTreeSet::new();
        for (place, change) in changes.into_iter().enumerate() {
            if self.has(D::FirstDuplicateWins) && !seen.insert(change.id.clone()) {
                continue;
            }
            self.apply(change, place, tail_before, now_ns);
        }
        self.sequence
    }

    pub(crate) fn grow(&mut self, bytes: u64) {
        self.tail += bytes;
        self.disk_bytes += bytes;
    }

    fn apply(&mut self, change: Change, place: usize, tail_before: u64, now_ns: u64) {
        let Change { id, payload, mut deadline } = change;
        let nul = payload.as_deref() == Some(b"\0");
        if payload.is_some() && self.has(D::FirstWriteWins) && self.live(&id, now_ns).is_some() {
            return;
        }
        if let Some(old) = self.entries.get(&id) {
            self.retired.push(Arc::clone(&old.dead));
        }
        if self.has(D::HandlesDieWithTheEntry) {
            self.end_retired_handles();
        }
        match payload {
            Some(payload) if !(nul && self.has(D::NulIsTombstone)) => {
                let old = self.entries.get(&id).and_then(|old| old.deadline);
                if (deadline.is_none() && self.has(D::PlainWriteKeepsDeadline))
                    || (deadline.is_some() && old.is_some() && self.has(D::FirstDeadlineStays))
                {
                    deadline = old;
                }
                if let Id::Key(key) = &id {
                    self.graves.remove(key);
                }
                self.puts += 1;
                self.grow(payload.len().try_into().expect("a length fits u64"));
                let place = if self.has(D::LastOfABatchIsItsFirst) { usize::MAX - place } else { place };
                let order = (self.sequence, place);
                let dead = Arc::new(AtomicBool::new(false));
                self.entries
                    .insert(id, Entry { payload, deadline, order, tail_before, damaged: false, dead });
            }
            _ => {
                self.entries.remove(&id);
                if let Id::Key(key) = id {
                    self.graves.insert(key);
                }
            }
        }
    }

    fn end_retired_handles(&mut self) {
        for dead in self.retired.drain(..) {
            dead.store(true, Ordering::SeqCst);
        }
    }

    /// Forgets the dead entries' share of the disk.
    pub(crate) fn compact(&mut self) {
        if self.has(D::HandlesDieInCompaction) {
            self.end_retired_handles();
        }
        if self.has(D::CompactionEmptiesTheLog) {
            self.log.clear();
        }
        if !self.has(D::CompactionReclaimsNothing) {
            let live = self.entries.values().map(|entry| entry.payload.len());
            let logged = self.log.values().flatten().map(|(_, value)| value.len());
            self.disk_bytes = live.chain(logged).sum::<usize>().try_into().expect("a length fits u64");
        }
    }
}

fn is_live(entry: &Entry, now_ns: u64) -> bool {
    entry.deadline.is_none_or(|deadline| now_ns < deadline.at_ns)
}
