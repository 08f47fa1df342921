//! How many keys are live, and when they end.
//!
//! A key that ends is known here by its deadline and its hash. Two keys with one hash and one deadline are counted, not told
//! apart: they end in the same moment.
//!
//! Invariant: `live` is the number of keys whose newest settled version is a value, less those that were reaped; a
//! key with a deadline that has not been reaped is in `deadlines` exactly once. A commit is settled as a whole, so
//! nobody counts half of one. Time only moves forward here: a question about an earlier time is answered for the
//! latest that was asked about.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bytes::Bytes;

use super::deadlines::{Deadline, Deadlines};
use super::key::Space;
use super::memory::{bytes_of, shrink_heap};
use super::told::Told;
use super::version::{Version, VersionKind};
use crate::numbers::{Sequence, Timestamp};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    live: u64,
    deadlines: Deadlines,
    /// Keys that were reaped and whose expired version may still stand in the index, with the size of that.
    expired: BinaryHeap<Reverse<(Deadline, u64)>>,
    /// The sizes of these versions.
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

/// The changes that a commit makes to both accounts.
#[derive(Debug, Default)]
pub(super) struct Ledgers {
    pub(super) own: Ledger,
    pub(super) named: Ledger,
}

impl Ledgers {
    /// Notes that the newest version of a key with this hash changed. System entries are in no account.
    pub(super) fn replace(
        &mut self,
        space: Space,
        hash: u64,
        before: Option<Version>,
        after: Option<Version>,
    ) {
        match space {
            Space::Keys | Space::Hashes => self.own.replace(hash, before, after),
            Space::Named | Space::NamedHashes => self.named.replace(hash, before, after),
            Space::System => {}
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Comes,
    Goes,
}

impl Ledger {
    /// Notes that the newest version of a key with this hash changed.
    pub(super) fn replace(&mut self, hash: u64, before: Option<Version>, after: Option<Version>) {
        for (version, step, direction) in [(before, -1, Move::Goes), (after, 1, Move::Comes)] {
            let Some(version) = version else { continue };
            match version.kind {
                VersionKind::Value { deadline: Some(at) } => {
                    self.expiring.push((Deadline { at, hash }, direction));
                }
                VersionKind::Value { deadline: None } => self.plain += step,
                VersionKind::Tombstone => {}
            }
        }
    }
}

impl Accounts {
    /// What a checkpoint held: the keys live when it was taken, and the deadlines of those that end.
    pub(super) fn load(live: u64, deadlines: Deadlines) -> Self {
        Self { live, deadlines, ..Self::default() }
    }

    /// Takes a commit's changes over. Logarithmic for each deadline that comes or goes.
    pub(super) fn settle(&mut self, commit: Sequence, ledger: Ledger) {
        self.settled = self.settled.max(commit);
        self.add(ledger.plain);
        for (deadline, direction) in ledger.expiring {
            match direction {
                Move::Comes => {
                    self.deadlines.insert(deadline);
                    self.add(1);
                }
                // If it is not there, it was reaped and is not counted any more.
                Move::Goes => {
                    if self.deadlines.remove(deadline) {
                        self.add(-1);
                    }
                }
            }
        }
    }

    /// The first deadline that was not reaped.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first()
    }

    /// Whether something may have expired at `now` that is counted still.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.deadlines.is_due(now)
    }

    /// Takes everything that has expired at `now` out of the count, and returns it; each is to be handed to
    /// [`Accounts::lapse`]. Costs nothing for what has not expired.
    pub(super) fn reap(&mut self, now: Timestamp) -> Vec<Deadline> {
        let mut reaped = Vec::new();
        while let Some(first) = self.deadlines.pop_until(now) {
            self.add(-1);
            reaped.push(first);
        }
        reaped
    }

    /// Notes a reaped key whose version, of so many bytes, may still stand in the index.
    pub(super) fn lapse(&mut self, deadline: Deadline, bytes: u64) {
        self.expired_bytes += bytes;
        self.expired.push(Reverse((deadline, bytes)));
    }

    /// Tells that a key has expired, behind the last commit that was settled.
    pub(super) fn tell(&mut self, key: (Space, Bytes), deadline: Deadline) {
        self.told.tell(key, deadline.at, self.settled);
    }

    /// Deadlines of reaped keys, `limit` at most, which are at or before `time`; each is handed out once.
    pub(super) fn take_expired(&mut self, time: Timestamp, limit: usize) -> Vec<Deadline> {
        let mut due = Vec::new();
        while due.len() < limit
            && self.expired.peek().is_some_and(|Reverse((first, _))| first.at <= time)
            && let Some(Reverse((first, bytes))) = self.expired.pop()
        {
            self.expired_bytes -= bytes;
            due.push(first);
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

    /// What a checkpoint holds: the deadlines of all keys that end, those included that were reaped and may still stand in the
    /// index, of which `waiting` are told here, and how many keys there are if these are counted.
    pub(super) fn image(&self, waiting: impl Iterator<Item = Deadline>) -> (u64, Vec<Deadline>) {
        let mut all: Vec<Deadline> =
            waiting.chain(self.expired.iter().map(|Reverse((one, _))| *one)).collect();
        let live = self.live + bytes_of(all.len(), 1);
        self.deadlines.each(|deadline| all.push(deadline));
        all.sort_unstable();
        (live, all)
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.deadlines.memory_bytes() + bytes_of(self.expired.capacity(), size_of::<(Deadline, u64)>())
    }

    fn add(&mut self, step: i64) {
        self.live = self.live.checked_add_signed(step).expect("every key that goes has come before");
    }
}
