//! Keys that share one XXH3-64 hash, as many as wanted.

use pentad_engine::key_hash;

/// Bytes of a colliding key.
const LENGTH: usize = 256;

/// The `n`-th key of the family; all of them have the same hash.
///
/// Inputs above 240 bytes are hashed in stripes of 64 bytes. Each 8-byte lane adds its data to one accumulator, and
/// to another the product of the halves of (data xor secret). Where the lower half of the data equals the lower half
/// of the secret the product is 0 whatever the upper half is, so an upper half may grow in one stripe by what it
/// shrinks in the next, and nothing is left of the difference.
/// Source: <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>, XXH3, large inputs.
pub(crate) fn colliding_key(n: u32) -> Vec<u8> {
    // The first and third word of the default secret: lane 0 of stripe 0 and of stripe 1.
    const SECRET_STRIPE_0: [u8; 4] = [0xb8, 0xfe, 0x6c, 0x39];
    const SECRET_STRIPE_1: [u8; 4] = [0x7c, 0x01, 0x81, 0x2c];
    let mut key = vec![0; LENGTH];
    key[0..4].copy_from_slice(&SECRET_STRIPE_0);
    key[4..8].copy_from_slice(&n.to_le_bytes());
    key[64..68].copy_from_slice(&SECRET_STRIPE_1);
    key[68..72].copy_from_slice(&0_u32.wrapping_sub(n).to_le_bytes());
    key
}

/// The hash of the family.
pub(crate) fn colliding_hash() -> u64 {
    key_hash(&colliding_key(0))
}
