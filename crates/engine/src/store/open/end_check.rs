//! Whether what was recovered can be gone on with.
//!
//! Invariant: whatever is wrong with the numbers of a store is found here, before a writable open changes the first byte.

use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::format::identity::Identity;
use crate::log::end_numbers::check_numbers;
use crate::log::recovery::{Recovered, state_with_undecided};

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
    if state.floor > state.last_sequence.next() {
        let text = format!(
            "the floor of the batch log of {} is {}, behind the last commit, {}",
            dir.display(),
            state.floor,
            state.last_sequence
        );
        return Err(Error::new(ErrorKind::Damaged, text));
    }
    if read_only { Ok(()) } else { check_numbers(dir, recovered, &state) }
}
