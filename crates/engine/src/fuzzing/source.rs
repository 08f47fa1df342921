//! The input of a fuzz target as a source of decisions: each takes the next bytes.
//!
//! Invariant: every input is a valid sequence of decisions; where the bytes are used up, all further ones are 0. So a
//! fuzzer that changes one byte changes one decision.

/// Decisions out of bytes.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    rest: &'a [u8],
}

impl<'a> Source<'a> {
    /// All of `bytes`, from the front.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether every byte was used.
    pub fn is_spent(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// The next 8 bytes as a number, the first byte lowest.
    pub fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        let given = self.take(8);
        bytes[..given.len()].copy_from_slice(given);
        u64::from_le_bytes(bytes)
    }

    /// A number in `0..bound` from as few bytes as `bound` needs; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let mut number = 0;
        let mut reach = 1_usize;
        while reach < bound {
            number = number << 8 | usize::from(self.byte());
            reach = reach.saturating_mul(256);
        }
        number.checked_rem(bound).unwrap_or(0)
    }

    /// The next `length` bytes, or as many as are left.
    pub fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn decisions_take_the_bytes_in_order_and_are_0_behind_the_end() {
        let mut source = Source::new(&[7, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5]);
        assert_eq!(source.byte(), 7);
        assert_eq!(source.number(), 1 << 56 | 1);
        assert_eq!(source.below(1), 0, "one choice takes no byte");
        assert_eq!(source.below(256), 2);
        assert_eq!(source.below(257), (3 << 8 | 4) % 257);
        assert_eq!(source.take(9), [5]);
        assert!(source.is_spent());
        assert_eq!((source.byte(), source.number(), source.below(10), source.below(0)), (0, 0, 0, 0));
    }
}
