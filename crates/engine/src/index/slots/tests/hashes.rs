//! Hashes that fall where a test wants them.

use super::super::page::LINE_BITS;
use super::super::secret::Secret;

/// Hashes, all different, whose low bits are `low` and whose home line is `home`, if one is asked for, after mixing with
/// a secret.
pub(super) fn that_fall(
    secret: u64,
    home: Option<u64>,
    low: u64,
    low_bits: u32,
) -> impl Iterator<Item = u64> {
    let secret = Secret::new(secret);
    (0..).filter(move |hash| {
        let mixed = secret.mix(*hash).0;
        let line = mixed >> (64 - LINE_BITS);
        mixed & ((1 << low_bits) - 1) == low && home.is_none_or(|home| home == line)
    })
}
