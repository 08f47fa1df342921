//! What a merge of the ordered index may leave out.
//!
//! Invariant: a version is left out only if no view at or above the horizon can tell the difference, so the horizon must have
//! been raised before the merge begins.

use super::entries::Entries;
use super::key::Space;
use super::runs::Keep;
use super::version::{Born, View};
use crate::address::Address;
use crate::planted::{Bug, planted};

/// See the module.
#[derive(Debug)]
pub(super) struct Drops<'a, E> {
    pub(super) entries: &'a E,
    pub(super) horizon: View,
}

impl<E> Drops<'_, E> {
    /// Whether there is no view in use that an entry is too new for.
    fn is_seen_by_all(&self, space: Space, born: Born) -> bool {
        !space.is_versioned() || self.horizon.includes(born)
    }
}

impl<E: Entries> Keep for Drops<'_, E> {
    fn superseded(&self, newer: Address, _older: Address) -> bool {
        if planted(Bug::MergeDropsPinned) {
            return true;
        }
        let is_seen = self.entries.show(newer, |entry| self.is_seen_by_all(entry.space, entry.born));
        // One that cannot be looked at may have been moved in this very moment, so it hides nothing.
        is_seen.unwrap_or(false)
    }

    fn tombstone_may_go(&self, address: Address) -> bool {
        let may_go = self.entries.show(address, |entry| {
            self.is_seen_by_all(entry.space, entry.born) && !entry.is_live_at(self.horizon.time)
        });
        may_go.unwrap_or(true)
    }
}
