//! How many pages there are, and whether one of them is being split: one word, so that a reader knows all of it at once.
//!
//! Invariant: the word only grows, so a reader that loads it twice and is sent to the same place both times knows that
//! it was so all the time between. At level L with s pages split, the pages 0 to 2^L + s - 1 are there; of them those
//! below s and from 2^L on consume L + 1 bits of a hash and the others L.

use super::page::PAGE_SLOTS;
use super::secret::Mixed;

/// Pages that have not been split are filled to 0.72 when a round of splits begins,
#[cfg(not(loom))]
const ROUND_BEGINS_AT: u64 = PAGE_SLOTS * 72 / 100;
/// (or full, where a model says when it splits them)
#[cfg(loom)]
const ROUND_BEGINS_AT: u64 = PAGE_SLOTS;
/// and by 0.12 more when it ends, at an even pace.
const ROUND_TAKES: u64 = PAGE_SLOTS * 12 / 100;

const LEVEL_SHIFT: u32 = 40;
const SPLIT_MASK: u64 = (1 << 32) - 1;
const UNDER_WAY: u64 = 1 << 32;

/// See the module. From the top: the level, the pages split on it, whether the next one is being split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(pub(super) u64);

/// Where a hash is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The page.
    pub(super) page: u64,
    /// How many bits of a hash it consumes.
    pub(super) consumed: u32,
    /// Whether it is being rewritten, so that some of its entries may already be as in a page that consumes one more.
    pub(super) is_rewritten: bool,
}

impl State {
    /// One page, not being split.
    pub(super) const FIRST: Self = Self(0);

    #[inline]
    fn level(self) -> u32 {
        u32::try_from(self.0 >> LEVEL_SHIFT).expect("a level is small")
    }

    /// How many pages of the level have been split.
    #[inline]
    fn split(self) -> u64 {
        self.0 & SPLIT_MASK
    }

    #[inline]
    fn is_under_way(self) -> bool {
        self.0 & UNDER_WAY != 0
    }

    /// Where a hash is looked up.
    #[inline]
    pub(super) fn place(self, mixed: Mixed) -> Place {
        let level = self.level();
        let low = mixed.0 & ((1 << level) - 1);
        let at_split = low == self.split() && self.is_under_way();
        // What moves has been copied before the split shows in the state, and is looked up in the new page at once.
        let stays = mixed.0 & (1 << level) == 0;
        let is_rewritten = at_split && stays;
        let consumed = level + u32::from(low < self.split() || (at_split && !stays));
        Place { page: mixed.0 & ((1 << consumed) - 1), consumed, is_rewritten }
    }

    /// How many pages there are.
    pub(super) fn pages(self) -> u64 {
        (1 << self.level()) + self.split()
    }

    /// The page to be split next, how many bits it consumes, and the page that the split makes.
    pub(super) fn next_split(self) -> (u64, u32, u64) {
        (self.split(), self.level(), self.split() + (1 << self.level()))
    }

    /// How many entries there are when the next split is due.
    #[inline]
    pub(super) fn split_due_at(self) -> u64 {
        (ROUND_BEGINS_AT << self.level()) + ROUND_TAKES * self.split()
    }

    /// The next page is being split.
    pub(super) fn splitting(self) -> Self {
        Self(self.0 | UNDER_WAY)
    }

    /// The next page is split.
    pub(super) fn after_split(self) -> Self {
        let (level, split) = (self.level(), self.split() + 1);
        if split == 1 << level {
            Self(u64::from(level + 1) << LEVEL_SHIFT)
        } else {
            Self(u64::from(level) << LEVEL_SHIFT | split)
        }
    }
}
