//! The index as the store sees it: its state, and everything that changes it. Reads are in `lookup.rs`.
//!
//! Invariants: a mutation holds `writer` for one slice at a time and updates the ordered index before the point
//! index; the horizon never moves back; callbacks run with no lock held. See the module for the order of the locks.

use std::sync::atomic::{AtomicU64, Ordering};

use super::accounts::{Accounts, Ledger};
use super::garbage::Garbage;
use super::key::{Change, Key, Space};
use super::ordered::{OrderedIndex, Relocated, Remains, Step};
use super::point::PointIndex;
use super::table::TableIndex;
use super::tree::TreeIndex;
use super::version::{Position, Version, View};
use crate::numbers::{Sequence, Timestamp};
use crate::seams::lock::{Mutex, MutexGuard};

/// Changes, or keys to prune, that are worked off under one hold of the locks: 1 to 3 ms when all keys are cold.
const SLICE: usize = 1024;

/// Callbacks run outside the locks, so only a defect of the index itself can leave one poisoned. It is then not known
/// which keys are found, and answering would be guessing.
pub(super) const WHOLE: &str = "the index is whole: no thread panicked while changing it";

/// Where every version that a view can still see stands in the log.
///
/// Mutations (`apply`, `collect`, `relocate`, `reap`) may be called while others read; `apply` has one caller at a
/// time, the others any number.
#[derive(Debug)]
pub(crate) struct Index {
    // Another point or ordered index is put here; nothing but these two lines and the constructors names them.
    pub(super) point: TableIndex,
    pub(super) ordered: TreeIndex,
    /// Held by whoever changes the two parts, so that they change in the same order.
    writer: Mutex<Garbage>,
    accounts: Mutex<Accounts>,
    /// The highest horizon given; sequence and time, each on its own.
    horizon: [AtomicU64; 2],
}

impl Index {
    /// An empty index; a store gets its own from [`Rebuild`](super::Rebuild). `secret` is a random number of the store's own; who knows it can make lookups slow.
    #[cfg(test)]
    pub(crate) fn new(secret: u64) -> Self {
        Self::from_parts(TableIndex::new(secret), TreeIndex::default(), Ledger::default())
    }

    /// An index over two parts that agree; `ledger` counts what is in them.
    pub(super) fn from_parts(point: TableIndex, ordered: TreeIndex, ledger: Ledger) -> Self {
        let mut accounts = Accounts::default();
        accounts.settle(ledger);
        Self {
            point,
            ordered,
            writer: Mutex::default(),
            accounts: Mutex::new(accounts),
            horizon: Default::default(),
        }
    }

