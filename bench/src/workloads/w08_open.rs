//! W8: opening a full store, up to the first answered get: after it was closed in order, and after its process ended without
//! closing it. The files are in the page cache. What memory the open store then holds is W10.

use super::{batches, w03_get, w10_memory};
use crate::data::Sum;
use crate::engines::{Engine, Place, Reader};
use crate::error::Result;
use crate::measure::{Memory, Meter};
use crate::outcome::{Outcome, Unit};

/// Rows that are overwritten before the process ends without closing the store.
const LAST_ROWS: u64 = 10_000;

/// How the store was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// In order.
    Close,
    /// By the end of its process.
    Kill,
}

pub(super) fn run<E: Engine>(place: &Place, after: After, outcome: &mut Outcome) -> Result<()> {
    let keys = place.data.keys([0]);
    let memory = (after == After::Close).then(Memory::watch).transpose()?;
    let meter = Meter::start()?;
    let engine = E::open(place)?;
    let opened = meter.stop()?;
    let mut sum = Sum::default();
    if !engine.reader()?.get(keys.get(0), &mut sum)? {
        return Err(w03_get::missing(keys.get(0)));
    }
    let row = match after {
        After::Close => "open after closing",
        After::Kill => "open after the process ended without closing (10,000 rows since)",
    };
    outcome.figure("W8", row, Unit::Milliseconds, opened.wall.as_secs_f64() * 1e3);
    outcome.figure(
        "W8",
        &format!("{row}, processor time"),
        Unit::Milliseconds,
        opened.cpu.as_secs_f64() * 1e3,
    );
    if let Some(memory) = memory {
        w10_memory::opened(memory, outcome)?;
    }
    engine.close()
}

/// Overwrites the first rows and leaves the store open, so that the end of the process takes it down.
pub(super) fn overwrite_and_leave<E: Engine>(place: &Place) -> Result<()> {
    let count = place.data.entries().min(LAST_ROWS);
    let (keys, values) = (place.data.keys(0..count), place.data.values());
    let engine = E::open(place)?;
    batches::put_all(&engine, &keys, |at| values.get(at as u64, 1))?;
    std::mem::forget(engine);
    Ok(())
}
