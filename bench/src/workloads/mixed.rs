//! Mixed: two threads read and overwrite single rows at random, half and half, and 95 to 5. Nothing is synced; every write is
//! a commit of its own, and every read takes a view of its own.
//!
//! Each thread has every other row to itself. So what it must read follows from what it wrote, whatever the other one does,
//! and the sums of all stores can be compared.

use std::sync::Barrier;
use std::thread;

use super::w03_get;
use crate::data::{DataSet, Random, Sum, Values};
use crate::engines::{Engine, Place, Reader};
use crate::error::Result;
use crate::measure::Meter;
use crate::outcome::Outcome;

const THREADS: u64 = 2;
/// For both threads together.
const OPERATIONS_MAX: u64 = 400_000;

pub(super) fn run<E: Engine>(place: &Place, outcome: &mut Outcome) -> Result<()> {
    let data = place.data;
    let engine = E::open(place)?;
    let values = data.values();
    // Faults in the pages, as in W3.
    w03_get::get_all(&engine, &data.keys(0..data.entries()))?;
    for (round, (row, reads_per_cent)) in
        [("50 % reads, 50 % writes, two threads", 50), ("95 % reads, 5 % writes, two threads", 95)]
            .into_iter()
            .enumerate()
    {
        let operations = data.entries().min(OPERATIONS_MAX) / THREADS;
        let barrier = Barrier::new(usize::try_from(THREADS).expect("two") + 1);
        let plans: Vec<Plan> = (0..THREADS)
            .map(|thread| Plan::new(data, thread, operations, reads_per_cent, round as u64))
            .collect();
        let (spent, sums) = thread::scope(|scope| -> Result<_> {
            let (barrier, engine, values) = (&barrier, &engine, &values);
            let threads: Vec<_> = plans
                .iter()
                .map(|plan| {
                    scope.spawn(move || {
                        barrier.wait();
                        plan.run(engine, values)
                    })
                })
                .collect();
            let meter = Meter::start()?;
            barrier.wait();
            let sums: Vec<_> = threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect();
            Ok((meter.stop()?, sums))
        })?;
        let sums = sums.into_iter().collect::<Result<Vec<_>>>()?;
        outcome.rate("mixed", row, operations * THREADS, spent, Some(Sum::join(&sums).number()));
    }
    engine.close()
}

/// What one thread does, made before the clock starts.
struct Plan {
    keys: crate::data::Keys,
    indexes: Vec<u64>,
    /// The version to write, or `None` to read.
    writes: Vec<Option<u64>>,
}

impl Plan {
    fn new(data: DataSet, thread: u64, operations: u64, reads_per_cent: u64, round: u64) -> Self {
        let mut random = Random::new(100 + round * THREADS + thread);
        let mine = data.entries() / THREADS;
        let indexes: Vec<u64> = (0..operations).map(|_| random.below(mine) * THREADS + thread).collect();
        let writes = (0..operations)
            .map(|at| (random.below(100) >= reads_per_cent).then_some(1_000 + round * operations + at))
            .collect();
        Self { keys: data.keys(indexes.iter().copied()), indexes, writes }
    }

    fn run<E: Engine>(&self, engine: &E, values: &Values) -> Result<Sum> {
        let mut sum = Sum::default();
        for (at, write) in self.writes.iter().enumerate() {
            let key = self.keys.get(at);
            match write {
                Some(version) => engine.put(key, values.get(self.indexes[at], *version))?,
                None if engine.reader()?.get(key, &mut sum)? => {}
                None => return Err(w03_get::missing(key)),
            }
        }
        Ok(sum)
    }
}
