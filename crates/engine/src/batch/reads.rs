//! What a transaction has read, and must find unchanged when it commits.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::index::View;

/// The bounds of a range.
pub(crate) type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// Keys and ranges, read at a view that stays pinned until the commit is decided: so no version above it, and no tombstone, is
/// dropped before it was looked for.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    pub(crate) view: View,
    pub(crate) keys: BTreeSet<Vec<u8>>,
    pub(crate) ranges: Vec<Bounds>,
}

impl Reads {
    pub(crate) fn new(view: View) -> Self {
        Self { view, keys: BTreeSet::new(), ranges: Vec::new() }
    }

    /// About how many bytes of memory they take.
    pub(crate) fn bytes(&self) -> u64 {
        let of_bound = |bound: &Bound<Vec<u8>>| match bound {
            Bound::Included(key) | Bound::Excluded(key) => key.len() as u64 + 32,
            Bound::Unbounded => 32,
        };
        let keys: u64 = self.keys.iter().map(|key| key.len() as u64 + 32).sum();
        keys + self.ranges.iter().map(|(lower, upper)| of_bound(lower) + of_bound(upper)).sum::<u64>()
    }
}

/// Whether a key lies between the bounds.
pub(crate) fn is_between(key: &[u8], lower: Bound<&[u8]>, upper: Bound<&[u8]>) -> bool {
    let above = match lower {
        Bound::Unbounded => true,
        Bound::Included(lower) => key >= lower,
        Bound::Excluded(lower) => key > lower,
    };
    above
        && match upper {
            Bound::Unbounded => true,
            Bound::Included(upper) => key <= upper,
            Bound::Excluded(upper) => key < upper,
        }
}
