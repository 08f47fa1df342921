//! Writing many rows in commits of a thousand.

use crate::data::Keys;
use crate::engines::Engine;
use crate::error::Result;

/// Rows in one commit.
pub(super) const BATCH_ROWS: usize = 1000;

/// Puts a value, which depends on the place of the key, under every key.
pub(super) fn put_all<'v, E: Engine>(
    engine: &E,
    keys: &Keys,
    value: impl Fn(usize) -> &'v [u8],
) -> Result<()> {
    let mut rows = Vec::with_capacity(BATCH_ROWS);
    for at in 0..keys.len() {
        rows.push((keys.get(at), value(at)));
        if rows.len() == BATCH_ROWS || at + 1 == keys.len() {
            engine.put_batch(&rows)?;
            rows.clear();
        }
    }
    Ok(())
}
