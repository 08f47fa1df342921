//! Reading the ordered index: whole keys with their versions, or the live entries of a view.
//!
//! Invariant: a key is shown once, and after the one before it in the direction that was asked for, also when compaction
//! and merges go on meanwhile.

use std::ops::{Bound, ControlFlow};

use super::entries::{Entries, Entry};
use super::facade::Index;
use super::key::Space;
use super::ordered::{Direction, Seen, Visitor};
use super::runs::Mark;
use super::version::{Version, View};
use crate::address::Address;

/// What is shown of a key: the key, and the addresses of its versions, newest first.
pub(super) type VisitKey<'a> = dyn FnMut(&[u8], &[Address]) -> ControlFlow<()> + 'a;

impl<E: Entries> Index<E> {
    /// Shows the live entries of a view between the bounds, in key order, until `visit` breaks.
    pub(crate) fn scan(
        &self,
        (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
        view: View,
        direction: Direction,
        visit: impl FnMut(Address, &Entry<'_>) -> ControlFlow<()>,
    ) {
        let reached = None;
        let mut live = Live { entries: &self.entries, view, visit, is_decided: false, reached };
        self.keys.walk(lower, upper, direction, &self.keys_of(Space::Keys), &mut live);
    }

    /// Shows the live entries of a view that were stored under a hash alone.
    pub(crate) fn scan_hash_only(&self, view: View, mut visit: impl FnMut(&Version)) {
        let all = (Bound::Unbounded, Bound::Unbounded);
        self.each(Space::Hashes, all.0, all.1, Direction::Forward, &mut |key, addresses| {
            if let Some(version) = self.row(Space::Hashes, key, addresses, view) {
                visit(&version);
            }
            ControlFlow::Continue(())
        });
    }

    /// Shows the keys of a space between the bounds with the addresses of all their versions, newest first, until `visit`
    /// breaks.
    pub(super) fn each(
        &self,
        space: Space,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        direction: Direction,
        visit: &mut VisitKey<'_>,
    ) {
        let keys = &self.keys_of(space);
        let mut group =
            Group { entries: &self.entries, visit, addresses: Vec::new(), key: Vec::new(), shown: None };
        self.ordered(space).walk(lower, upper, direction, keys, &mut group);
        let _ = group.show();
    }
}

/// Shows what a view sees.
struct Live<'a, E, V> {
    entries: &'a E,
    view: View,
    visit: V,
    /// Whether the version that the view sees of the current key was found.
    is_decided: bool,
    /// The last key of which that is so.
    reached: Option<Vec<u8>>,
}

impl<E: Entries, V: FnMut(Address, &Entry<'_>) -> ControlFlow<()>> Visitor for Live<'_, E, V> {
    #[inline]
    fn version(&mut self, address: Address, mark: Mark, is_new_key: bool) -> Seen {
        if self.is_decided && !is_new_key {
            return Seen::Yes;
        }
        let Self { entries, view, visit, is_decided, reached } = self;
        *is_decided = false;
        let flow = entries.show(address, |entry| {
            if !view.includes(entry.born) {
                return ControlFlow::Continue(());
            }
            *is_decided = true;
            if !entry.is_damaged {
                let reached = reached.get_or_insert_default();
                reached.clear();
                reached.extend_from_slice(entry.key);
            }
            let is_deleted = entry.is_damaged && mark == Mark::Tombstone;
            if entry.is_live_at(view.time) && !is_deleted {
                visit(address, entry)
            } else {
                ControlFlow::Continue(())
            }
        });
        match flow {
            None => Seen::No,
            Some(ControlFlow::Continue(())) => Seen::Yes,
            Some(ControlFlow::Break(())) => Seen::Enough,
        }
    }

    fn reached(&mut self) -> Option<&[u8]> {
        self.is_decided = false;
        self.reached.as_deref()
    }
}

/// Collects the versions of each key.
struct Group<'a, E, V: ?Sized> {
    entries: &'a E,
    visit: &'a mut V,
    addresses: Vec<Address>,
    key: Vec<u8>,
    /// The last key that was shown.
    shown: Option<Vec<u8>>,
}

impl<E, V: FnMut(&[u8], &[Address]) -> ControlFlow<()> + ?Sized> Group<'_, E, V> {
    /// Shows what was collected, if anything.
    fn show(&mut self) -> ControlFlow<()> {
        if self.addresses.is_empty() {
            return ControlFlow::Continue(());
        }
        let flow = (self.visit)(&self.key, &self.addresses);
        self.addresses.clear();
        std::mem::swap(self.shown.get_or_insert_default(), &mut self.key);
        flow
    }
}

impl<E: Entries, V: FnMut(&[u8], &[Address]) -> ControlFlow<()> + ?Sized> Visitor for Group<'_, E, V> {
    fn version(&mut self, address: Address, _mark: Mark, is_new_key: bool) -> Seen {
        if is_new_key && self.show().is_break() {
            return Seen::Enough;
        }
        let Self { entries, addresses, key, .. } = self;
        let is_first = addresses.is_empty();
        let seen = entries.show(address, |entry| {
            if is_first {
                key.clear();
                key.extend_from_slice(entry.key);
            }
        });
        if seen.is_none() {
            return Seen::No;
        }
        addresses.push(address);
        Seen::Yes
    }

    fn reached(&mut self) -> Option<&[u8]> {
        self.addresses.clear();
        self.shown.as_deref()
    }
}
