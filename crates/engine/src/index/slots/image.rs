//! The table as a checkpoint holds it: its state, and its pages in groups, each page with the empty slots left out.
//!
//! A page is a byte for each line, with a bit for each slot that holds an entry; a bit for each line whose last slot is marked
//! as deleted; and the entries in their order, 8 bytes each (`docs/format.md` §13). A group is the pages that the directory
//! makes at once.
//!
//! Invariant: a page that is read back is the page that was written, slot by slot. That the bytes are those that were written
//! is seen to before a table is made of them; what someone else put there makes entries that lead nowhere, and no more pages
//! than there are.

use std::fmt::Debug;
use std::sync::Arc;

use super::directory::BLOCK_PAGES;
use super::page::{LAST, LINE_SLOTS, LINES, Words as Line};
use super::slot::Slot;
use super::state::State;

/// The slots of a page.
pub(super) type Words = [Line; LINES];

/// What a checkpoint says of a table besides its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct SlotImage {
    /// The word of the state.
    pub(in super::super) state: u64,
    /// How many entries there are.
    pub(in super::super) len: u64,
}

/// The groups of pages that a checkpoint holds.
pub(in super::super) trait Groups: Debug + Send + Sync {
    /// The bytes of a group, which were verified.
    fn group(&self, number: u64) -> &[u8];
}

/// Where the pages of a table come from.
#[derive(Debug)]
pub(super) struct Origin {
    pages: u64,
    groups: Arc<dyn Groups>,
}

impl SlotImage {
    /// How many pages there are; `None` when the state is none that a table can be in.
    pub(in super::super) fn pages(self) -> Option<u64> {
        State(self.state).checked_pages()
    }

    /// How many groups these make.
    pub(in super::super) fn groups(self) -> Option<u64> {
        Some(self.pages()?.div_ceil(BLOCK_PAGES as u64))
    }
}

impl Origin {
    /// `None` unless every group has as many pages as it should.
    pub(super) fn new(pages: u64, groups: Arc<dyn Groups>) -> Option<Self> {
        let mut numbers = 0..pages.div_ceil(BLOCK_PAGES as u64);
        let is_whole = numbers.all(|group| is_whole(groups.group(group), pages_of(group, pages)));
        is_whole.then_some(Self { pages, groups })
    }

    /// How many pages there are.
    pub(super) fn pages(&self) -> u64 {
        self.pages
    }

    /// The group as it was written.
    pub(super) fn group(&self, group: u64) -> &[u8] {
        self.groups.group(group)
    }

    /// Shows the pages of a group by their places in it.
    pub(super) fn read(&self, group: u64, mut show: impl FnMut(usize, &Words)) {
        let mut bytes = if pages_of(group, self.pages) > 0 { self.groups.group(group) } else { &[] };
        for place in 0..pages_of(group, self.pages) {
            let Some((words, rest)) = decode(bytes) else { return };
            show(place, &words);
            bytes = rest;
        }
    }
}

/// How many of so many pages are in a group.
pub(super) fn pages_of(group: u64, pages: u64) -> usize {
    let first = group.saturating_mul(BLOCK_PAGES as u64);
    usize::try_from(pages.saturating_sub(first)).map_or(BLOCK_PAGES, |rest| rest.min(BLOCK_PAGES))
}

/// Bytes for the lines of a page.
const HELD_BYTES: usize = LINES;
/// Bytes for the last slots that are marked as deleted.
const DELETED_BYTES: usize = LINES.div_ceil(8);

/// Writes a page behind what is in `out`.
pub(super) fn encode(words: &Words, out: &mut Vec<u8>) {
    let mut held = [0_u8; HELD_BYTES];
    let mut deleted = [0_u8; DELETED_BYTES];
    for (number, line) in words.iter().enumerate() {
        for (slot, word) in line.iter().enumerate() {
            held[number] |= u8::from(word.is_entry()) << slot;
        }
        deleted[number / 8] |= u8::from(line[LAST] == Slot::DELETED) << (number % 8);
    }
    out.extend_from_slice(&held);
    out.extend_from_slice(&deleted);
    let entries = words.iter().flatten().filter(|word| word.is_entry());
    entries.for_each(|word| out.extend_from_slice(&word.0.to_le_bytes()));
}

/// Whether the bytes are so many pages.
fn is_whole(mut bytes: &[u8], pages: usize) -> bool {
    for _ in 0..pages {
        let Some(held) = bytes.get(..HELD_BYTES) else { return false };
        let entries: usize = held.iter().map(|line| line.count_ones() as usize).sum();
        let Some(rest) = bytes.get(HELD_BYTES + DELETED_BYTES + 8 * entries..) else { return false };
        bytes = rest;
    }
    bytes.is_empty()
}

/// Reads a page, and says what stands behind it; `None` when the bytes end within it.
fn decode(bytes: &[u8]) -> Option<(Words, &[u8])> {
    let (held, rest) = bytes.split_at_checked(HELD_BYTES)?;
    let (deleted, mut rest) = rest.split_at_checked(DELETED_BYTES)?;
    let mut words = [[Slot::EMPTY; LINE_SLOTS]; LINES];
    for (number, line) in words.iter_mut().enumerate() {
        if deleted[number / 8] >> (number % 8) & 1 == 1 {
            line[LAST] = Slot::DELETED;
        }
        let mut left = held[number];
        while left != 0 {
            let (entry, behind) = rest.split_first_chunk()?;
            let slot = left.trailing_zeros() as usize;
            line[slot % LINE_SLOTS] = Slot::of_entry(u64::from_le_bytes(*entry)).unwrap_or(Slot::EMPTY);
            (rest, left) = (behind, left & (left - 1));
        }
    }
    Some((words, rest))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Slot, Words, decode, encode, is_whole};
    use crate::index::slots::page::{LAST, LINE_SLOTS, LINES};

    fn page(seed: u64) -> Words {
        let mut words = [[Slot::EMPTY; LINE_SLOTS]; LINES];
        for (at, word) in words.iter_mut().flatten().enumerate() {
            let draw = (seed + at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            if !draw.is_multiple_of(3) {
                *word = Slot(draw | 1 << 51 | 1);
            }
        }
        for (at, line) in words.iter_mut().enumerate().filter(|(at, _)| at % 5 == 0) {
            line[LAST] = if at % 2 == 0 { Slot::DELETED } else { Slot::EMPTY };
        }
        words
    }

    #[test]
    fn pages_come_back_and_nothing_else_is_read() {
        let pages = [page(1), [[Slot::EMPTY; LINE_SLOTS]; LINES], page(2)];
        let mut bytes = Vec::new();
        pages.iter().for_each(|page| encode(page, &mut bytes));
        assert!(is_whole(&bytes, 3) && !is_whole(&bytes, 2) && !is_whole(&bytes, 4));
        let mut rest = &bytes[..];
        for page in &pages {
            let (read, behind) = decode(rest).unwrap();
            assert_eq!(read, *page);
            rest = behind;
        }
        assert!(rest.is_empty());
        for cut in 0..bytes.len() {
            assert!(!is_whole(&bytes[..cut], 3), "{cut}");
        }
    }
}
