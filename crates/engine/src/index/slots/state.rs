//! How many pages there are, and whether one of them is being split: one word, so that a reader knows all of it at once.
//!
//! Invariant: the word never returns to what it was, so a reader that loads it twice and is sent to the same place both
//! times knows that it was so all the time between.
//!
//! A page is all hashes that begin with the same bits: at level L with s splits done, those that begin with one of the
//! first s numbers of L bits have pages of L + 1 bits, the others of L. What begins with a zero more stays in the page
//! that is split, what begins with a one more moves into the new one, and pages are numbered as they are made. So the number
//! of a page is that of the last split that made one for its bits, which is told by its last one bit.

use super::directory::PAGES_MAX;
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

const LEVEL_MASK: u64 = 0xff;
const UNDER_WAY: u64 = 1 << 8;
const SPLIT_SHIFT: u32 = 16;

/// See the module. From the lowest bits: the level, whether a page is being split, how many have been on this level.
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
        u32::try_from(self.0 & LEVEL_MASK).expect("a level is small")
    }

    /// How many pages of the level have been split.
    #[inline]
    fn split(self) -> u64 {
        self.0 >> SPLIT_SHIFT
    }

    #[inline]
    fn is_under_way(self) -> bool {
        self.0 & UNDER_WAY != 0
    }

    /// Where a hash is looked up.
    #[inline]
    pub(super) fn place(self, mixed: Mixed) -> Place {
        let level = self.level();
        let begins = mixed.first(level) - (1 << level);
        let consumed = level + u32::from(begins < self.split());
        if self.is_under_way() && begins == self.split() {
            // What moves was copied before the split showed in the state, and is looked up in the new page at once.
            let moves = mixed.bit(level);
            let consumed = level + u32::from(moves);
            return Place { page: page_of(mixed.first(consumed)), consumed, is_rewritten: !moves };
        }
        Place { page: page_of(mixed.first(consumed)), consumed, is_rewritten: false }
    }

    /// How many pages there are.
    pub(super) fn pages(self) -> u64 {
        (1 << self.level()) + self.split()
    }

    /// The same for a word that may be no state of a table at rest.
    pub(super) fn checked_pages(self) -> Option<u64> {
        let level = self.0 & LEVEL_MASK;
        let is_at_rest = self.0 % (1 << SPLIT_SHIFT) == level && level < 40 && self.split() < 1 << level;
        is_at_rest.then(|| self.pages()).filter(|pages| *pages <= PAGES_MAX)
    }

    /// The page to be split next, how many bits it consumes, and the page that the split makes.
    pub(super) fn next_split(self) -> (u64, u32, u64) {
        (page_of(self.split() + (1 << self.level())), self.level(), self.pages())
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
        let (level, split) = (u64::from(self.level()), self.split() + 1);
        if split == 1 << level { Self(level + 1) } else { Self(split << SPLIT_SHIFT | level) }
    }
}

/// The number of the page of all hashes that begin with some bits, before which stands a one. Without their last one and
/// what is behind it, they are what the page began with that was split when this one was made.
#[inline]
fn page_of(begins: u64) -> u64 {
    begins >> begins.trailing_zeros() >> 1
}
