//! Churn: overwriting and deleting, five times as many changes as there are rows, until a store has to clean up for its
//! living; meanwhile another thread reads.
//!
//! The last tenth of the rows is never changed. The reader goes round and round over a sample of it, so what every round must
//! sum up to is known. Afterwards all live rows are read and their sum compared, and the disk is looked at.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::batches::BATCH_ROWS;
use super::w03_get;
use crate::data::{DataSet, Keys, Random, Sum, Values};
use crate::engines::{Engine, Place, Reader};
use crate::error::{Error, Result};
use crate::measure::{Latencies, Meter, allocated_bytes, settled_bytes};
use crate::outcome::{Outcome, Unit};

/// Changes for each row.
const ROUNDS: u64 = 5;
/// One in so many changes of a live row is a delete.
const DELETES: u64 = 8;
/// Rows that the reader goes round over.
const SAMPLE: u64 = 10_000;
/// How long the reader runs alone.
const ALONE: Duration = Duration::from_millis(700);
/// Gets for each view of the reader, so that it holds back no cleaning up.
const GETS_PER_VIEW: usize = 100;

pub(super) fn run<E: Engine>(place: &Place, outcome: &mut Outcome) -> Result<()> {
    let data = place.data;
    let engine = E::open(place)?;
    let untouched = data.entries() / 10;
    let sample = Random::new(9).draws(SAMPLE.min(untouched), untouched);
    let sample = data.keys(sample.iter().map(|draw| data.entries() - 1 - draw));
    let mut rows = Rows::new(data, data.entries() - untouched);

    go_round(&engine, &sample, &|| false)?;
    let begun = Instant::now();
    let (alone, expected) = go_round(&engine, &sample, &|| begun.elapsed() < ALONE)?;
    outcome.figure("churn", "gets, nothing else going on", Unit::PerSecond, alone);

    let done = AtomicBool::new(false);
    let going_on = || !done.load(Ordering::Relaxed);
    let (spent, mut times, during, peak) = thread::scope(|scope| -> Result<_> {
        let reader = scope.spawn(|| go_round(&engine, &sample, &going_on));
        let watcher = scope.spawn(|| peak_bytes(&place.directory, &going_on));
        let meter = Meter::start()?;
        let times = rows.churn(&engine);
        let spent = meter.stop();
        done.store(true, Ordering::Relaxed);
        let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let peak = watcher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let (during, sum) = read?;
        if sum != expected {
            return Err(Error::WrongAnswer(
                "rows that nobody changed read differently during the churn".to_owned(),
            ));
        }
        Ok((spent?, times?, during, peak?))
    })?;

    let (keys, live_bytes) = rows.live();
    let sum = w03_get::get_all(&engine, &keys)?;
    outcome.rate(
        "churn",
        "overwrites and deletes in batches of 1,000",
        data.entries() * ROUNDS,
        spent,
        Some(sum.number()),
    );
    outcome.figure("churn", "a batch of 1,000, p50", Unit::Microseconds, times.quantile_us(500));
    outcome.figure("churn", "a batch of 1,000, p99", Unit::Microseconds, times.quantile_us(990));
    outcome.figure("churn", "a batch of 1,000, longest", Unit::Microseconds, times.quantile_us(1000));
    outcome.figure("churn", "gets meanwhile", Unit::PerSecond, during);
    outcome.figure("churn", "gets meanwhile ÷ alone", Unit::ShareMoreIsBetter, during / alone);
    settled_bytes(&place.directory)?;
    engine.close()?;
    let settled = allocated_bytes(&place.directory)?;
    outcome.figure(
        "churn",
        "disk at its peak ÷ live keys and values",
        Unit::ShareLessIsBetter,
        peak as f64 / live_bytes as f64,
    );
    outcome.figure(
        "churn",
        "disk settled and closed ÷ live keys and values",
        Unit::ShareLessIsBetter,
        settled as f64 / live_bytes as f64,
    );
    Ok(())
}

