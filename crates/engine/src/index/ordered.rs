//! The ordered index of one space: every version that a view can still see, in key order.
//!
//! Invariant: what is pushed is found by every later call, on any thread. Readers take no lock and see the list of runs as
//! it was when they began; where one meets an entry that compaction has moved since, it goes on in the list of now.

use std::ops::Bound;
use std::time::Duration;

use super::drops::Drops;
use super::entries::{Entries, SpaceKeys};
use super::runs::{Again, Effort, Entry, Keep, Keys, List, Mark, Run, Runs, Stale, Way};
use crate::address::Address;
use crate::planted::{Bug, planted};

/// From which end a range is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Ascending from the lower bound.
    Forward,
    /// Descending from the upper bound.
    Backward,
}

/// How many versions ahead the log is fetched: about what a miss takes.
const AHEAD: usize = 16;
/// A store is idle when nothing was written for so long; less is a pause of a writer that was held up.
const IDLE_MIN: Duration = Duration::from_millis(100);
/// In a store that is idle, runs that hold at least one in so many of the records of the largest are merged with it at once;
const SETTLED: usize = 16;
/// what is less, once the store has been idle for so many nanoseconds for each record: some twenty times what the merge takes.
const IDLE_NS: u128 = 400;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ordered {
    runs: Runs,
}

/// Who reads a range.
pub(super) trait Visitor {
    /// Looks at a version: of the next key, or an older one of the same key. The mark says what it is, should it be unreadable.
    fn version(&mut self, address: Address, mark: Mark, is_new_key: bool) -> Seen;

    /// Called with the addresses of versions some time before they are looked at; may fetch them into the cache.
    fn fetch(&mut self, address: Address);

    /// The key behind which to go on, if one was dealt with: the list of runs has changed. What was seen of the key behind it
    /// is seen again.
    fn reached(&mut self) -> Option<&[u8]>;
}

/// What a visitor says of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// On to the next.
    Yes,
    /// There is nothing at this address.
    No,
    /// That is enough.
    Enough,
}

/// The mark of a version in the runs.
pub(super) fn mark(is_tombstone: bool) -> Mark {
    if is_tombstone { Mark::Tombstone } else { Mark::Value }
}

impl Ordered {
    /// What a store holds when it is opened; in key order, each key once.
    pub(super) fn load(sorted: &[Entry], keys: &impl Keys) -> Option<Self> {
        Some(Self { runs: Runs::of([Run::from_sorted(sorted, keys)?]) })
    }

    /// What a checkpoint held: runs, newest first.
    pub(super) fn of_runs(runs: Vec<Run>) -> Self {
        Self { runs: Runs::of(runs) }
    }

    /// The runs as they are now, newest first.
    pub(super) fn runs(&self) -> std::sync::Arc<List> {
        self.runs.all()
    }

    /// Adds the versions of a commit, or of several, by key, those of one key newest first.
    pub(super) fn push<E: Entries>(
        &self,
        records: &[(&[u8], Address, Mark)],
        keys: &SpaceKeys<'_, E>,
        drops: &Drops<'_, E>,
    ) {
        self.runs.push(records, keys, drops);
    }

    /// Notes that the version of `key` at `from` stands at `to` now; `false` if it is not held.
    pub(super) fn relocate(&self, key: &[u8], from: Address, to: Address) -> bool {
        planted(Bug::RelocationLost) || self.runs.relocate(key, from, to)
    }

    /// Merges runs; `true` if there may be more to do. When nothing was written for a while, all of them, so that a range is
    /// read from one.
    pub(super) fn maintain(&self, keys: &impl Keys, keep: &impl Keep, idle: Duration) -> bool {
        let size = self.runs.size();
        let others = size.records - size.largest;
        let is_long = idle.as_nanos() >= IDLE_NS * size.records as u128;
        let settles = size.runs > 1 && idle >= IDLE_MIN && (others * SETTLED >= size.largest || is_long);
        let effort = if settles { Effort::Settle } else { Effort::Due };
        self.runs.maintain(keys, keep, effort)
    }

    /// Leaves out what nobody can see.
    pub(super) fn rewrite(&self, keys: &impl Keys, keep: &impl Keep) {
        self.runs.maintain(keys, keep, Effort::Rewrite);
    }

    /// The versions of a key, newest first.
    pub(super) fn versions(&self, key: &[u8], keys: &impl Keys) -> Vec<Address> {
        self.runs.find(key, keys).into_iter().map(|(address, _)| address).collect()
    }

    /// How many versions lie between the bounds; see [`Runs::count_between`].
    pub(super) fn count_between(&self, lower: Bound<&[u8]>, upper: Bound<&[u8]>, keys: &impl Keys) -> usize {
        self.runs.count_between(lower, upper, keys)
    }

    /// Keys that cut what lies between the bounds into parts; see [`Runs::dividers`].
    pub(super) fn dividers(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        parts: usize,
        keys: &impl Keys,
    ) -> Vec<Vec<u8>> {
        self.runs.dividers(lower, upper, parts, keys)
    }

    /// Shows the versions between the bounds, those of a key side by side and newest first. The addresses are of this moment:
    /// an entry may have been moved before it is looked at, and then the visitor gets the new address.
    pub(super) fn walk(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        direction: Direction,
        keys: &impl Keys,
        visitor: &mut impl Visitor,
    ) {
        let way = match direction {
            Direction::Forward => Way::Forward,
            Direction::Backward => Way::Backward,
        };
        let mut reached: Option<Vec<u8>> = None;
        loop {
            let bounds = match (reached.as_deref(), direction) {
                (None, _) => (lower, upper),
                (Some(key), Direction::Forward) => (Bound::Excluded(key), upper),
                (Some(key), Direction::Backward) => (lower, Bound::Excluded(key)),
            };
            match self.walk_list(bounds, way, keys, visitor) {
                Ok(()) => return,
                Err(Stale) => reached = visitor.reached().map(<[u8]>::to_vec).or(reached),
            }
        }
    }

    fn walk_list(
        &self,
        (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
        way: Way,
        keys: &impl Keys,
        visitor: &mut impl Visitor,
    ) -> Result<(), Stale> {
        let mut cursor = self.runs.cursor(keys, lower, upper, way);
        cursor.ahead(AHEAD).for_each(|address| visitor.fetch(address));
        let mut is_new_key = true;
        let mut is_hidden = false;
        while let Some(mut row) = cursor.next(&self.runs, keys)? {
            if let Some(address) = cursor.at_distance(AHEAD) {
                visitor.fetch(address);
            }
            is_new_key |= !row.same_key_as_before;
            is_hidden &= row.same_key_as_before;
            while !is_hidden {
                match visitor.version(row.address, row.mark, is_new_key) {
                    Seen::Yes => {
                        is_new_key = false;
                        break;
                    }
                    Seen::Enough => return Ok(()),
                    Seen::No => match cursor.again(&self.runs, &mut row) {
                        Again::Moved => {}
                        // It may have been of another key, and hides nothing of this one.
                        Again::Dead if row.is_guess => break,
                        // Nobody wants it any more, nor what it hides.
                        Again::Dead => is_hidden = true,
                        Again::Stale => return Err(Stale),
                    },
                }
            }
        }
        Ok(())
    }

    /// An estimate of the bytes held.
    pub(super) fn memory_bytes(&self) -> u64 {
        u64::try_from(self.runs.size().bytes).expect("lengths are at most 64 bits")
    }
}