    /// Adds the versions of one or more commits. The caller publishes their sequences afterwards; until then no
    /// view includes them.
    ///
    /// A later change wins over an earlier one of the same key and sequence. Sequences may come in any order, but
    /// each is above every horizon given so far, because what is at or below the horizon has been decided.
    ///
    /// `horizon` is the oldest view in use. What it shows to be invisible for ever in the keys that are touched is
    /// dropped, and `dropped` is called for each such version, as it is for a version replaced by one of its own
    /// sequence. For a tombstone this says only that the index needs it no more; the entry in the log must stay as
    /// long as a segment may hold an older version of its key.
    pub(crate) fn apply(&self, changes: &[Change<'_>], horizon: View, dropped: &mut dyn FnMut(&Version)) {
        let horizon = self.raise_horizon(horizon);
        let mut ledger = Ledger::default();
        let mut freed = Vec::new();
        let mut steps = Vec::new();
        for slice in changes.chunks(SLICE) {
            debug_assert!(
                slice.iter().all(|change| change.version.sequence > horizon.sequence),
                "a change at or below the horizon {horizon:?} comes too late"
            );
            let mut garbage = self.writer();
            self.ordered.insert(slice, horizon, &mut freed, &mut steps);
            for (change, step) in slice.iter().zip(steps.drain(..)) {
                self.follow(change, step, &mut garbage, &mut ledger);
            }
            drop(garbage);
            freed.drain(..).for_each(|version| dropped(&version));
        }
        self.accounts().settle(ledger);
    }

    /// Brings the point index, the queue and the ledger in line with a change to the ordered index.
    fn follow(&self, change: &Change<'_>, step: Step, garbage: &mut Garbage, ledger: &mut Ledger) {
        let key = Key { hash: change.hash, space: change.space, bytes: step.key };
        if step.before != step.after {
            match step.after {
                Some(newest) => self.point.set(key.space, &key.bytes, key.hash, newest),
                None => self.point.remove(key.space, &key.bytes, key.hash),
            }
            ledger.replace(&key, step.before, step.after);
        }
        for sequence in step.prune_at.into_iter().flatten() {
            garbage.push(sequence, key.clone());
        }
    }

    /// Drops what no view at or above `horizon` can see; `dropped` is called for each version. The cost follows
    /// what became invisible since the last call, not the number of keys.
    ///
    /// One kind of version stays for longer than it must: an expired one below a newer one that is itself above the
    /// horizon goes together with the rest, once the horizon reaches the newer one.
    pub(crate) fn collect(&self, horizon: View, dropped: &mut dyn FnMut(&Version)) {
        let horizon = self.raise_horizon(horizon);
        let mut removed = false;
        self.accounts().reap(horizon.time);
        loop {
            // What has expired for every view goes, like a tombstone, once the horizon has reached its sequence.
            let expired = self.accounts().take_expired(horizon.time, SLICE);
            if expired.is_empty() {
                break;
            }
            let mut garbage = self.writer();
            expired.into_iter().for_each(|(sequence, key)| garbage.push(sequence, key));
        }
        let mut freed = Vec::new();
        loop {
            let mut garbage = self.writer();
            let due = garbage.take(horizon.sequence, SLICE);
            if due.is_empty() {
                break;
            }
            for (key, remains) in due.iter().zip(self.ordered.prune(&due, horizon, &mut freed)) {
                if remains == Remains::Removed {
                    self.point.remove(key.space, &key.bytes, key.hash);
                    removed = true;
                }
            }
            drop(garbage);
            freed.drain(..).for_each(|version| dropped(&version));
        }
        if removed {
            self.point.shrink();
        }
    }

    /// Notes that compaction copied the entry of `sequence` from `from` to `to`. `false`, and nothing changed, if
    /// that version does not stand at `from` any more.
    pub(crate) fn relocate(
        &self,
        space: Space,
        key: &[u8],
        hash: u64,
        sequence: Sequence,
        from: Position,
        to: Position,
    ) -> bool {
        let _writer = self.writer();
        match self.ordered.relocate(space, key, sequence, from, to) {
            Relocated::No => false,
            Relocated::Older => true,
            Relocated::Newest(key, version) => {
                self.point.set(space, &key, hash, version);
                true
            }
        }
    }

    /// How many keys are live at `now`, in both spaces together. Exact: every commit applied so far counts as a
    /// whole, and what has expired does not count, whether or not anyone touched it. Costs what has expired since
    /// the last call. Waits while the deadlines of a commit are entered.
    pub(crate) fn len(&self, now: Timestamp) -> u64 {
        let mut accounts = self.accounts();
        accounts.reap(now);
        accounts.live()
    }

    /// Takes what has expired at `now` out of the count, and says how many keys that were. Costs what has expired.
    pub(crate) fn reap(&self, now: Timestamp) -> u64 {
        self.accounts().reap(now)
    }

    /// An estimate of the memory that the index takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let garbage = self.writer().memory_bytes();
        let accounts = self.accounts().memory_bytes();
        self.point.memory_bytes() + self.ordered.memory_bytes() + garbage + accounts
    }

    /// The highest horizon that was given, sequence and time each on its own. An answer at a view that is not at or
    /// above it, both ways, may miss what has been dropped.
    pub(crate) fn horizon(&self) -> View {
        let [sequence, time] = &self.horizon;
        View {
            sequence: Sequence(sequence.load(Ordering::Acquire)),
            time: Timestamp(time.load(Ordering::Acquire)),
        }
    }

    /// The horizon to work with. One that was true once stays true, because views only get newer, so the caller may
    /// have lost a race with another one. It is raised before anything is dropped: see [`Self::horizon`].
    fn raise_horizon(&self, horizon: View) -> View {
        let [sequence, time] = &self.horizon;
        sequence.fetch_max(horizon.sequence.0, Ordering::AcqRel);
        time.fetch_max(horizon.time.0, Ordering::AcqRel);
        self.horizon()
    }

    fn writer(&self) -> MutexGuard<'_, Garbage> {
        self.writer.lock().expect(WHOLE)
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().expect(WHOLE)
    }
}
