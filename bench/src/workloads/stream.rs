//! Stream: one large value, written until it is on the disk, and read in place by another process.
//!
//! The value is in memory before the clock starts, so that stores without a way to stream are not charged for putting it there.

use crate::data::{Random, Sum};
use crate::engines::{Engine, Place, Reader};
use crate::error::Result;
use crate::measure::{Meter, Spent};
use crate::outcome::{Outcome, Unit};

use super::w03_get;

const KEY: &[u8] = b"one large value";

/// 1 GiB, or a sixteenth of it for a run in minutes.
fn value_bytes(place: &Place) -> usize {
    if place.data.quick { 64 << 20 } else { 1 << 30 }
}

fn figure(row: &str, bytes: usize, spent: Spent, outcome: &mut Outcome) {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    outcome.figure("stream", row, Unit::MebibytesPerSecond, mebibytes / spent.wall.as_secs_f64());
    let row = format!("{row}, in processor time");
    outcome.figure("stream", &row, Unit::MebibytesPerSecond, mebibytes / spent.cpu.as_secs_f64().max(1e-6));
}

pub(super) fn write<E: Engine>(place: &Place, outcome: &mut Outcome) -> Result<()> {
    let bytes = value_bytes(place);
    let mut random = Random::new(8);
    let value: Vec<u8> = (0..bytes / 8).flat_map(|_| random.next().to_le_bytes()).collect();
    let engine = E::open(place)?;
    let meter = Meter::start()?;
    engine.put_large(KEY, &value)?;
    figure("one large value written and synced", bytes, meter.stop()?, outcome);
    engine.close()
}

pub(super) fn read<E: Engine>(place: &Place, outcome: &mut Outcome) -> Result<()> {
    let engine = E::open(place)?;
    for row in ["the large value read, first time", "the large value read, second time"] {
        let mut sum = Sum::default();
        let meter = Meter::start()?;
        if !engine.reader()?.get(KEY, &mut sum)? {
            return Err(w03_get::missing(KEY));
        }
        figure(row, value_bytes(place), meter.stop()?, outcome);
        if let Some(measure) = outcome.measures.last_mut() {
            measure.sum = Some(sum.number());
        }
    }
    engine.close()
}
