//! Where an entry stands in the log, in 48 bits, which is what a slot of the point index has room for.

/// The place of an entry in the log. Never 0, below 2^48.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address(u64);

impl Address {
    /// How wide an address is.
    pub(crate) const BITS: u32 = 48;

    pub(crate) fn new(place: u64) -> Self {
        debug_assert!(place > 0 && place >> Self::BITS == 0, "{place} is no address");
        Self(place)
    }

    pub(crate) fn get(self) -> u64 {
        self.0
    }
}
