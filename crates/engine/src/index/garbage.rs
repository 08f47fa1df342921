//! The queue of versions that no view will see any more once the horizon has passed a place in the log.
//!
//! Invariant: a version is queued once, when a newer one takes its place or, if it is a tombstone, when it comes; so what
//! the horizon frees is found by the horizon alone. What compaction moves meanwhile is found at its new place.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::address::Address;
use super::memory::bytes_of;
use super::version::Version;
use crate::numbers::LogOffset;

/// What waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Waste {
    /// A version below a newer one: nothing points to it but the ordered index.
    Older(Version),
    /// The newest version of a key with this hash, a tombstone.
    Tombstone { hash: u64, version: Version },
    /// The newest version of a key with this hash at the time; it has expired.
    Expired { hash: u64, version: Version },
}

/// Versions by the place in the log that they wait for, ascending.
#[derive(Debug, Default)]
pub(super) struct Garbage {
    waiting: VecDeque<(LogOffset, Waste)>,
    /// The expired versions among them.
    expired: HashSet<Address>,
    /// Where compaction took queued versions, and how big they are there.
    moved: HashMap<Address, (Address, u64)>,
}

impl Garbage {
    /// Queues a version until every view in use includes what was written at `due`.
    pub(super) fn push(&mut self, due: LogOffset, waste: Waste) {
        // Later than it must is harmless, and keeps the queue in order.
        let due = self.waiting.back().map_or(due, |(last, _)| due.max(*last));
        if let Waste::Expired { version, .. } = waste {
            self.expired.insert(version.address);
        }
        self.waiting.push_back((due, waste));
    }

    /// Notes that a version stands elsewhere now. `is_queued` says that it is queued for another reason than its deadline.
    pub(super) fn relocate(&mut self, from: Address, to: Address, bytes: u64, is_queued: bool) {
        let is_expired = self.expired.remove(&from);
        if is_expired {
            self.expired.insert(to);
        }
        if is_queued || is_expired {
            self.moved.insert(from, (to, bytes));
        }
    }

    /// The next versions, `limit` at most, that wait for a place before the end `tail` of every view.
    pub(super) fn take(&mut self, tail: LogOffset, limit: usize) -> Vec<Waste> {
        let due = self.waiting.iter().take(limit).take_while(|(due, _)| *due < tail).count();
        let taken: Vec<Waste> = self.waiting.drain(..due).map(|(_, waste)| waste).collect();
        const SMALL: usize = 1024;
        if self.waiting.capacity() > SMALL && self.waiting.len() < self.waiting.capacity() / 4 {
            self.waiting.shrink_to(self.waiting.len() * 2);
        }
        if self.moved.is_empty() && self.expired.is_empty() {
            return taken;
        }
        taken.into_iter().map(|waste| self.followed(waste)).collect()
    }

    /// The same where it stands now.
    fn followed(&mut self, mut waste: Waste) -> Waste {
        let (Waste::Older(version) | Waste::Tombstone { version, .. } | Waste::Expired { version, .. }) =
            &mut waste;
        while let Some((to, bytes)) = self.moved.remove(&version.address) {
            version.address = to;
            version.bytes = bytes;
        }
        let address = version.address;
        if matches!(waste, Waste::Expired { .. }) {
            self.expired.remove(&address);
        }
        waste
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        bytes_of(self.waiting.capacity(), size_of::<(LogOffset, Waste)>())
            + bytes_of(self.expired.capacity(), size_of::<Address>() + 1)
            + bytes_of(self.moved.capacity(), size_of::<(Address, (Address, u64))>() + 1)
    }
}
