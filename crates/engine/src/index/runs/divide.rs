//! How much lies between two bounds, and where to cut it into parts: told from the places of the bounds in the runs, without
//! reading what lies between.
//!
//! Both answers are about the runs as they are: older versions, tombstones and what a merge has yet to leave out count like
//! live rows.

use std::ops::{Bound, Range};

use super::keys::Keys;
use super::list::{List, Runs};
use super::seek::Reading;

impl Runs {
    /// Records between the bounds, versions of one key counted one by one. Costs a search in every run.
    pub(crate) fn count_between<K: Keys>(&self, lower: Bound<&[u8]>, upper: Bound<&[u8]>, keys: &K) -> usize {
        let list = self.list();
        ranges(&list, lower, upper, keys).map(|range| range.len()).sum()
    }

    /// At most `parts - 1` keys that cut what lies between the bounds into about equal parts, ascending, each between
    /// the bounds and none twice. They are keys of the largest run there.
    pub(crate) fn dividers<K: Keys>(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        parts: usize,
        keys: &K,
    ) -> Vec<Vec<u8>> {
        let list = self.list();
        let largest = list.iter().zip(ranges(&list, lower, upper, keys)).max_by_key(|(_, range)| range.len());
        let Some((run, range)) = largest else { return Vec::new() };
        let mut dividers: Vec<Vec<u8>> = Vec::new();
        for part in 1..parts {
            let record = range.start + range.len() / parts * part + range.len() % parts * part / parts;
            // The first key would cut nothing off, and of one whose segment has gone nobody knows where it stands.
            if record == range.start || record >= range.end {
                continue;
            }
            let key = run.key(record, keys, <[u8]>::to_vec);
            dividers.extend(key.filter(|key| dividers.last().is_none_or(|last| last < key)));
        }
        dividers
    }
}

/// The records of each run between the bounds.
fn ranges<K: Keys>(
    list: &List,
    lower: Bound<&[u8]>,
    upper: Bound<&[u8]>,
    keys: &K,
) -> impl Iterator<Item = Range<usize>> {
    list.iter().map(move |run| run.range(lower, upper, &Reading::new(keys)))
}
