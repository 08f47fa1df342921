//! The version, the sizes that the whole format is built on, and how its files begin.

/// The format version that is written and read.
pub(crate) const VERSION: u32 = 1;
/// Frames and entries start on multiples of this many bytes.
pub(crate) const UNIT: u64 = 8;
/// Payloads longer than this carry a checksum for each chunk.
pub(crate) const CHUNKED_ABOVE: u64 = 1 << 20;
/// The piece of a payload that one chunk checksum covers.
pub(crate) const CHUNK_BYTES: u64 = CHUNK_SIZE as u64;
/// The same, as a length in memory.
pub(crate) const CHUNK_SIZE: usize = 64 << 10;

/// No number, length or offset in a file is as high as this, so a sum of a few of them does not overflow. (Times can be.)
pub(crate) const NUMBERS_END: u64 = 1 << 62;

/// `value` rounded up to a multiple of `unit`, a power of two.
pub(crate) const fn align_up(value: u64, unit: u64) -> u64 {
    (value + unit - 1) & !(unit - 1)
}

/// The magic bytes of a file whose purpose is `tag`.
pub(crate) const fn magic(tag: &[u8; 4]) -> [u8; 16] {
    let mut magic = *b"\x89PENTAD\r\n\x1a\n....\0";
    let mut i = 0;
    while i < 4 {
        magic[11 + i] = tag[i];
        i += 1;
    }
    magic
}
