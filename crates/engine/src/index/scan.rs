//! Reading the ordered index: whole keys with their versions, or the live entries of a view.
//!
//! Invariant: a key is shown once, and after the one before it in the direction that was asked for, also when compaction
//! and merges go on meanwhile.

use std::ops::{Bound, ControlFlow};

use super::entries::{Entries, Entry, Look};
use super::facade::Index;
use super::key::Space;
use super::ordered::{Direction, Seen, Visitor};
use super::runs::Mark;
use super::version::{Version, View};
use crate::address::Address;
use crate::keyspace::Keyspace;

/// What is shown of a key: the key, and the addresses of its versions, newest first. `""` if none of them can be read.
pub(super) type VisitKey<'a> = dyn FnMut(&[u8], &[Address]) -> ControlFlow<()> + 'a;

impl<E: Entries> Index<E> {
    /// Shows the live entries of a space that a view sees between the bounds, in key order, until `visit` breaks.
    pub(crate) fn scan(
        &self,
        space: Space,
        (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
        view: View,
        direction: Direction,
        visit: impl FnMut(Address, &Entry<'_>) -> ControlFlow<()>,
    ) {
        let (look, reached) = (self.entries.look(), None);
        let mut live =
            Live { entries: &self.entries, look, view, visit, is_decided: false, last: None, reached };
        self.ordered(space).walk(lower, upper, direction, &self.keys_of(space), &mut live);
    }

    /// Shows the live entries of a keyspace that a view sees and that were stored under a hash alone.
    pub(crate) fn scan_hash_only(&self, keyspace: Keyspace, view: View, mut visit: impl FnMut(&Version)) {
        let (lower, upper) = keyspace.bounds((Bound::Unbounded, Bound::Unbounded));
        let bounds = (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice));
        let space = keyspace.hashes();
        self.each(space, bounds.0, bounds.1, Direction::Forward, &mut |key, addresses| {
            if let Some(version) = self.row(space, key, addresses, view) {
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
        let mut group = Group {
            entries: &self.entries,
            look: self.entries.look(),
            visit,
            addresses: Vec::new(),
            key: Vec::new(),
            has_key: false,
            shown: None,
        };
        self.ordered(space).walk(lower, upper, direction, keys, &mut group);
        let _ = group.show();
    }
}

/// Shows what a view sees.
struct Live<'a, E, L, V> {
    entries: &'a E,
    look: L,
    view: View,
    visit: V,
    /// Whether the version that the view sees of the current key was found.
    is_decided: bool,
    /// The last version of which that is so, if the look shows it, so that its key need not be copied,
    last: Option<Address>,
    /// and otherwise that key.
    reached: Option<Vec<u8>>,
}

impl<E: Entries, L: Look, V: FnMut(Address, &Entry<'_>) -> ControlFlow<()>> Live<'_, E, L, V> {
    /// [`Visitor::version`] for what is no plain entry, or not in the look.
    #[cold]
    fn version_at_length(&mut self, address: Address, mark: Mark) -> Seen {
        if !self.look.is_current() {
            self.keep_reached();
            self.look.renew();
        }
        let Self { entries, view, visit, is_decided, last, reached, .. } = self;
        let flow = entries.show(address, |entry| {
            if !view.includes(entry.born) {
                return ControlFlow::Continue(());
            }
            *is_decided = true;
            if !entry.is_damaged {
                *last = None;
                keep(reached, entry.key);
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

    /// Copies the key that was reached, before the look is renewed or because it is asked for.
    fn keep_reached(&mut self) {
        if let Some(entry) = self.last.take().and_then(|last| self.look.plain(last)) {
            keep(&mut self.reached, entry.key);
        }
    }
}

fn keep(reached: &mut Option<Vec<u8>>, key: &[u8]) {
    let reached = reached.get_or_insert_default();
    reached.clear();
    reached.extend_from_slice(key);
}

impl<E: Entries, L: Look, V: FnMut(Address, &Entry<'_>) -> ControlFlow<()>> Visitor for Live<'_, E, L, V> {
    #[inline]
    fn version(&mut self, address: Address, mark: Mark, is_new_key: bool) -> Seen {
        if self.is_decided && !is_new_key {
            return Seen::Yes;
        }
        self.is_decided = false;
        let Some(entry) = self.look.plain(address) else { return self.version_at_length(address, mark) };
        if !self.view.includes(entry.born) {
            return Seen::Yes;
        }
        self.is_decided = true;
        self.last = Some(address);
        match (self.visit)(address, &entry) {
            ControlFlow::Continue(()) => Seen::Yes,
            ControlFlow::Break(()) => Seen::Enough,
        }
    }

    #[inline]
    fn fetch(&mut self, address: Address) {
        self.look.fetch(address);
    }

    fn reached(&mut self) -> Option<&[u8]> {
        self.is_decided = false;
        self.keep_reached();
        self.reached.as_deref()
    }
}

/// Collects the versions of each key.
struct Group<'a, E, L, V: ?Sized> {
    entries: &'a E,
    look: L,
    visit: &'a mut V,
    addresses: Vec<Address>,
    /// The key, once a version of it could be read.
    key: Vec<u8>,
    has_key: bool,
    /// The last key that was shown.
    shown: Option<Vec<u8>>,
}

impl<E, L, V: FnMut(&[u8], &[Address]) -> ControlFlow<()> + ?Sized> Group<'_, E, L, V> {
    /// Shows what was collected, if anything.
    fn show(&mut self) -> ControlFlow<()> {
        if self.addresses.is_empty() {
            return ControlFlow::Continue(());
        }
        let flow = (self.visit)(&self.key, &self.addresses);
        self.addresses.clear();
        if std::mem::take(&mut self.has_key) {
            std::mem::swap(self.shown.get_or_insert_default(), &mut self.key);
        }
        self.key.clear();
        flow
    }
}

impl<E: Entries, L: Look, V: FnMut(&[u8], &[Address]) -> ControlFlow<()> + ?Sized> Visitor
    for Group<'_, E, L, V>
{
    fn version(&mut self, address: Address, _mark: Mark, is_new_key: bool) -> Seen {
        if is_new_key && self.show().is_break() {
            return Seen::Enough;
        }
        let Self { entries, addresses, key, has_key, .. } = self;
        let seen = entries.show(address, |entry| {
            if !*has_key && !entry.is_damaged {
                key.clear();
                key.extend_from_slice(entry.key);
                *has_key = true;
            }
        });
        if seen.is_none() {
            return Seen::No;
        }
        addresses.push(address);
        Seen::Yes
    }

    fn fetch(&mut self, address: Address) {
        if !self.look.is_current() {
            self.look.renew();
        }
        self.look.fetch(address);
    }

    fn reached(&mut self) -> Option<&[u8]> {
        self.addresses.clear();
        self.key.clear();
        self.has_key = false;
        self.shown.as_deref()
    }
}
