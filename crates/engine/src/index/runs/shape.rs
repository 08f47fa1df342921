//! Which runs are merged when: the shape of the list.
//!
//! Invariant: only neighbours are merged, and a record is merged about once each time the run it is in grows
//! fourfold. A level is a power of four in records; four runs of one level at the young end of the list are merged,
//! with the younger ones before them. What single puts leave behind is one level, of which twice as many runs may stand side by
//! side: a merge costs more than its few records.

use std::ops::Range;

/// Runs of one level that are left side by side.
const FAN_IN: usize = 4;

/// Records below which a run is of the lowest level, and how many of these are left side by side.
const TINY: usize = 8;
pub(super) const TINY_FAN_IN: usize = 8;

/// Runs merged at a time when the list has grown too long.
const FORCED: usize = 8;

/// The neighbours to merge by size, of runs given by their lengths, newest first.
pub(super) fn due(lengths: &[usize]) -> Option<Range<usize>> {
    let mut level = 0;
    let (mut end, mut of_level) = (0, 0);
    // The levels of the list ascend but for runs that shrank in merging; those count with the younger ones.
    for length in lengths {
        let this = level_of(*length);
        if this > level {
            if of_level >= fan_in(level) {
                break;
            }
            (level, of_level) = (this, 0);
        }
        if this == level {
            of_level += 1;
        }
        end += 1;
    }
    (of_level >= fan_in(level)).then_some(0..end)
}

fn fan_in(level: u32) -> usize {
    if level == 0 { TINY_FAN_IN } else { FAN_IN }
}

/// The neighbours whose merging costs least, for a list that must not grow.
pub(super) fn forced(lengths: &[usize]) -> Option<Range<usize>> {
    let width = lengths.len().min(FORCED);
    if width < 2 {
        return None;
    }
    let costs = lengths.windows(width).map(|window| window.iter().sum::<usize>());
    let (start, _) = costs.enumerate().min_by_key(|(_, cost)| *cost)?;
    Some(start..start + width)
}

/// The power of four at or below a length, from [`TINY`] on.
fn level_of(length: usize) -> u32 {
    (length / TINY).checked_ilog2().map_or(0, |log2| 1 + log2 / 2)
}

#[cfg(test)]
mod tests {
    use super::{due, forced};

    #[test]
    fn four_runs_of_a_level_are_merged_with_the_younger_ones_and_without_the_older() {
        assert_eq!(due(&[]), None);
        assert_eq!(due(&[1, 1, 1]), None);
        assert_eq!(due(&[1, 7, 1, 3, 2, 1, 1, 8, 64]), None);
        assert_eq!(due(&[1, 7, 1, 3, 2, 1, 1, 1, 8, 64]), Some(0..8));
        assert_eq!(due(&[1, 8, 9, 31, 8, 64, 100]), Some(0..5));
        assert_eq!(due(&[1, 8, 32, 128, 512, 2048]), None);
        assert_eq!(due(&[1, 32, 2, 32, 64, 127, 128]), Some(0..6));
    }

    #[test]
    fn a_list_that_must_not_grow_merges_its_cheapest_neighbours() {
        assert_eq!(forced(&[5]), None);
        assert_eq!(forced(&[5, 1000]), Some(0..2));
        assert_eq!(forced(&[90, 9, 1, 1, 1, 1, 1, 1, 1, 1, 70]), Some(2..10));
    }
}
