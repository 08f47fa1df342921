//! The split of a page in two: planned first, then stored.
//!
//! Invariants. The plan is complete before anything is stored, so that a caller's function that panics leaves the table
//! as it was. An entry that stays keeps its slot; the slots that become free stay closed where an entry that stays has
//! passed them. The new page is filled as if its entries had been set one after the other, so it has no deleted slot.
//! The order of the stores between pages and state is the table's affair.

use super::page::{LAST, LINE_SLOTS, LINES, Page, Spot, Words, before, behind, home, is_closed};
use super::secret::Mixed;
use super::slot::{FAR, Field, KNOWN_MIN, Slot};
use crate::address::Address;

type Plan = [Words; LINES];

/// What the two pages will hold.
pub(super) struct Split {
    stays: Plan,
    moves: Plan,
}

impl Split {
    /// Plans the split of a page that consumes so many bits. `hash_of` reads a hash in the log; it is asked for entries
    /// that know too few bits, and for those of which it takes a look at the hash to say where to put them. `None` when that
    /// cannot be told: an entry that was put where its key is not looked for would be lost.
    pub(super) fn plan(
        page: &Page,
        consumed: u32,
        mut hash_of: impl FnMut(Address) -> Option<Mixed>,
    ) -> Option<Self> {
        let empty = [[Slot::EMPTY; LINE_SLOTS]; LINES];
        let mut split = Self { stays: empty, moves: empty };
        let mut passed = [false; LINES];
        for line in 0..LINES {
            let words = page.line(line);
            for (at, slot) in words.into_iter().enumerate().filter(|(_, slot)| slot.is_entry()) {
                let needs_hash = slot.known() < KNOWN_MIN || (slot.moves() && slot.distance() == FAR);
                let hash = if needs_hash { Some(hash_of(slot.address())?) } else { None };
                let moves = hash.map_or(slot.moves(), |mixed| mixed.bit(consumed));
                let next = match hash {
                    Some(mixed) => slot.with_field(Field::new(mixed, consumed + 1)),
                    None => slot.shifted(),
                };
                if moves {
                    put(&mut split.moves, next, hash.map_or_else(|| before(line, slot.distance()), home));
                } else {
                    split.stays[line][at] = next;
                    mark_passed(&mut passed, page, line, slot.distance());
                }
            }
        }
        for (words, is_passed) in split.stays.iter_mut().zip(passed) {
            if let Some(free) = words.iter().position(|slot| slot.is_empty()) {
                // Nothing changes if it is the last that is free.
                words.swap(free, LAST);
                if is_passed {
                    words[LAST] = Slot::DELETED;
                }
            }
        }
        Some(split)
    }

    /// Stores the entries that move, in their new page.
    pub(super) fn fill(&self, page: &Page) {
        for (line, words) in self.moves.iter().enumerate() {
            for (slot, word) in words.iter().enumerate().filter(|(_, word)| !word.is_empty()) {
                page.store(Spot { line, slot }, *word);
            }
        }
    }

    /// Stores what is left in the old page, in each line the last slot last: see the page.
    pub(super) fn rewrite(&self, page: &Page) {
        for (line, words) in self.stays.iter().enumerate() {
            let stored = page.line(line);
            for (slot, word) in words.iter().enumerate().filter(|(slot, word)| stored[*slot] != **word) {
                page.store(Spot { line, slot }, *word);
            }
        }
    }
}

/// Marks the lines that an entry passed on its way to the line it stands in, all that it may have if it is far.
fn mark_passed(passed: &mut [bool; LINES], page: &Page, line: usize, distance: usize) {
    for step in 1..LINES {
        let earlier = before(line, step);
        if step > distance && (distance < FAR || !is_closed(&page.line(earlier))) {
            break;
        }
        passed[earlier] = true;
    }
}

/// Puts an entry into the first free slot from its home on. A page that is made from one always has room.
fn put(page: &mut Plan, entry: Slot, home: usize) {
    let free = (0..LINES).find_map(|distance| {
        let line = behind(home, distance);
        page[line].iter().position(|slot| slot.is_empty()).map(|slot| (distance, line, slot))
    });
    let (distance, line, slot) = free.expect("no more entries move than a page has slots");
    page[line][slot] = entry.at_distance(distance);
}
