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

impl<E: Entries> Index<E> {
    /// The newest version of a system entry, unless that is a tombstone.
    pub(crate) fn get_system(&self, key: &[u8], hash: u64) -> Option<Version> {
        self.newest(Space::System, key, hash).filter(|newest| !newest.is_tombstone())
    }

    /// Calls `visit` with the keys of the system entries between the bounds, in order.
    pub(crate) fn each_system(
        &self,
        (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
        mut visit: impl FnMut(&[u8]),
    ) {
        self.each(Space::System, lower, upper, Direction::Forward, &mut |key, addresses| {
            let newest = self.settled(Space::System, key, addresses, |versions| versions.next());
            if newest.is_some_and(|newest| !newest.is_tombstone()) {
                visit(key);
            }
            ControlFlow::Continue(())
        });
    }
}
