//! W10: anonymous memory, which is what a store really holds; pages of mapped files can be dropped and do not count.

use crate::error::Result;
use crate::measure::Memory;
use crate::outcome::{Outcome, Unit};

/// After a load: the peak, and what is left when the store has settled.
pub(super) fn loaded(memory: Memory, keys: u64, outcome: &mut Outcome) -> Result<()> {
    let (peak, settled) = memory.end()?;
    outcome.figure("W10", "anonymous memory after the load, settled", Unit::Bytes, settled as f64);
    outcome.figure("W10", "the same for each key", Unit::BytesPerKey, settled as f64 / keys as f64);
    outcome.figure("W10", "anonymous memory during the load, peak", Unit::Bytes, peak as f64);
    outcome.figure("W10", "the same for each key, peak", Unit::BytesPerKey, peak as f64 / keys as f64);
    Ok(())
}

/// After opening, before anything else was asked.
pub(super) fn opened(memory: Memory, outcome: &mut Outcome) -> Result<()> {
    let (peak, now) = memory.end()?;
    outcome.figure("W10", "anonymous memory after opening", Unit::Bytes, now as f64);
    outcome.figure("W10", "anonymous memory while opening, peak", Unit::Bytes, peak as f64);
    Ok(())
}
