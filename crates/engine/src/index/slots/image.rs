//! The table as a checkpoint holds it: its state, and its pages in groups, each page with the empty slots left out.
//!
//! A page is a byte for each line, with a bit for each slot that holds an entry; a bit for each line whose last slot is marked
//! as deleted; and the entries in their order, 8 bytes each (`docs/format.md` §8). A group is the pages that the directory
//! makes at once.
//!
//! Invariant: a page that is read back is the page that was written, slot by slot; a group that cannot be read leaves its
//! pages empty, and says so for ever.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use super::directory::BLOCK_PAGES;
use super::page::{LAST, LINE_SLOTS, LINES, Words as Line};
use super::slot::Slot;
use super::state::State;
use crate::seams::sync::atomic::{AtomicBool, Ordering};

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
    /// The bytes of a group; `None` when they are damaged.
    fn group(&self, number: u64) -> Option<Cow<'_, [u8]>>;
}

/// Where the pages of a table come from.
#[derive(Debug)]
pub(super) struct Origin {
    pages: u64,
    groups: Arc<dyn Groups>,
    is_damaged: AtomicBool,
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
    pub(super) fn new(pages: u64, groups: Arc<dyn Groups>) -> Self {
        Self { pages, groups, is_damaged: AtomicBool::new(false) }
    }

    /// How many pages there are.
    pub(super) fn pages(&self) -> u64 {
        self.pages
    }

    /// Whether a group could not be read.
    pub(super) fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Acquire)
    }

    /// The group as it was written, if there is one that can be read.
    pub(super) fn group(&self, group: u64) -> Option<Cow<'_, [u8]>> {
        self.groups.group(group).filter(|_| pages_of(group, self.pages) > 0)
    }

    /// Shows the pages of a group by their places in it.
    pub(super) fn read(&self, group: u64, show: &mut dyn FnMut(usize, &Words)) {
        let pages = pages_of(group, self.pages);
        if pages == 0 {
            return;
        }
        let decoded = self.groups.group(group).and_then(|bytes| decode(&bytes, pages));
        match decoded {
            Some(decoded) => decoded.iter().enumerate().for_each(|(place, words)| show(place, words)),
            None => self.is_damaged.store(true, Ordering::Release),
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

/// Reads so many pages; `None` unless the bytes are just these.
fn decode(mut bytes: &[u8], pages: usize) -> Option<Vec<Words>> {
    let mut decoded = Vec::with_capacity(pages);
    for _ in 0..pages {
        let (held, rest) = bytes.split_at_checked(HELD_BYTES)?;
        let (deleted, mut rest) = rest.split_at_checked(DELETED_BYTES)?;
        let mut words = [[Slot::EMPTY; LINE_SLOTS]; LINES];
        for (number, line) in words.iter_mut().enumerate() {
            for (slot, word) in line.iter_mut().enumerate() {
                if held[number] >> slot & 1 == 1 {
                    let (entry, behind) = rest.split_first_chunk()?;
                    *word = Slot::of_entry(u64::from_le_bytes(*entry))?;
                    rest = behind;
                }
            }
            if deleted[number / 8] >> (number % 8) & 1 == 1 {
                if line[LAST] != Slot::EMPTY {
                    return None;
                }
                line[LAST] = Slot::DELETED;
            }
        }
        decoded.push(words);
        bytes = rest;
    }
    bytes.is_empty().then_some(decoded)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Slot, Words, decode, encode};
    use crate::index::slots::page::{LAST, LINE_SLOTS, LINES};

    fn page(seed: u64) -> Words {
        let mut words = [[Slot::EMPTY; LINE_SLOTS]; LINES];
        for (at, word) in words.iter_mut().flatten().enumerate() {
            let draw = (seed + at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            if draw % 3 > 0 {
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
        assert_eq!(decode(&bytes, 3).as_deref(), Some(&pages[..]));
        assert!(decode(&bytes, 2).is_none() && decode(&bytes, 4).is_none());
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut], 3).is_none(), "{cut}");
        }
        let mut both = bytes.clone();
        // Line 1 has an entry in its last slot; it cannot be deleted as well.
        assert_eq!(both[1] >> 7, 1);
        both[LINES] |= 2;
        assert!(decode(&both, 3).is_none());
    }
}
