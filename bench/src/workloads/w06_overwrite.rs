//! W6: every row is overwritten once, at random, in batches of a thousand with one sync at the end, which counts.
//!
//! Afterwards the store has time to clean up, and W9 says what it then takes of the disk.

use super::{batches, w03_get, w09_disk};
use crate::data::Random;
use crate::engines::{Engine, Place};
use crate::error::Result;
use crate::measure::{Meter, settled_bytes};
use crate::outcome::Outcome;

/// The version of the values that this workload writes; the kill before it wrote version 1.
const VERSION: u64 = 2;

pub(super) fn run<E: Engine>(place: &Place, outcome: &mut Outcome) -> Result<()> {
    let data = place.data;
    let order = Random::new(6).permutation(data.entries());
    let (keys, values) = (data.keys(order.iter().copied()), data.values());
    let engine = E::open(place)?;
    let meter = Meter::start()?;
    batches::put_all(&engine, &keys, |at| values.get(order[at], VERSION))?;
    engine.sync()?;
    let spent = meter.stop()?;
    let sum = w03_get::get_all(&engine, &keys)?;
    outcome.rate(
        "W6",
        "overwrite at random in batches of 1,000, one sync at the end",
        data.entries(),
        spent,
        Some(sum.number()),
    );

    settled_bytes(&place.directory)?;
    engine.close()?;
    let logical = keys.total_bytes() + data.entries() * data.value_bytes() as u64;
    w09_disk::closed::<E>(place, "after overwriting everything", logical, outcome)
}