/// Gets the sample again and again, once at least, for as long as `going_on` says; gives gets a second, and the sum of a round.
fn go_round<E: Engine>(engine: &E, sample: &Keys, going_on: &dyn Fn() -> bool) -> Result<(f64, Sum)> {
    let (begun, mut gets, mut expected) = (Instant::now(), 0_u64, None);
    loop {
        let mut sum = Sum::default();
        for first in (0..sample.len()).step_by(GETS_PER_VIEW) {
            let mut reader = engine.reader()?;
            for at in first..(first + GETS_PER_VIEW).min(sample.len()) {
                if !reader.get(sample.get(at), &mut sum)? {
                    return Err(w03_get::missing(sample.get(at)));
                }
                gets += 1;
            }
            // The last round is cut short where the churn ends, and only counts as far as it went.
            if let (Some(expected), false) = (expected, going_on()) {
                return Ok((gets as f64 / begun.elapsed().as_secs_f64(), expected));
            }
        }
        if *expected.get_or_insert(sum) != sum {
            return Err(Error::WrongAnswer("two rounds over rows that nobody changes differ".to_owned()));
        }
        if !going_on() {
            return Ok((gets as f64 / begun.elapsed().as_secs_f64(), sum));
        }
    }
}

/// The most that the directory took while `going_on`.
fn peak_bytes(directory: &Path, going_on: &dyn Fn() -> bool) -> Result<u64> {
    let mut peak = 0;
    while going_on() {
        peak = peak.max(allocated_bytes(directory)?);
        thread::sleep(Duration::from_millis(100));
    }
    Ok(peak)
}

/// Which rows are alive, and at which version: the model that the store is held against.
struct Rows {
    data: DataSet,
    values: Values,
    random: Random,
    alive: Vec<bool>,
    /// Rows from here on are never changed.
    changing: u64,
}

impl Rows {
    fn new(data: DataSet, changing: u64) -> Self {
        let alive = vec![true; usize::try_from(data.entries()).expect("entries fit in memory")];
        Self { data, values: data.values(), random: Random::new(10), alive, changing }
    }

    /// Makes all changes, and gives how long each batch took. Drawing them costs the same for every store.
    fn churn<E: Engine>(&mut self, engine: &E) -> Result<Latencies> {
        let batches = self.data.entries() * ROUNDS / BATCH_ROWS as u64;
        let mut times = Latencies::with_capacity(usize::try_from(batches).expect("few"));
        for batch in 0..batches {
            let (mut put, mut deleted) = (Vec::new(), Vec::new());
            for _ in 0..BATCH_ROWS {
                let index = self.random.below(self.changing);
                let alive = &mut self.alive[usize::try_from(index).expect("an index")];
                if *alive && self.random.below(DELETES) == 0 {
                    *alive = false;
                    deleted.push(index);
                } else {
                    *alive = true;
                    put.push(index);
                }
            }
            // Deletes are a commit of their own, before the puts: a row that was drawn twice must end as the model says.
            deleted.retain(|index| !self.alive[usize::try_from(*index).expect("an index")]);
            put.retain(|index| self.alive[usize::try_from(*index).expect("an index")]);
            let version = 1_000_000 + batch;
            let (put_keys, deleted_keys) = (self.data.keys(put.iter().copied()), self.data.keys(deleted));
            let rows: Vec<(&[u8], &[u8])> = put
                .iter()
                .enumerate()
                .map(|(at, index)| (put_keys.get(at), self.values.get(*index, version)))
                .collect();
            let gone: Vec<&[u8]> = deleted_keys.iter().collect();
            let begun = Instant::now();
            if !gone.is_empty() {
                engine.delete_batch(&gone)?;
            }
            engine.put_batch(&rows)?;
            times.push(begun.elapsed());
        }
        engine.sync()?;
        Ok(times)
    }

    /// The keys of the live rows, and the bytes of these with their values.
    fn live(&self) -> (Keys, u64) {
        let indexes = (0_u64..).zip(&self.alive).filter(|(_, alive)| **alive).map(|(index, _)| index);
        let keys = self.data.keys(indexes);
        let bytes = keys.total_bytes() + keys.len() as u64 * self.data.value_bytes() as u64;
        (keys, bytes)
    }
}
