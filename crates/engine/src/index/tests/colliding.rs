//! Keys that share the hash by which the index finds them.

use crate::hash::key_hash;

/// Bytes of a colliding key.
const LENGTH: usize = 256;

/// The `number`-th key of a family; all of a family have the same hash.
///
/// XXH3 takes inputs above 240 bytes in stripes of 64 bytes and adds, for each eight bytes of one, two things to its
/// accumulators: those bytes, and the product of both halves of (those bytes xor the secret). When the lower half is that of
/// the secret, the product is 0, and the upper halves of two stripes only count by their sum.
/// Source: <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>, XXH3, large inputs.
pub(super) fn colliding_key(family: u8, number: u32) -> Vec<u8> {
    let mut key = vec![0; LENGTH];
    // What the first lane of the first and of the second stripe are combined with.
    key[..4].copy_from_slice(&[0xb8, 0xfe, 0x6c, 0x39]);
    key[4..8].copy_from_slice(&number.to_le_bytes());
    key[64..68].copy_from_slice(&[0x7c, 0x01, 0x81, 0x2c]);
    key[68..72].copy_from_slice(&number.wrapping_neg().to_le_bytes());
    key[200] = family;
    key
}

/// The hash of a family.
pub(super) fn colliding_hash(family: u8) -> u64 {
    key_hash(&colliding_key(family, 0))
}

#[test]
fn the_keys_of_a_family_share_a_hash_and_families_do_not() {
    for number in [1, 2, 77, u32::MAX] {
        assert_ne!(colliding_key(3, number), colliding_key(3, 0));
        assert_eq!(key_hash(&colliding_key(3, number)), colliding_hash(3));
    }
    assert_ne!(colliding_hash(3), colliding_hash(4));
}
