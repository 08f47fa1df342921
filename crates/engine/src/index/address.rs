//! Where an entry stands in the log, in one word that fits beside sixteen bits of flags.
//!
//! Invariant: an address is above 0 and below 2^48, so that 0 can stand for "none" and a record of a sorted run
//! holds address and flags in eight bytes. How segments and offsets are laid out in it is left to the rest of the
//! index.

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address(u64);

impl Address {
    /// Bits that an address takes.
    pub(crate) const BITS: u32 = 48;

    /// The address of this number; `None` for 0 and for 2^48 and above.
    pub(crate) const fn new(number: u64) -> Option<Self> {
        if number != 0 && number >> Self::BITS == 0 { Some(Self(number)) } else { None }
    }

    /// The number.
    pub(crate) const fn get(self) -> u64 {
        self.0
    }
}
