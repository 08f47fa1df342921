//! The key hash that prehashed interfaces use.

/// The 64-bit XXH3 hash (seed 0) of a key, fixed for ever: entries may be stored under it alone.
///
/// Source: <https://github.com/Cyan4973/xxHash>, XXH3_64bits.
#[inline]
pub fn key_hash(key: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(key)
}

#[cfg(test)]
mod tests {
    use super::key_hash;

    #[test]
    fn golden_values_never_change() {
        assert_eq!(key_hash(b""), 0x2d06_8005_38d3_94c2);
        assert_eq!(key_hash(b"a"), 0xe6c6_32b6_1e96_4e1f);
        assert_eq!(key_hash(b"abc"), 0x78af_5f94_892f_3950);
    }
}
