//! W4: gets of keys that do not exist, each a close neighbour of one that does.

use crate::data::{DataSet, Random, Sum};
use crate::engines::{Engine, Reader};
use crate::error::{Error, Result};
use crate::measure::Meter;
use crate::outcome::Outcome;

/// More gets than this show nothing new.
const GETS_MAX: u64 = 1_000_000;

pub(super) fn run<E: Engine>(engine: &E, data: DataSet, outcome: &mut Outcome) -> Result<()> {
    let gets = data.entries().min(GETS_MAX);
    let keys = data.absent_keys(Random::new(4).draws(gets, data.entries()));
    let mut sum = Sum::default();
    let mut found = 0_u64;
    let meter = Meter::start()?;
    let mut reader = engine.reader()?;
    for key in keys.iter() {
        found += u64::from(reader.get(key, &mut sum)?);
    }
    outcome.rate("W4", "get of an absent key", gets, meter.stop()?, None);
    if found == 0 {
        Ok(())
    } else {
        Err(Error::WrongAnswer(format!("{found} of {gets} absent keys were found")))
    }
}
