//! W5: the whole store in order, and ranges of a hundred rows from random keys on, both ways. Keys and values are summed.
//!
//! Forward ranges are also asked for in the process that has just loaded the store, because an order that is made in the
//! background may not be there yet.

use crate::data::{DataSet, Keys, Random, Sum};
use crate::engines::{Ability, Direction, Engine, Reader};
use crate::error::{Error, Result};
use crate::measure::Meter;
use crate::outcome::Outcome;

const RANGE_ROWS: usize = 100;
/// More ranges than this show nothing new.
const RANGES_MAX: u64 = 10_000;
/// A second or two after a load; more would be the ordinary row again.
const RANGES_AFTER_LOAD: u64 = 1_000;

const WHOLE: &str = "whole scan in order, rows";
const FORWARD: &str = "ranges of 100 rows, forward, rows";
const BACKWARD: &str = "ranges of 100 rows, backward, rows";
const AFTER_LOAD: &str = "ranges of 100 rows, forward, rows, by the process that loaded";

pub(super) fn run<E: Engine>(engine: &E, data: DataSet, outcome: &mut Outcome) -> Result<()> {
    if let Some(reason) = E::lacks(Ability::Order) {
        for row in [WHOLE, FORWARD, BACKWARD] {
            outcome.skip("W5", row, reason);
        }
        return Ok(());
    }
    let mut reader = engine.reader()?;
    // The first scan after opening also faults in what was not touched yet; it is not the figure.
    let expected = reader.scan(None, Direction::Forward, usize::MAX, &mut Sum::default())?;
    let mut sum = Sum::default();
    let meter = Meter::start()?;
    let rows = reader.scan(None, Direction::Forward, usize::MAX, &mut sum)?;
    outcome.rate("W5", WHOLE, rows, meter.stop()?, Some(sum.number()));
    if rows != data.entries() || rows != expected {
        return Err(Error::WrongAnswer(format!("a scan gave {rows} rows of {}", data.entries())));
    }

    let ranges = (data.entries() / RANGE_ROWS as u64).min(RANGES_MAX);
    let keys = data.keys(Random::new(5).draws(ranges, data.entries()));
    read_ranges(&mut reader, &keys, Direction::Forward, FORWARD, outcome)?;
    read_ranges(&mut reader, &keys, Direction::Backward, BACKWARD, outcome)
}

/// What the process that loaded the store adds.
pub(super) fn after_load<E: Engine>(engine: &E, data: DataSet, outcome: &mut Outcome) -> Result<()> {
    if let Some(reason) = E::lacks(Ability::Order) {
        outcome.skip("W5", AFTER_LOAD, reason);
        return Ok(());
    }
    let keys = data.keys(Random::new(55).draws(RANGES_AFTER_LOAD, data.entries()));
    read_ranges(&mut engine.reader()?, &keys, Direction::Forward, AFTER_LOAD, outcome)
}

fn read_ranges<R: Reader>(
    reader: &mut R,
    keys: &Keys,
    direction: Direction,
    row: &str,
    outcome: &mut Outcome,
) -> Result<()> {
    let (mut sum, mut rows) = (Sum::default(), 0);
    let meter = Meter::start()?;
    for key in keys.iter() {
        rows += reader.scan(Some(key), direction, RANGE_ROWS, &mut sum)?;
    }
    outcome.rate("W5", row, rows, meter.stop()?, Some(sum.number()));
    Ok(())
}
