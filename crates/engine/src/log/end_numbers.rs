//! Whether the numbers of a log leave others to go on with.
//!
//! Invariant: a log whose numbers could run out while it is open is refused before the first byte is changed. Checksums do not
//! help against a file that was made on purpose, or by a program with a defect.

use std::path::Path;

use super::recovery::{LogState, Recovered};
use crate::error::{Error, ErrorKind, Result};
use crate::format::NUMBERS_END;

/// A writer needs numbers to go on with; half of all there are last for ever.
pub(crate) const LAST_TO_GO_ON_FROM: u64 = NUMBERS_END / 2;

/// Refuses a log that stands at `state` and has a number, of any sort, that no log reaches.
pub(crate) fn check_numbers(dir: &Path, recovered: &Recovered, state: &LogState) -> Result<()> {
    let catalog = &recovered.catalog;
    let ends = recovered.segments.iter().map(|segment| segment.base.0.saturating_add(segment.end()));
    let numbers = [
        ("frame", state.last_frame.0),
        ("commit", state.last_sequence.0),
        ("floor", state.floor.0),
        ("log offset", ends.max().unwrap_or(0)),
        ("segment", catalog.next_segment.0),
        ("catalog generation", catalog.generation),
    ];
    match numbers.iter().find(|(_, number)| *number > LAST_TO_GO_ON_FROM) {
        None => Ok(()),
        Some((what, number)) => {
            let text = format!("{} is at {what} {number}, which no store reaches", dir.display());
            Err(Error::new(ErrorKind::Damaged, text))
        }
    }
}
