//! The ordered index of one space: every version that a view can still see, in key order.
//!
//! Invariant: what is pushed is found by every later call, on any thread. Readers take no lock and see the list of runs as
//! it was when they began; where one meets an entry that compaction has moved since, it goes on in the list of now.

use std::ops::{Bound, ControlFlow};

use super::drops::Drops;
use super::entries::{Entries, SpaceKeys};
use super::key::Change;
use super::runs::{Again, Effort, Entry, Keep, Keys, Mark, Row, Run, Runs, Stale, Way};
use crate::address::Address;

/// From which end a range is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Ascending from the lower bound.
    Forward,
    /// Descending from the upper bound.
    Backward,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ordered {
    runs: Runs,
}

/// What a reader is shown of a key: the key, and the addresses of its versions, newest first.
pub(super) type Visit<'a> = dyn FnMut(&[u8], &[Address]) -> ControlFlow<()> + 'a;

/// The mark of a version in the runs.
pub(super) fn mark(is_tombstone: bool) -> Mark {
    if is_tombstone { Mark::Tombstone } else { Mark::Value }
}

impl Ordered {
    /// What a store holds when it is opened; in key order, each key once.
    pub(super) fn load(sorted: &[Entry], keys: &impl Keys) -> Option<Self> {
        Some(Self { runs: Runs::of(Run::from_sorted(sorted, keys)?) })
    }

    /// Adds the changes of a commit, in key order, each key once.
    pub(super) fn push<'c, E: Entries>(
        &self,
        changes: impl Iterator<Item = &'c Change<'c>>,
        keys: &SpaceKeys<'_, E>,
        drops: &Drops<'_, E>,
    ) {
        let records: Vec<(&[u8], Address, Mark)> = changes
            .map(|change| (change.key, change.version.address, mark(change.version.is_tombstone())))
            .collect();
        self.runs.push(&records, keys, drops);
    }

    /// Notes that the version of `key` at `from` stands at `to` now; `false` if it is not held.
    pub(super) fn relocate(&self, key: &[u8], from: Address, to: Address, keys: &impl Keys) -> bool {
        self.runs.relocate(key, from, to, keys)
    }

    /// Merges runs; `true` if there may be more to do.
    pub(super) fn maintain(&self, keys: &impl Keys, keep: &impl Keep, is_idle: bool) -> bool {
        self.runs.maintain(keys, keep, if is_idle { Effort::Settle } else { Effort::Due })
    }

    /// The versions of a key, newest first.
    pub(super) fn versions(&self, key: &[u8], keys: &impl Keys) -> Vec<Address> {
        self.runs.find(key, keys).into_iter().map(|(address, _)| address).collect()
    }

    /// Shows the keys between the bounds with their versions, until `visit` breaks. The addresses are of this moment: an
    /// entry may have been moved before it is looked at.
    pub(super) fn each(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        direction: Direction,
        keys: &impl Keys,
        visit: &mut Visit<'_>,
    ) {
        let way = match direction {
            Direction::Forward => Way::Forward,
            Direction::Backward => Way::Backward,
        };
        let mut group = Group::default();
        loop {
            let reached = group.key.clone();
            let bounds = match (group.is_begun, direction) {
                (false, _) => (lower, upper),
                (true, Direction::Forward) => (Bound::Excluded(&*reached), upper),
                (true, Direction::Backward) => (lower, Bound::Excluded(&*reached)),
            };
            match self.each_of_list(bounds, way, keys, &mut group, visit) {
                Ok(()) => return,
                // Behind what was shown last; what was collected of the next key is collected again.
                Err(Stale) => group.addresses.clear(),
            }
        }
    }

    fn each_of_list(
        &self,
        (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
        way: Way,
        keys: &impl Keys,
        group: &mut Group,
        visit: &mut Visit<'_>,
    ) -> Result<(), Stale> {
        let mut cursor = self.runs.cursor(keys, lower, upper, way);
        let mut next_key = Vec::new();
        while let Some(row) = cursor.next(&self.runs, keys)? {
            if !row.same_key_as_before && group.show(&mut next_key, visit).is_break() {
                return Ok(());
            }
            if let Some(address) = self.readable(&cursor, &row, keys, &mut next_key)? {
                group.addresses.push(address);
            }
        }
        let _ = group.show(&mut next_key, visit);
        Ok(())
    }

    /// The address of a row's entry, whose key is put into `key`; `None` if nobody wants it any more.
    fn readable(
        &self,
        cursor: &super::runs::Cursor,
        row: &Row,
        keys: &impl Keys,
        key: &mut Vec<u8>,
    ) -> Result<Option<Address>, Stale> {
        let mut row = *row;
        loop {
            let read = keys.key(row.address, |bytes| {
                key.clear();
                key.extend_from_slice(bytes);
            });
            if read.is_some() {
                return Ok(Some(row.address));
            }
            match cursor.again(&self.runs, &row) {
                Again::Moved(address) => row.address = address,
                Again::Dead => return Ok(None),
                Again::Stale => return Err(Stale),
            }
        }
    }

    /// An estimate of the bytes held.
    pub(super) fn memory_bytes(&self) -> u64 {
        u64::try_from(self.runs.size().bytes).expect("lengths are at most 64 bits")
    }
}

/// The versions of one key as they are collected, and the key that was shown last.
#[derive(Debug, Default)]
struct Group {
    addresses: Vec<Address>,
    key: Vec<u8>,
    is_begun: bool,
}

impl Group {
    /// Shows what was collected for `key`, if anything.
    fn show(&mut self, key: &mut Vec<u8>, visit: &mut Visit<'_>) -> ControlFlow<()> {
        if self.addresses.is_empty() {
            return ControlFlow::Continue(());
        }
        std::mem::swap(&mut self.key, key);
        self.is_begun = true;
        let flow = visit(&self.key, &self.addresses);
        self.addresses.clear();
        flow
    }
}
