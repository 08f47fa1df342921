//! W3: random gets of keys that exist, from one thread and from two.
//!
//! Before them every key is read once in the order of the load. That warms caches and page tables for all stores alike, and
//! is a figure of its own: what the first touch of a value costs, checksums and page faults included.

use std::sync::Barrier;
use std::thread;

use crate::data::{DataSet, Keys, Random, Sum};
use crate::engines::{Engine, Reader};
use crate::error::{Error, Result};
use crate::measure::Meter;
use crate::outcome::{Outcome, Unit};

/// More gets than this show nothing new.
const GETS_MAX: u64 = 1_000_000;

pub(super) fn run<E: Engine>(engine: &E, data: DataSet, outcome: &mut Outcome) -> Result<()> {
    let gets = data.entries().min(GETS_MAX);
    let all = data.keys(data.load_order());
    let meter = Meter::start()?;
    let sum = get_all(engine, &all)?;
    outcome.rate(
        "W3",
        "first get of every key after opening, in the order of the load",
        data.entries(),
        meter.stop()?,
        Some(sum.number()),
    );
    drop(all);

    let draws = |seed| data.keys(Random::new(seed).draws(gets, data.entries()));
    let [one, two] = [draws(1), draws(2)];
    let meter = Meter::start()?;
    let sum = get_all(engine, &one)?;
    let alone = meter.stop()?;
    outcome.rate("W3", "random get, one thread", gets, alone, Some(sum.number()));

    let barrier = Barrier::new(3);
    let (spent, sums) = thread::scope(|scope| -> Result<_> {
        let run = |keys| {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                get_all(engine, keys)
            })
        };
        let threads = [run(&one), run(&two)];
        let meter = Meter::start()?;
        barrier.wait();
        let sums =
            threads.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        Ok((meter.stop()?, sums))
    })?;
    let [first, second] = sums;
    let sum = Sum::join(&[first?, second?]);
    outcome.rate("W3", "random get, two threads together", gets * 2, spent, Some(sum.number()));
    let share = alone.wall.as_secs_f64() / spent.wall.as_secs_f64();
    outcome.figure("W3", "two threads: each against one alone", Unit::ShareMoreIsBetter, share);
    Ok(())
}

/// Gets every key, all of which exist.
pub(super) fn get_all<E: Engine>(engine: &E, keys: &Keys) -> Result<Sum> {
    let mut reader = engine.reader()?;
    let mut sum = Sum::default();
    for key in keys.iter() {
        if !reader.get(key, &mut sum)? {
            return Err(missing(key));
        }
    }
    Ok(sum)
}

/// A key that was written is not there.
pub(super) fn missing(key: &[u8]) -> Error {
    Error::WrongAnswer(format!("the key {} was written and is not there", key.escape_ascii()))
}
