//! Values that no compression shrinks, at no cost while the clock runs: slices of one block of random bytes.
//!
//! The block is small enough to stay in the processor's cache and far larger than what a store compresses at a time,
//! so that no store meets one stretch of it twice within its window.

use super::random::{Random, mix};

/// The block, in bytes.
const POOL_BYTES: usize = 4 << 20;

/// Where all values come from.
#[derive(Debug)]
pub(crate) struct Values {
    pool: Vec<u8>,
    length: usize,
}

impl Values {
    /// Values of `length` bytes.
    pub(crate) fn new(length: usize) -> Self {
        let mut random = Random::new(0x7a1e);
        let mut pool = Vec::with_capacity(POOL_BYTES + length);
        while pool.len() < POOL_BYTES + length {
            pool.extend_from_slice(&random.next().to_le_bytes());
        }
        Self { pool, length }
    }

    /// The value of an entry after it was overwritten `version` times.
    #[inline]
    pub(crate) fn get(&self, index: u64, version: u64) -> &[u8] {
        let draw = mix(index.wrapping_mul(31).wrapping_add(version.wrapping_mul(0x1_0000_0001)));
        let start = usize::try_from(draw % POOL_BYTES as u64).expect("within the block");
        &self.pool[start..start + self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::Values;

    #[test]
    fn entries_and_versions_have_different_values() {
        let values = Values::new(100);
        assert_eq!(values.get(1, 0).len(), 100);
        assert_ne!(values.get(1, 0), values.get(2, 0));
        assert_ne!(values.get(1, 0), values.get(1, 1));
    }
}
