//! What a merge of the ordered index may leave out.
//!
//! Invariant: a version is left out only if no view at or above the horizon can tell the difference, so the horizon must have
//! been raised before the merge begins.

use crate::address::Address;
use super::entries::Entries;
use super::version::{Version, View};

/// See the module.
#[derive(Debug)]
pub(super) struct Drops<'a, E> {
    pub(super) entries: &'a E,
    pub(super) horizon: View,
}

impl<E: Entries> Drops<'_, E> {
    /// Whether nobody can see what stands below this version of its key.
    pub(super) fn hides(&self, newer: Address) -> bool {
        let born = self.entries.show(newer, |entry| entry.born);
        born.is_some_and(|born| self.horizon.includes(born))
    }

    /// Whether nobody can tell this version, below which nothing is left, from absence.
    pub(super) fn is_nothing(&self, address: Address) -> bool {
        let version = self.entries.show(address, |entry| Version::of(address, entry));
        version.is_none_or(|version| {
            self.horizon.includes(version.born) && !version.is_live_at(self.horizon.time)
        })
    }
}
