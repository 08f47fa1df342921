//! How many keys are live, and when they end.
//!
//! Invariant: `live` is the number of keys whose newest settled version is a value, less those that were reaped; a
//! key with a deadline that has not been reaped is in `deadlines` exactly once. A commit is settled as a whole, so
//! nobody counts half of one. Time only moves forward here: a question about an earlier time is answered for the
//! latest that was asked about.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap};

use super::key::Key;
use super::memory::{bytes_of, shrink_heap, tree_bytes};
use super::told::Told;
use super::version::{Version, VersionKind};
use crate::numbers::{Sequence, Timestamp};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    live: u64,
    deadlines: BTreeSet<Deadline>,
    /// Keys that were reaped and whose expired version may still stand in the index.
    expired: BinaryHeap<Reverse<Deadline>>,
    /// The sizes of these versions when they came.
    expired_bytes: u64,
    /// The last commit that was settled, and what expired behind which.
    settled: Sequence,
    pub(super) told: Told,
}

/// The changes to the accounts that a commit makes, collected while it is applied.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Keys without a deadline that came, less those that went.
    plain: i64,
    /// The others, in the order in which it happened.
    expiring: Vec<(Deadline, Move)>,
}

/// When a key ends. Two are the same whatever size they have: compaction changes it.
#[derive(Clone, Debug)]
struct Deadline {
    at: Timestamp,
    key: Key,
    bytes: u64,
}

impl Ord for Deadline {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, &self.key).cmp(&(other.at, &other.key))
    }
}

impl PartialOrd for Deadline {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Deadline {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Deadline {}

#[derive(Clone, Copy, Debug)]
enum Move {
    Comes,
    Goes,
}

impl Ledger {
    /// Notes that the newest version of a key changed; the key is made only where one has a deadline.
    pub(super) fn replace(&mut self, key: impl Fn() -> Key, before: Option<Version>, after: Option<Version>) {
        for (version, step, direction) in [(before, -1, Move::Goes), (after, 1, Move::Comes)] {
            let Some(version) = version else { continue };
            match version.kind {
                VersionKind::Value { deadline: Some(at) } => {
                    let deadline = Deadline { at, key: key(), bytes: version.bytes };
                    self.expiring.push((deadline, direction));
                }
                VersionKind::Value { deadline: None } => self.plain += step,
                VersionKind::Tombstone => {}
            }
        }
    }
}

impl Accounts {
    /// Takes a commit's changes over. Logarithmic for each deadline that comes or goes.
    pub(super) fn settle(&mut self, commit: Sequence, ledger: Ledger) {
        self.settled = self.settled.max(commit);
        self.add(ledger.plain);
        for (deadline, direction) in ledger.expiring {
            match direction {
                Move::Comes => {
                    if self.deadlines.insert(deadline) {
                        self.add(1);
                    }
                }
                // If it is not there, it was reaped and is not counted any more.
                Move::Goes => {
                    if self.deadlines.remove(&deadline) {
                        self.add(-1);
                    }
                }
            }
        }
    }

    /// Takes everything that has expired at `now` out of the count and says how many that were. Costs nothing for
    /// what has not expired.
    pub(super) fn reap(&mut self, now: Timestamp) -> u64 {
        let mut reaped = 0;
        while self.deadlines.first().is_some_and(|first| first.at <= now)
            && let Some(first) = self.deadlines.pop_first()
        {
            self.add(-1);
            self.expired_bytes += first.bytes;
            self.told.tell(&first.key, first.at, self.settled);
            self.expired.push(Reverse(first));
            reaped += 1;
        }
        reaped
    }

    /// Reaped keys and their deadlines, `limit` at most, which are at or before `time`; each is handed out once.
    pub(super) fn take_expired(&mut self, time: Timestamp, limit: usize) -> Vec<(Timestamp, Key)> {
        let mut due = Vec::new();
        while due.len() < limit
            && self.expired.peek().is_some_and(|Reverse(first)| first.at <= time)
            && let Some(Reverse(first)) = self.expired.pop()
        {
            self.expired_bytes -= first.bytes;
            due.push((first.at, first.key));
        }
        shrink_heap(&mut self.expired);
        due
    }

    /// The sizes of the versions that have expired and were not handed out yet.
    pub(super) fn expired_bytes(&self) -> u64 {
        self.expired_bytes
    }

    pub(super) fn live(&self) -> u64 {
        self.live
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        let entry_bytes = size_of::<Deadline>();
        tree_bytes(self.deadlines.len(), entry_bytes) + bytes_of(self.expired.capacity(), entry_bytes)
    }

    fn add(&mut self, step: i64) {
        self.live = self.live.checked_add_signed(step).expect("every key that goes has come before");
    }
}
