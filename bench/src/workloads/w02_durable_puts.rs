//! W2: durable puts of one key each, from one thread and from eight, beside raw writes to the same disk in the same run.
//!
//! One thread puts in blocks of twenty, and each block is followed by as many raw writes of each kind, so whatever else the
//! disk is busy with falls on all of them alike. Ratios within one process are what counts.

use std::thread;
use std::time::Instant;

use super::bare_group_commit::GroupCommit;
use super::raw_puts::{Kind, RECORD_BYTES, RawFile};
use super::w03_get;
use crate::data::DataSet;
use crate::engines::{Ability, Engine, Place};
use crate::error::{Error, Result};
use crate::measure::{Latencies, Meter};
use crate::outcome::{Outcome, Unit};

const BLOCK: u64 = 20;
const THREADS: u64 = 8;

const ONE: &str = "durable put, one thread";
const EIGHT: &str = "durable puts, eight threads";
const BARE: &str = "bare group commit, eight threads";

/// How many puts: of one thread, and of each of the eight.
fn puts(data: DataSet) -> (u64, u64) {
    if data.quick { (400, 100) } else { (2_000, 1_000) }
}

pub(super) fn run<E: Engine>(place: &Place, outcome: &mut Outcome) -> Result<()> {
    let data = place.data;
    let (single, each) = puts(data);
    let lacks = E::lacks(Ability::DurablePut);
    let directory = place.directory.join("store");
    std::fs::create_dir(&directory).map_err(Error::file(&directory))?;
    let engine = E::open(&Place { directory, ..place.clone() })?;
    let store = if lacks.is_none() { Some(&engine) } else { None };

    one_thread(place, store, single, outcome)?;
    eight_threads(place, store, single, each, outcome)?;
    if let Some(reason) = lacks {
        outcome.skip("W2", &format!("{ONE}, p50"), reason);
        outcome.skip("W2", &format!("{ONE}, p99"), reason);
        outcome.skip("W2", EIGHT, reason);
    } else {
        // Whatever order the threads came in, all rows are there, and are those of the other stores.
        let sum = w03_get::get_all(&engine, &data.keys(0..single + THREADS * each))?;
        if let Some(measure) = outcome.measures.iter_mut().find(|measure| measure.row == EIGHT) {
            measure.sum = Some(sum.number());
        }
    }
    engine.close()
}

fn one_thread<E: Engine>(place: &Place, store: Option<&E>, puts: u64, outcome: &mut Outcome) -> Result<()> {
    let (keys, values) = (place.data.keys(0..puts), place.data.values());
    let capacity = usize::try_from(puts).expect("few");
    let mut times = Latencies::with_capacity(capacity);
    let mut raw = Vec::new();
    for kind in Kind::ALL {
        let file = RawFile::create(&place.directory, kind, puts * RECORD_BYTES as u64)?;
        raw.push((kind, file, Latencies::with_capacity(capacity)));
    }
    let record = [0x5a; RECORD_BYTES];
    for block in 0..puts / BLOCK {
        for index in block * BLOCK..(block + 1) * BLOCK {
            let Some(engine) = store else { break };
            let key = keys.get(usize::try_from(index).expect("few"));
            let begun = Instant::now();
            engine.put_durable(key, values.get(index, 0))?;
            times.push(begun.elapsed());
        }
        for (_, file, times) in &mut raw {
            for _ in 0..BLOCK {
                let begun = Instant::now();
                file.append(&record)?;
                times.push(begun.elapsed());
            }
        }
    }
    let median = times.quantile_us(500);
    if store.is_some() {
        outcome.figure("W2", &format!("{ONE}, p50"), Unit::Microseconds, median);
        outcome.figure("W2", &format!("{ONE}, p99"), Unit::Microseconds, times.quantile_us(990));
    }
    for (kind, _, times) in &mut raw {
        let raw_median = times.quantile_us(500);
        outcome.figure("W2", &format!("{}, p50", kind.name()), Unit::Microseconds, raw_median);
        outcome.figure("W2", &format!("{}, p99", kind.name()), Unit::Microseconds, times.quantile_us(990));
        if store.is_some() && *kind != Kind::Zeroed {
            let against = match kind {
                Kind::Allocated => "durable put ÷ raw append into fallocated blocks, p50",
                _ => "durable put ÷ raw append to a growing file, p50",
            };
            outcome.figure("W2", against, Unit::ShareLessIsBetter, median / raw_median.max(1e-3));
        }
    }
    Ok(())
}

/// Eight threads with keys of their own, behind those of the single thread; then the same number of records without a store.
fn eight_threads<E: Engine>(
    place: &Place,
    store: Option<&E>,
    before: u64,
    each: u64,
    outcome: &mut Outcome,
) -> Result<()> {
    let (keys, values) = (place.data.keys(before..before + THREADS * each), place.data.values());
    let mut rate = None;
    if let Some(engine) = store {
        let meter = Meter::start()?;
        let mut times = in_threads(each, &|at| {
            let value = values.get(before + at, 0);
            engine.put_durable(keys.get(usize::try_from(at).expect("few")), value)
        })?;
        let spent = meter.stop()?;
        outcome.rate("W2", EIGHT, THREADS * each, spent, None);
        outcome.figure("W2", &format!("{EIGHT}, p99 of one"), Unit::Microseconds, times.quantile_us(990));
        rate = Some(spent.wall);
    }
    let bare = GroupCommit::create(&place.directory, THREADS * each * RECORD_BYTES as u64)?;
    let record = [0x5a; RECORD_BYTES];
    let meter = Meter::start()?;
    in_threads(each, &|_| bare.append(&record))?;
    let spent = meter.stop()?;
    outcome.rate("W2", BARE, THREADS * each, spent, None);
    outcome.figure(
        "W2",
        "bare group commit, records a sync",
        Unit::ShareMoreIsBetter,
        bare.records_per_sync(),
    );
    if let Some(wall) = rate {
        let share = spent.wall.as_secs_f64() / wall.as_secs_f64();
        outcome.figure("W2", "eight threads ÷ bare group commit", Unit::ShareMoreIsBetter, share);
    }
    Ok(())
}

/// Has each of eight threads do `each` operations, numbered without overlap.
fn in_threads(each: u64, operation: &(dyn Fn(u64) -> Result<()> + Sync)) -> Result<Latencies> {
    let mut all = Latencies::default();
    let results: Vec<Result<Latencies>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    let mut times = Latencies::with_capacity(usize::try_from(each).expect("few"));
                    for at in thread * each..(thread + 1) * each {
                        let begun = Instant::now();
                        operation(at)?;
                        times.push(begun.elapsed());
                    }
                    Ok(times)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    for result in results {
        all.append(result?);
    }
    Ok(all)
}
