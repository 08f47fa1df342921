//! Where frames of a segment start, for about every [`SPACING`] bytes, and what was learned of the frames that lie alone between two of
//! these starts.
//!
//! Invariant: what is said of an entry's frame was read in a header that verified, of the frame around that entry.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::format::entry::Lineage;
use crate::format::{UNIT, segment_header};
use crate::numbers::Sequence;
use crate::seams::lock::RwLock;

/// Least distance of two frame starts that are remembered, in bytes.
pub(super) const SPACING: u64 = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct FrameStarts {
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Ascending, in units of [`UNIT`] bytes.
    starts: Vec<u32>,
    /// For each start the lineage of the entries up to the next one that say nothing of theirs, where all of them are of one frame
    /// and it was looked at: see [`learned`].
    lineages: Vec<AtomicU64>,
}

/// Where the way to a frame begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// A frame that starts at or before what is looked for.
    pub(super) start: u64,
    /// The lineage of a silent entry there, if it is known without going.
    pub(super) lineage: Option<Lineage>,
}

impl Known {
    /// The number of the last start at or before `offset`.
    fn at(&self, offset: u64) -> Option<usize> {
        self.starts.partition_point(|start| bytes(*start) <= offset).checked_sub(1)
    }
}

fn bytes(start: u32) -> u64 {
    u64::from(start) * UNIT
}

/// A lineage in one word, which zero is not.
fn learned(lineage: Lineage) -> u64 {
    lineage.known().map_or(0, |(created, _)| created.0) << 1 | 1
}

fn recalled(word: u64) -> Option<Lineage> {
    let of = |created| if created == 0 { Lineage::UNKNOWN } else { Lineage::first(Sequence(created)) };
    (word != 0).then(|| of(word >> 1))
}

impl FrameStarts {
    /// These, ascending, in units of [`UNIT`] bytes.
    pub(crate) fn of(starts: Vec<u32>) -> Self {
        let lineages = starts.iter().map(|_| AtomicU64::new(0)).collect();
        Self { known: RwLock::new(Known { starts, lineages }) }
    }

    fn read<R>(&self, read: impl FnOnce(&Known) -> R) -> R {
        read(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// All of them, in units of [`UNIT`] bytes.
    pub(crate) fn all(&self) -> Vec<u32> {
        self.read(|known| known.starts.clone())
    }

    /// Notes that a frame starts at `offset`; frames are noted in their order.
    pub(crate) fn note(&self, offset: u64) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let due = known.starts.last().map_or(0, |last| bytes(*last) + SPACING);
        // One that has no place in 32 bits is walked to from the last that has.
        if offset >= due
            && let Ok(start) = u32::try_from(offset / UNIT)
        {
            known.starts.push(start);
            known.lineages.push(AtomicU64::new(0));
        }
    }

    /// A frame that starts at or before `offset`.
    pub(super) fn before(&self, offset: u64) -> u64 {
        self.way(offset).start
    }

    /// The same, with what is known of what lies there.
    #[inline]
    pub(super) fn way(&self, offset: u64) -> Way {
        self.read(|known| {
            let Some(at) = known.at(offset) else {
                return Way { start: segment_header::LENGTH, lineage: None };
            };
            // Relaxed: the word says all, and what it speaks of does not change.
            let lineage = recalled(known.lineages[at].load(Ordering::Relaxed));
            Way { start: bytes(known.starts[at]), lineage }
        })
    }

    /// Notes the lineage of the silent entries of the frame from `start` to `end`, if it has nothing beside it up to the next
    /// start that is remembered.
    pub(super) fn learn(&self, start: u64, end: u64, lineage: Lineage) {
        self.read(|known| {
            let Some(at) = known.at(start).filter(|at| bytes(known.starts[*at]) == start) else { return };
            if known.starts.get(at + 1).is_some_and(|next| bytes(*next) == end) {
                known.lineages[at].store(learned(lineage), Ordering::Relaxed);
            }
        });
    }

    /// How many are remembered.
    pub(crate) fn count(&self) -> usize {
        self.read(|known| known.starts.len())
    }

    /// The one with this number, from 0.
    pub(crate) fn get(&self, index: usize) -> Option<u64> {
        self.read(|known| known.starts.get(index).copied().map(bytes))
    }

    pub(crate) fn copy(&self) -> Self {
        Self::of(self.all())
    }

    /// Heap bytes in use.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.read(|known| {
            known.starts.capacity() * size_of::<u32>() + known.lineages.capacity() * size_of::<u64>()
        }) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::{FrameStarts, SPACING, Way};
    use crate::format::entry::Lineage;
    use crate::format::segment_header;
    use crate::numbers::Sequence;

    #[test]
    fn a_lineage_is_recalled_only_for_frames_that_fill_the_way_to_the_next_start() {
        let starts = FrameStarts::default();
        let [first, second, third] = [64, 64 + SPACING, 64 + 3 * SPACING];
        [first, second, third].into_iter().for_each(|start| starts.note(start));
        let lineage = Lineage::first(Sequence(7));
        let recalled = |offset| starts.way(offset).lineage;

        starts.learn(first, second, lineage);
        assert_eq!(starts.way(second - 8), Way { start: first, lineage: Some(lineage) });
        assert_eq!(recalled(second), None);
        // Another frame follows it before the next start; it is none that is remembered; nobody knows what follows.
        starts.learn(second, second + 8, lineage);
        starts.learn(second + 8, third, lineage);
        starts.learn(third, third + 4 * SPACING, lineage);
        assert_eq!((recalled(second), recalled(second + 8), recalled(third)), (None, None, None));
        // "Not known" is an answer too.
        starts.learn(second, third, Lineage::UNKNOWN);
        assert_eq!(recalled(third - 1), Some(Lineage::UNKNOWN));
        assert_eq!(starts.way(8), Way { start: segment_header::LENGTH, lineage: None });
        assert_eq!(starts.copy().way(first).lineage, None);
    }
}
