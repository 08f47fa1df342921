//! W1: an empty store is filled in batches of a thousand, with one sync at the end, which counts.
//!
//! What the loaded store takes of disk (W9) and memory (W10) is read off here as well.

use super::{batches, w05_ranges, w09_disk, w10_memory};
use crate::engines::{Engine, Place};
use crate::error::Result;
use crate::measure::{Memory, Meter, settled_bytes};
use crate::outcome::Outcome;

pub(super) fn run<E: Engine>(place: &Place, outcome: &mut Outcome) -> Result<()> {
    let data = place.data;
    let order = data.load_order();
    let (keys, values) = (data.keys(order.iter().copied()), data.values());

    let memory = Memory::watch()?;
    let engine = E::open(place)?;
    let meter = Meter::start()?;
    batches::put_all(&engine, &keys, |at| values.get(order[at], 0))?;
    engine.sync()?;
    outcome.rate("W1", "load in batches of 1,000, one sync at the end", data.entries(), meter.stop()?, None);

    settled_bytes(&place.directory)?;
    w10_memory::loaded(memory, data.entries(), outcome)?;
    w05_ranges::after_load(&engine, data, outcome)?;
    engine.close()?;
    let logical = keys.total_bytes() + data.entries() * data.value_bytes() as u64;
    w09_disk::closed::<E>(place, "after the load", logical, outcome)
}
