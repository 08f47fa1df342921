//! Hashes that fall where a test wants them.

use super::super::page::home;
use super::super::secret::Secret;

/// Hashes, all different, that after mixing with a secret begin with so many bits like `begins`, the first of them
/// lowest, and have this home line, if one is asked for.
pub(super) fn that_fall(
    secret: u64,
    line: Option<usize>,
    begins: u64,
    bits: u32,
) -> impl Iterator<Item = u64> {
    let secret = Secret::new(secret);
    (0..).filter(move |hash| {
        let mixed = secret.mix(*hash);
        let is_begin = (0..bits).all(|bit| mixed.bit(bit) == ((begins >> bit) & 1 == 1));
        is_begin && line.is_none_or(|line| line == home(mixed))
    })
}
