//! A page: lines of slots, probed one after the other from the home of a hash.
//!
//! A line is *closed* if its last slot is not empty, which is all that a lookup looks at to know whether to go on. The
//! last slot is the last to be filled.
//!
//! Invariants. An entry stands in its home line, or in a later one (around the end) with every line from home up to it
//! closed. Only a last slot is ever deleted, and only while an entry has passed its line on the way from home, as far as
//! the distances in the slots can say. Entries move only from the last slot of a line to another of it, where they are
//! stored before they go, and slots are loaded from the last one down, so nobody misses them. Only the writer
//! stores, with `Release`; every load is `Acquire`.

use super::secret::Mixed;
use super::slot::{FAR, Field, Numbers, Slot};
use crate::address::Address;
use crate::seams::prefetch;
use crate::seams::sync::atomic::{AtomicU64, Ordering};

#[cfg(not(loom))]
mod size {
    /// As many slots as fit a line of the processor's cache.
    pub(in super::super) const LINE_SLOTS: usize = 8;
    pub(in super::super) const LINE_BITS: u32 = 6;
}
/// Small enough for a model checker to go through all that can happen.
#[cfg(loom)]
mod size {
    pub(in super::super) const LINE_SLOTS: usize = 2;
    pub(in super::super) const LINE_BITS: u32 = 1;
}
pub(super) use size::{LINE_BITS, LINE_SLOTS};

/// How many lines a page has.
pub(super) const LINES: usize = 1 << LINE_BITS;
/// How many slots a page has.
pub(super) const PAGE_SLOTS: u64 = (LINES * LINE_SLOTS) as u64;

/// The last slot of a line, the one that closes it.
pub(super) const LAST: usize = LINE_SLOTS - 1;

/// The slots of a line as they were loaded.
pub(super) type Words = [Slot; LINE_SLOTS];

/// One line of the processor's cache.
#[derive(Debug)]
#[cfg_attr(not(loom), derive(bytemuck::Zeroable))]
#[repr(align(64))]
struct Line([AtomicU64; LINE_SLOTS]);

/// See the module. 4 KiB. Of zeros it is empty.
#[derive(Debug)]
#[cfg_attr(not(loom), derive(bytemuck::Zeroable))]
pub(super) struct Page([Line; LINES]);

/// Which slot of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) line: usize,
    pub(super) slot: usize,
}

/// The home line of a hash.
#[inline]
pub(super) fn home(mixed: Mixed) -> usize {
    usize::try_from(mixed.0 % (1 << LINE_BITS)).expect("a line number is small")
}

/// The line so many lines behind another, around the end.
#[inline]
pub(super) fn behind(line: usize, distance: usize) -> usize {
    (line + distance) % LINES
}

/// The line so many lines before another, around the beginning.
pub(super) fn before(line: usize, distance: usize) -> usize {
    (line + LINES - distance % LINES) % LINES
}

/// Whether a lookup goes on past a line.
#[inline]
pub(super) fn is_closed(words: &Words) -> bool {
    words[LAST] != Slot::EMPTY
}

impl Page {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| Line(std::array::from_fn(|_| AtomicU64::new(Slot::EMPTY.0)))))
    }

    #[inline]
    pub(super) fn line(&self, line: usize) -> Words {
        let mut words = [Slot::EMPTY; LINE_SLOTS];
        for (word, slot) in words.iter_mut().zip(&self.0[line].0).rev() {
            *word = Slot(slot.load(Ordering::Acquire));
        }
        words
    }

    /// All slots. For the writer, or before anyone else looks.
    pub(super) fn words(&self) -> [Words; LINES] {
        std::array::from_fn(|line| self.line(line))
    }

    /// Stores all slots, before anyone else looks.
    pub(super) fn fill(&self, words: &[Words; LINES]) {
        for (line, words) in words.iter().enumerate() {
            for (slot, word) in words.iter().enumerate().filter(|(_, word)| !word.is_empty()) {
                self.store(Spot { line, slot }, *word);
            }
        }
    }

    /// Fetches a line into the cache.
    #[inline]
    pub(super) fn prefetch(&self, line: usize) {
        prefetch(&self.0[line]);
    }

    /// The lines that a lookup looks at, each with its distance from home, up to and including the first that is not
    /// closed.
    pub(super) fn probe(&self, home: usize) -> impl Iterator<Item = (usize, Words)> + use<'_> {
        let mut goes_on = true;
        (0..LINES).map_while(move |distance| {
            if !goes_on {
                return None;
            }
            let words = self.line(behind(home, distance));
            goes_on = is_closed(&words);
            Some((distance, words))
        })
    }

    /// The address of the first entry, from a home on, whose known bits are those of a field.
    #[inline(always)]
    pub(super) fn first(&self, home: usize, field: Field) -> Option<Address> {
        for distance in 0..LINES {
            let words = self.line(behind(home, distance));
            if let Some(slot) = field.among(&words).next() {
                return Some(words[slot % LINE_SLOTS].address());
            }
            if !is_closed(&words) {
                break;
            }
        }
        None
    }

    /// The address of the first entry, from a home on, that is accepted. `matching` says which slots of a line to ask for.
    #[inline]
    pub(super) fn find(
        &self,
        home: usize,
        matching: impl Fn(&Words) -> Numbers,
        mut is_it: impl FnMut(Address) -> bool,
    ) -> Option<Address> {
        for distance in 0..LINES {
            let words = self.line(behind(home, distance));
            for slot in matching(&words) {
                let address = words[slot % LINE_SLOTS].address();
                if is_it(address) {
                    return Some(address);
                }
            }
            if !is_closed(&words) {
                break;
            }
        }
        None
    }

    pub(super) fn store(&self, spot: Spot, slot: Slot) {
        self.0[spot.line].0[spot.slot].store(slot.0, Ordering::Release);
    }

    /// Takes an entry out, and opens all lines that were closed only for its sake.
    pub(super) fn erase(&self, spot: Spot) {
        let words = self.line(spot.line);
        let was_at_home = words[spot.slot].distance() == 0;
        if spot.slot < LAST && words[LAST].is_entry() {
            self.store(spot, words[LAST]);
        } else if spot.slot < LAST {
            self.store(spot, Slot::EMPTY);
        }
        let was_opened = (spot.slot == LAST || words[LAST].is_entry()) && self.vacate(spot.line);
        if was_at_home && !was_opened {
            return;
        }
        // What the entry passed, and what was kept closed by a line that now need not be.
        for distance in 1..LINES {
            let line = before(spot.line, distance);
            let last = self.line(line)[LAST];
            if last.is_empty() {
                break;
            }
            if !last.is_entry() {
                self.vacate(line);
            }
        }
    }

    /// Takes what is in the last slot of a line out. Whether that opens the line.
    fn vacate(&self, line: usize) -> bool {
        let is_passed = self.is_passed(line);
        self.store(Spot { line, slot: LAST }, if is_passed { Slot::DELETED } else { Slot::EMPTY });
        !is_passed
    }

    /// Whether an entry has, or may have, passed a line on its way from home.
    fn is_passed(&self, line: usize) -> bool {
        self.probe(behind(line, 1)).take(LINES - 1).any(|(between, words)| {
            let needed = (between + 1).min(FAR);
            words.iter().any(|slot| slot.is_entry() && slot.distance() >= needed)
        })
    }
}
