//! Reading every byte, and keeping a number that shows whether two engines read the same ones in the same order.

/// A running sum over what was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum(u64);

impl Sum {
    /// Adds one value, or one key; the order of calls counts, and so does every byte.
    #[inline]
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut sum = bytes.len() as u64;
        for word in words {
            sum = sum.wrapping_add(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            sum = sum.wrapping_add(u64::from_le_bytes(last));
        }
        self.0 = self.0.rotate_left(1).wrapping_add(sum);
    }

    /// Puts the sums of several threads together, in the order of the threads.
    pub(crate) fn join(sums: &[Self]) -> Self {
        Self(sums.iter().fold(0, |whole, sum| whole.rotate_left(7).wrapping_add(sum.0)))
    }

    /// As it stands in results.
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Sum;

    fn sum(parts: &[&[u8]]) -> Sum {
        let mut sum = Sum::default();
        parts.iter().for_each(|part| sum.add(part));
        sum
    }

    #[test]
    fn a_changed_byte_a_missing_row_and_another_order_show() {
        let whole = sum(&[b"0123456789", b"abc"]);
        assert_ne!(whole, sum(&[b"0123456788", b"abc"]));
        assert_ne!(whole, sum(&[b"0123456789"]));
        assert_ne!(whole, sum(&[b"abc", b"0123456789"]));
        assert_ne!(sum(&[b"abc"]), sum(&[b"abc", b""]));
    }
}
