//! W7: gets of a hundred random keys in one call, where a store has such a call; else a loop over one read transaction.

use crate::data::{DataSet, Random, Sum};
use crate::engines::{Engine, Reader};
use crate::error::{Error, Result};
use crate::measure::Meter;
use crate::outcome::Outcome;

const KEYS_PER_CALL: u64 = 100;
/// More gets than this show nothing new.
const GETS_MAX: u64 = 1_000_000;

pub(super) fn run<E: Engine>(engine: &E, data: DataSet, outcome: &mut Outcome) -> Result<()> {
    let gets = data.entries().min(GETS_MAX) / KEYS_PER_CALL * KEYS_PER_CALL;
    let keys = data.keys(Random::new(7).draws(gets, data.entries()));
    let all: Vec<&[u8]> = keys.iter().collect();
    let per_call = usize::try_from(KEYS_PER_CALL).expect("a hundred");
    let (mut sum, mut found) = (Sum::default(), 0);
    let meter = Meter::start()?;
    let mut reader = engine.reader()?;
    for keys in all.chunks_exact(per_call) {
        found += reader.get_many(keys, &mut sum)?;
    }
    outcome.rate("W7", "get_many of 100, keys", gets, meter.stop()?, Some(sum.number()));
    if found == gets {
        Ok(())
    } else {
        Err(Error::WrongAnswer(format!("get_many found {found} of {gets} keys")))
    }
}
