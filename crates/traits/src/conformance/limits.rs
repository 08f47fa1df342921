//! `Limits`: how much a store takes at once.

/// The limits that every store has. What goes beyond is refused with nothing written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest key, in bytes.
    pub key_bytes_max: usize,
    /// Longest value outside a stream, in bytes.
    pub value_bytes_max: usize,
    /// Most operations in a batch.
    pub batch_operations_max: usize,
    /// Most bytes of keys and values in a batch.
    pub batch_bytes_max: usize,
}

impl Limits {
    /// The limits of the contract, which options lower and nothing raises.
    pub const CONTRACT: Self = Self {
        key_bytes_max: 65_535,
        value_bytes_max: 1 << 30,
        batch_operations_max: 1_048_576,
        batch_bytes_max: 1 << 30,
    };

    /// Length and number of equal values, each acceptable, that together are more than a batch may hold while their
    /// number is not. `None` when the other limits make that impossible.
    pub(crate) fn values_beyond_batch_bytes(&self) -> Option<(usize, usize)> {
        let length = self.value_bytes_max.min(self.batch_bytes_max / 2 + 1);
        let number = self.batch_bytes_max / length + 1;
        (number <= self.batch_operations_max).then_some((length, number))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::CONTRACT
    }
}
