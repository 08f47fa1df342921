//! The second half of a record: an address and sixteen bits beside it.
//!
//! Invariant: everything but the address is fixed when the record is made; a relocation replaces the address alone.
//!
//! | bits | |
//! | --- | --- |
//! | 0-47 | the address |
//! | 48-51 | how much of the key its window is, see [`Window::tail`] |
//! | 52 | the record before it in the run has the same key |
//! | 53 | a tombstone |
//! | 54-63 | zero |

use super::window::Window;
use crate::address::Address;

const ADDRESS_MASK: u64 = (1 << Address::BITS) - 1;
const TAIL_MASK: u64 = 15 << Address::BITS;
const SAME: u64 = 1 << 52;
const TOMBSTONE: u64 = 1 << 53;

/// What the owner of a record notes in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mark {
    /// The version gives its key a value.
    Value,
    /// The version deletes its key.
    Tombstone,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell(u64);

impl Cell {
    /// The cell of a record, alone of its key as far as it knows.
    pub(super) fn new(address: Address, mark: Mark) -> Self {
        let mark = match mark {
            Mark::Value => 0,
            Mark::Tombstone => TOMBSTONE,
        };
        Self(address.get() | mark)
    }

    /// The same cell in a place where its window and the record before it are these.
    pub(super) fn placed(self, window: Window, same_as_before: bool) -> Self {
        let same = if same_as_before { SAME } else { 0 };
        Self(self.0 & !(TAIL_MASK | SAME) | u64::from(window.tail()) << Address::BITS | same)
    }

    #[inline]
    pub(super) fn of_bits(bits: u64) -> Self {
        Self(bits)
    }

    #[inline]
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    /// The address; a cell was made from one.
    #[inline]
    pub(super) fn address(self) -> Address {
        Address::new(self.0 & ADDRESS_MASK)
    }

    /// The same cell with another address.
    pub(super) fn moved(self, to: Address) -> Self {
        Self(self.0 & !ADDRESS_MASK | to.get())
    }

    #[inline]
    pub(super) fn tail(self) -> u8 {
        ((self.0 & TAIL_MASK) >> Address::BITS) as u8
    }

    #[inline]
    pub(super) fn same_as_before(self) -> bool {
        self.0 & SAME != 0
    }

    #[inline]
    pub(super) fn mark(self) -> Mark {
        if self.0 & TOMBSTONE == 0 { Mark::Value } else { Mark::Tombstone }
    }
}
