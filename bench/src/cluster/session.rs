//! A run: in every pass what the machine allows, Pentad, and etcd, in turn; each with data of its own, which goes afterwards.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::bare::{BareService, sync_file, syncs};
use super::collected::{Collected, Column, Limits, Row, Sample};
use super::etcd::{self, Etcd};
use super::load::Loaded;
use super::node::runtime;
use super::page;
use super::program::processor_time;
use super::trio::Trio;
use crate::arguments::ClusterArguments;
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::measure::{Latencies, flush};
use crate::workloads::RawFile;

/// Runs everything.
pub(crate) fn perform(arguments: &ClusterArguments) -> Result<()> {
    fs::create_dir_all(&arguments.dir).map_err(Error::file(&arguments.dir))?;
    let scratch = tempfile::Builder::new().prefix("run-").tempdir_in(&arguments.dir);
    let scratch = scratch.map_err(Error::file(&arguments.dir))?;
    let mut machine = Machine::look(&arguments.dir, &[])?;
    let etcd = etcd::find();
    let mut collected = Collected::default();
    let runtime = runtime()?;
    let millis = u64::from(arguments.milliseconds);
    for pass in 0..arguments.passes {
        let mut steps: Vec<Step> = vec![Step::Machine, Step::Pentad];
        steps.extend(etcd.is_some().then_some(Step::Etcd));
        // Whoever goes first in one pass goes last in the next.
        if pass % 2 == 1 {
            steps.reverse();
        }
        for step in steps {
            eprintln!("cluster, pass {} of {}: {step:?}", pass + 1, arguments.passes);
            let directory = scratch.path().join(format!("{step:?}-{pass}"));
            fs::create_dir(&directory).map_err(Error::file(&directory))?;
            flush(&directory)?;
            let mut part = Part { millis, collected: &mut collected };
            runtime.block_on(async {
                match (step, &etcd) {
                    (Step::Machine, _) => part.machine().await,
                    (Step::Pentad, _) => part.pentad(&directory).await,
                    (Step::Etcd, Some((program, _))) => part.etcd(program, &directory).await,
                    (Step::Etcd, None) => Ok(()),
                }
            })?;
            fs::remove_dir_all(&directory).map_err(Error::file(&directory))?;
        }
    }
    machine.finish()?;
    scratch.close().map_err(Error::file(&arguments.dir))?;
    page::write(arguments, &machine, etcd.as_ref().map(|(_, version)| version.as_str()), &collected)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Machine,
    Pentad,
    Etcd,
}

/// What the disk and the loopback interface do when nobody asks anything else of them.
struct Limit {
    bare: BareService,
    file: RawFile,
    each: Duration,
    syncs: Latencies,
    round_trips: Latencies,
}

impl Limit {
    async fn new(directory: &Path, each: Duration) -> Result<Self> {
        let (bare, file) = (BareService::start().await?, sync_file(directory)?);
        Ok(Self { bare, file, each, syncs: Latencies::default(), round_trips: Latencies::default() })
    }

    fn look(&mut self) -> Result<()> {
        self.syncs.append(syncs(&mut self.file, self.each)?);
        self.round_trips.append(self.bare.round_trips(self.each)?);
        Ok(())
    }

    fn limits(mut self) -> Limits {
        Limits {
            sync_p50_us: self.syncs.quantile_us(500),
            sync_p99_us: self.syncs.quantile_us(990),
            round_trip_p50_us: self.round_trips.quantile_us(500),
            round_trip_p99_us: self.round_trips.quantile_us(990),
        }
    }
}

/// One step of one pass.
struct Part<'c> {
    millis: u64,
    collected: &'c mut Collected,
}

impl Part<'_> {
    async fn machine(&mut self) -> Result<()> {
        let bare = BareService::start().await?;
        for row in Row::ALL.into_iter().filter(|row| Column::Unary.takes(*row)) {
            let before = bare.processor_time()? + processor_time("self")?;
            let loaded = bare.unary(row.load(self.millis)).await?;
            self.add(Column::Unary, row, loaded, bare.processor_time()? + processor_time("self")? - before);
        }
        Ok(())
    }

    async fn pentad(&mut self, directory: &Path) -> Result<()> {
        let mut trio = Trio::start(directory).await?;
        let mut machine = Limit::new(directory, Duration::from_millis(self.millis / 4)).await?;
        for column in [Column::Embedded, Column::Wire] {
            for row in Row::ALL {
                // What the machine allows changes with what else it does, so it is looked at around what is held against it.
                let around = (column, row) == (Column::Embedded, Row::PUT_ONE);
                if around {
                    machine.look()?;
                }
                let load = row.load(self.millis);
                let before = trio.processor_time()? + processor_time("self")?;
                let loaded = match column {
                    Column::Embedded => trio.embedded(load)?,
                    _ => trio.over_the_wire(load).await?,
                };
                self.add(column, row, loaded, trio.processor_time()? + processor_time("self")? - before);
                if around {
                    machine.look()?;
                }
            }
        }
        self.collected.limits.push(machine.limits());
        trio.finish().await
    }

    async fn etcd(&mut self, program: &Path, directory: &Path) -> Result<()> {
        let etcd = Etcd::start(program, directory).await?;
        for row in Row::ALL.into_iter().filter(|row| Column::Etcd.takes(*row)) {
            let before = etcd.processor_time()? + processor_time("self")?;
            let loaded = etcd.over_the_wire(row.load(self.millis)).await?;
            self.add(Column::Etcd, row, loaded, etcd.processor_time()? + processor_time("self")? - before);
        }
        Ok(())
    }

    fn add(&mut self, column: Column, row: Row, loaded: Loaded, processor: Duration) {
        let sample = Sample::new(column, row, loaded, processor.as_secs_f64());
        eprintln!(
            "  {}, {}: {:.0}/s, p50 {:.0} µs, p99 {:.0} µs, processor {:.1} µs",
            column.name(),
            row.name(),
            sample.per_second,
            sample.p50_us,
            sample.p99_us,
            sample.processor_us
        );
        self.collected.samples.push(sample);
    }
}
