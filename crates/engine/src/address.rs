//! The address of an entry: where it stands in the log, in 48 bits, so that it fits into one word beside what an index
//! wants to remember of it.
//!
//! Invariant: an address is never 0. The upper 20 bits are the slot of the entry's segment in the segment table, the
//! lower 28 the offset in the segment in units of 8 bytes. Slots are given out by the table while a store is open;
//! a checkpoint that outlives it has to name the segments.

use crate::format::UNIT;

/// Bits of the offset, in units of [`UNIT`] bytes.
const OFFSET_BITS: u32 = 28;
const SLOT_BITS: u32 = 20;

/// An entry starts before this offset of its segment: 2 GiB.
pub(crate) const OFFSET_END: u64 = UNIT << OFFSET_BITS;
/// How many segments a table can hold at once.
pub(crate) const SLOTS: u32 = 1 << SLOT_BITS;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address(u64);

impl Address {
    /// How many bits an address has.
    pub(crate) const BITS: u32 = OFFSET_BITS + SLOT_BITS;
    const MASK: u64 = (1 << Self::BITS) - 1;

    /// The address that these bits are.
    #[inline]
    pub(crate) fn new(bits: u64) -> Self {
        debug_assert!(bits != 0 && bits <= Self::MASK, "{bits:#x} is no address");
        Self(bits)
    }

    /// The address that these bits are, if they are one.
    pub(crate) fn checked(bits: u64) -> Option<Self> {
        (bits != 0 && bits <= Self::MASK).then_some(Self(bits))
    }

    /// The entry that starts at `offset` of the segment in `slot`.
    pub(crate) fn at(slot: u32, offset: u64) -> Self {
        debug_assert!(slot < SLOTS && offset < OFFSET_END && offset.is_multiple_of(UNIT), "{slot}:{offset}");
        Self::new((u64::from(slot) << OFFSET_BITS) | (offset / UNIT))
    }

    /// The bits.
    #[inline]
    pub(crate) fn get(self) -> u64 {
        self.0
    }

    /// The slot of the segment in the segment table.
    #[inline]
    pub(crate) fn slot(self) -> usize {
        usize::try_from(self.0 >> OFFSET_BITS).expect("20 bits")
    }

    /// Where the entry starts in its segment.
    #[inline]
    pub(crate) fn offset(self) -> u64 {
        (self.0 & ((1 << OFFSET_BITS) - 1)) * UNIT
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, OFFSET_END, SLOTS};

    #[test]
    fn the_parts_come_back_at_both_ends_of_their_ranges() {
        for (slot, offset) in [(0, 128), (SLOTS - 1, OFFSET_END - 8), (7, 4096), (SLOTS - 1, 0)] {
            let address = Address::at(slot, offset);
            assert_eq!((address.slot(), address.offset()), (usize::try_from(slot).unwrap(), offset));
            assert_eq!(Address::new(address.get()), address);
        }
    }
}
