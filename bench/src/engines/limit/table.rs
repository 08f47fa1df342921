//! The table of the bare limit: open addressing with linear probing over 8-byte slots, 16 bits of the hash and 48 bits of
//! position each, read without a lock.
//!
//! Invariant: one thread at a time changes it (the writer's lock); a slot is changed in one store after the entry that
//! it points to is in the log. It has room for twice the entries that it was made for, and never grows.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::mapped::prefetch;

/// No entry, and the end of a search.
const EMPTY: u64 = 0;
/// No entry any more, but the search goes on.
const REMOVED: u64 = 1;
const POSITION_BITS: u32 = 48;

/// The slots.
#[derive(Debug)]
pub(super) struct Table {
    slots: Vec<AtomicU64>,
}

/// What a slot says about a key that is looked for.
pub(super) enum Slot {
    Empty,
    /// Units from the start of the log.
    Candidate(u64),
    Other,
}

impl Table {
    /// For `entries`, and half as much room again at least.
    pub(super) fn new(entries: u64) -> Self {
        let slots = usize::try_from(entries * 3 / 2).expect("entries fit in memory").next_power_of_two();
        Self { slots: (0..slots.max(1024)).map(|_| AtomicU64::new(EMPTY)).collect() }
    }

    /// The slot where the search for a hash begins.
    #[inline]
    pub(super) fn first(&self, hash: u64) -> usize {
        usize::try_from(hash).expect("64-bit machine") & (self.slots.len() - 1)
    }

    /// The slot after another one.
    #[inline]
    pub(super) fn next(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }

    /// Fetches the slot where the search for a hash begins.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        prefetch(&self.slots, self.first(hash));
    }

    /// What a slot says.
    #[inline]
    pub(super) fn look(&self, slot: usize, hash: u64) -> Slot {
        match self.slots[slot].load(Ordering::Acquire) {
            EMPTY => Slot::Empty,
            word if word != REMOVED && word >> POSITION_BITS == tag(hash) => {
                Slot::Candidate(word & ((1 << POSITION_BITS) - 1))
            }
            _ => Slot::Other,
        }
    }

    /// Points a slot to an entry.
    pub(super) fn set(&self, slot: usize, hash: u64, position: u64) {
        self.slots[slot].store((tag(hash) << POSITION_BITS) | position, Ordering::Release);
    }

    /// Takes the entry out of a slot.
    pub(super) fn remove(&self, slot: usize) {
        self.slots[slot].store(REMOVED, Ordering::Release);
    }

    /// The positions of all entries, in no order.
    pub(super) fn positions(&self) -> impl Iterator<Item = u64> {
        let words = self.slots.iter().map(|slot| slot.load(Ordering::Acquire));
        words.filter(|word| *word > REMOVED).map(|word| word & ((1 << POSITION_BITS) - 1))
    }
}

/// The upper bits of the hash; the lower ones choose the slot.
fn tag(hash: u64) -> u64 {
    hash >> POSITION_BITS
}
