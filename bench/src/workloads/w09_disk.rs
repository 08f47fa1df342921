//! W9: what a closed store takes of the disk, in blocks that are really allocated, beside the bytes of its keys and values.

use crate::engines::{Engine, Place};
use crate::error::Result;
use crate::measure::allocated_bytes;
use crate::outcome::{Outcome, Unit};

/// Adds the figures; `logical` is the bytes of the live keys and values.
pub(super) fn closed<E: Engine>(
    place: &Place,
    when: &str,
    logical: u64,
    outcome: &mut Outcome,
) -> Result<()> {
    let bytes = allocated_bytes(&place.directory)?;
    outcome.figure("W9", &format!("disk {when}, closed"), Unit::Bytes, bytes as f64);
    let share = bytes as f64 / logical as f64;
    outcome.figure("W9", &format!("disk {when}, closed ÷ keys and values"), Unit::ShareLessIsBetter, share);
    if let Some(index) = E::index_bytes(&place.directory)? {
        let entries = bytes.saturating_sub(index) as f64 / logical as f64;
        outcome.figure(
            "W9",
            &format!("the same {when}, indexes on the disk left out ÷ keys and values"),
            Unit::ShareLessIsBetter,
            entries,
        );
        let keys = place.data.entries() as f64;
        outcome.figure("W9", &format!("indexes on the disk {when}"), Unit::BytesPerKey, index as f64 / keys);
    }
    Ok(())
}
