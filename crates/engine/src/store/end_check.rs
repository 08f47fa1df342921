//! Whether what was recovered can be gone on with.
//!
//! Invariant: whatever is wrong with the numbers of a store is found here, before a writable open changes the first byte.
//! Checksums do not help against a file that was made on purpose, or by a program with a defect.

use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::format::NUMBERS_END;
use crate::format::identity::Identity;
use crate::log::recovery::{Recovered, state_with_undecided};
use crate::numbers::Sequence;

/// A writer needs numbers to go on with; half of all there are last for ever.
const LAST_TO_GO_ON_FROM: u64 = NUMBERS_END / 2;

/// Whether the end of the log agrees with itself and, unless the store is only read, leaves numbers to go on with.
pub(super) fn check_end(
    dir: &Path,
    identity: &Identity,
    recovered: &Recovered,
    read_only: bool,
) -> Result<()> {
    let state = match &recovered.active {
        Some(active) => state_with_undecided(active, identity, recovered.state)?,
        None => recovered.state,
    };
    let damaged = |text| Err(Error::new(ErrorKind::Damaged, text));
    if state.floor > state.last_sequence.next() {
        return damaged(format!(
            "the floor of the batch log of {} is {}, behind the last commit, {}",
            dir.display(),
            state.floor,
            state.last_sequence
        ));
    }
    let catalog = &recovered.catalog;
    let ends = recovered.segments.iter().map(|segment| segment.base.0.saturating_add(segment.end()));
    let Sequence(last_sequence) = state.last_sequence;
    let numbers = [
        ("frame", state.last_frame.0),
        ("commit", last_sequence),
        ("log offset", ends.max().unwrap_or(0)),
        ("segment", catalog.next_segment.0),
        ("catalog generation", catalog.generation),
    ];
    match numbers.iter().find(|(_, number)| !read_only && *number > LAST_TO_GO_ON_FROM) {
        None => Ok(()),
        Some((what, number)) => {
            damaged(format!("{} is at {what} {number}, which no store reaches", dir.display()))
        }
    }
}
