//! System entries in the index.
//!
//! Invariant: of each only the newest version is ever looked at, whatever views there are; it may be one that is not published
//! yet, and is in the log.

use std::ops::{Bound, ControlFlow};

use super::entries::Entries;
use super::facade::Index;
use super::key::Space;
use super::ordered::Direction;
use super::version::Version;
use crate::address::Address;
use crate::keyspace::Keyspace;

impl<E: Entries> Index<E> {
    /// The newest version of a system entry, unless that is a tombstone.
    pub(crate) fn get_system(&self, key: &[u8], hash: u64) -> Option<Version> {
        self.newest(Space::System, key, hash).filter(|newest| !newest.is_tombstone())
    }

    /// Calls `visit` with the keys of the system entries between the bounds, in order, and with the addresses of entries that may
    /// be among them, and of which nobody can tell because they cannot be read any more.
    pub(crate) fn each_system(
        &self,
        (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
        mut visit: impl FnMut(Result<&[u8], Address>),
    ) {
        self.each(Space::System, lower, upper, Direction::Forward, &mut |key, addresses| {
            let (newest, lost) = self.settled(Space::System, key, addresses, |versions| {
                let mut lost = None;
                for version in versions {
                    if version.is_readable() {
                        return (Some(version), lost);
                    }
                    // Whether it is of this key is not known: what is behind it counts as well.
                    lost = lost.or(Some(version.address));
                }
                (None, lost)
            });
            if let Some(address) = lost {
                visit(Err(address));
            }
            if newest.is_some_and(|newest| !newest.is_tombstone()) {
                visit(Ok(key));
            }
            ControlFlow::Continue(())
        });
    }

    /// The lowest number of a namespace, from this one on, of which there is an entry.
    pub(crate) fn first_named(&self, from: Keyspace) -> Option<Keyspace> {
        let (lower, _) = from.bounds((Bound::Unbounded, Bound::Unbounded));
        let first = |space| self.end_of_named(space, lower.as_ref().map(Vec::as_slice), Direction::Forward);
        [Space::Named, Space::NamedHashes].into_iter().filter_map(first).min()
    }

    /// The highest number of a namespace of which there is an entry, whoever may see it.
    pub(crate) fn last_named(&self) -> Option<Keyspace> {
        let last = |space| self.end_of_named(space, Bound::Unbounded, Direction::Backward);
        [Space::Named, Space::NamedHashes].into_iter().filter_map(last).max()
    }

    /// The namespace of the first key of a space that can be read.
    fn end_of_named(&self, space: Space, lower: Bound<&[u8]>, from: Direction) -> Option<Keyspace> {
        let mut found = None;
        self.each(space, lower, Bound::Unbounded, from, &mut |key, _| {
            found = Keyspace::numbered(Keyspace::of_full(key).number());
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        found
    }
}
