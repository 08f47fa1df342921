//! Reading and writing fixed fields in a byte slice.
//!
//! The readers panic when the field is outside the slice: callers have compared the length first.

/// The 2 bytes at `at`.
#[inline]
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array_at(bytes, at))
}

/// The 4 bytes at `at`.
#[inline]
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

/// The 8 bytes at `at`.
#[inline]
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

/// The `N` bytes at `at`.
#[inline]
pub(crate) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the slice has the array's length")
}

/// Writes `field` at `at`.
#[inline]
pub(crate) fn put_at(bytes: &mut [u8], at: usize, field: &[u8]) {
    bytes[at..at + field.len()].copy_from_slice(field);
}

/// Whether all bytes are zero.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

/// So many bytes are looked at together: one question in the end instead of one for each byte.
const TOGETHER: usize = 256;

fn is_zero_throughout(piece: &[u8]) -> bool {
    piece.iter().fold(0, |all, byte| all | byte) == 0
}

/// With how many zeros the bytes begin.
pub(crate) fn leading_zeros(bytes: &[u8]) -> usize {
    let whole: usize =
        bytes.chunks(TOGETHER).take_while(|piece| is_zero_throughout(piece)).map(<[u8]>::len).sum();
    whole + bytes[whole..].iter().take_while(|&&byte| byte == 0).count()
}

/// With how many zeros the bytes end.
pub(crate) fn trailing_zeros(bytes: &[u8]) -> usize {
    let whole: usize =
        bytes.rchunks(TOGETHER).take_while(|piece| is_zero_throughout(piece)).map(<[u8]>::len).sum();
    whole + bytes[..bytes.len() - whole].iter().rev().take_while(|&&byte| byte == 0).count()
}

/// A length in memory, as it is written.
pub(crate) fn length_u64(length: usize) -> u64 {
    u64::try_from(length).expect("lengths in memory fit 64 bits")
}

#[cfg(test)]
mod tests {
    use super::{TOGETHER, leading_zeros, trailing_zeros};

    #[test]
    fn zeros_at_both_ends_are_counted_to_the_byte() {
        for length in [0, 1, 7, TOGETHER - 1, TOGETHER, TOGETHER + 1, 3 * TOGETHER + 5] {
            assert_eq!((leading_zeros(&vec![0; length]), trailing_zeros(&vec![0; length])), (length, length));
            for at in 0..length {
                let mut bytes = vec![0; length];
                bytes[at] = 1;
                assert_eq!(
                    (leading_zeros(&bytes), trailing_zeros(&bytes)),
                    (at, length - at - 1),
                    "{length}"
                );
            }
        }
    }
}
