//! What a merge of the ordered index may leave out.
//!
//! Invariant: a version is left out only if no view at or above the horizon can tell the difference, so the horizon must have
//! been raised before the merge begins.

use super::entries::Entries;
use super::runs::Keep;
use super::version::{Version, View};
use crate::address::Address;
use crate::planted::{Bug, planted};

/// See the module.
#[derive(Debug)]
pub(super) struct Drops<'a, E> {
    pub(super) entries: &'a E,
    pub(super) horizon: View,
}

impl<E: Entries> Keep for Drops<'_, E> {
    fn superseded(&self, newer: Address, _older: Address) -> bool {
        if planted(Bug::MergeDropsPinned) {
            return true;
        }
        let born = self.entries.show(newer, |entry| entry.born);
        // One that cannot be looked at may have been moved in this very moment, so it hides nothing.
        born.is_some_and(|born| self.horizon.includes(born))
    }

    fn tombstone_may_go(&self, address: Address) -> bool {
        let version = self.entries.show(address, |entry| Version::of(address, entry));
        version.is_none_or(|version| {
            self.horizon.includes(version.born) && !version.is_live_at(self.horizon.time)
        })
    }
}
