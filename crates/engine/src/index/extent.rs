//! The extent of a range: about how much it holds, and where to cut it.

use std::ops::Bound;

use super::entries::Entries;
use super::facade::Index;
use super::key::Space;

impl<E: Entries> Index<E> {
    /// About how many keys there are between the bounds: older versions and what was deleted lately count as well. Costs a few
    /// searches, whatever lies between.
    pub(crate) fn count_about(&self, space: Space, (lower, upper): (Bound<&[u8]>, Bound<&[u8]>)) -> u64 {
        let count = self.ordered(space).count_between(lower, upper, &self.keys_of(space));
        u64::try_from(count).expect("lengths are at most 64 bits")
    }

    /// At most `parts - 1` keys that cut what lies between the bounds into about equal parts, ascending.
    pub(crate) fn dividers(
        &self,
        space: Space,
        (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
        parts: usize,
    ) -> Vec<Vec<u8>> {
        self.ordered(space).dividers(lower, upper, parts, &self.keys_of(space))
    }
}
