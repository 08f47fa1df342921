//! The secret of the store, worked into every hash.
//!
//! Invariant: mixing is a permutation, so two hashes are equal mixed only if they are equal. Key hashes are not keyed,
//! and whoever knows none of the secret cannot make keys that fall into one page.

use std::fmt;

/// A hash as the table cuts it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mixed(pub(super) u64);

impl Mixed {
    /// One bit, counted from the top.
    #[inline]
    pub(super) fn bit(self, from_top: u32) -> bool {
        (self.0 << from_top) >> 63 == 1
    }

    /// A one, followed by the first bits from the top.
    #[inline]
    pub(super) fn first(self, bits: u32) -> u64 {
        ((self.0 >> 1) | (1 << 63)) >> (63 - bits)
    }
}

/// See the module.
pub(super) struct Secret(u64);

impl Secret {
    pub(super) fn new(secret: u64) -> Self {
        Self(secret)
    }

    /// MurmurHash3's 64-bit finalizer (Austin Appleby), each step of which can be undone, with the secret worked in
    /// twice.
    #[inline]
    pub(super) fn mix(&self, hash: u64) -> Mixed {
        let mut mixed = hash ^ self.0;
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^= self.0.rotate_left(32);
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        Mixed(mixed ^ (mixed >> 33))
    }
}

// The secret stays out of logs.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
