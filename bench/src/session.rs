//! A whole run: starts one process for each stage of each store, alternates their order, and hands the outcomes to the report.
//!
//! Invariants: one store works at a time, and what was written before it starts is on the disk; the data is removed
//! afterwards, also after a failure.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::arguments::RunArguments;
use crate::data::DataSet;
use crate::engines::EngineKind;
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::measure::{MemoryLimit, flush, free_bytes};
use crate::outcome::Outcome;
use crate::report::{Collected, earlier, write_report, write_results};
use crate::workloads::Stage;

/// Up to this many bytes of keys and values, all stores keep their data through a pass, so that the stages of different
/// stores follow each other closely. Larger data sets run one store after the other, or they would push each other out of
/// the page cache.
const TOGETHER_BYTES_MAX: u64 = 1 << 29;
/// A large value with what a store may need while it writes it.
const STREAM_BYTES: u64 = 3 << 30;

/// Runs everything that the arguments ask for.
pub(crate) fn perform(arguments: &RunArguments) -> Result<()> {
    let (engines, workloads) = (arguments.engines()?, arguments.workloads()?);
    let data_sets = arguments.data_sets();
    let plan: Vec<(DataSet, Vec<Stage>)> = data_sets
        .iter()
        .enumerate()
        .map(|(at, data)| (*data, Stage::needed(&workloads, *data, at == 0 && !arguments.add)))
        .filter(|(_, stages)| !stages.is_empty())
        .collect();
    if plan.is_empty() {
        return Err(Error::Usage("none of these workloads runs on these data sets".to_owned()));
    }
    fs::create_dir_all(&arguments.dir).map_err(Error::file(&arguments.dir))?;
    check_room(&arguments.dir, &plan, &engines)?;
    let scratch = tempfile::Builder::new().prefix("run-").tempdir_in(&arguments.dir);
    let scratch = scratch.map_err(Error::file(&arguments.dir))?;
    let mut machine = Machine::look(&arguments.dir, &engines)?;
    let mut collected = Collected::default();
    if arguments.add {
        let earlier = earlier(arguments)?;
        machine.join(earlier.machine)?;
        collected.keep(earlier.sets, &data_sets);
    }
    for (data, stages) in &plan {
        let limit = data.memory_part.map(|part| MemoryLimit::make(allowed_bytes(*data, part))).transpose()?;
        let mut failed: Vec<EngineKind> = Vec::new();
        for pass in 0..arguments.passes {
            // Whoever goes first in one pass goes last in the next, and nobody always follows the same one.
            let mut order = engines.clone();
            order.rotate_left(usize::try_from(pass / 2).unwrap_or(0) % engines.len());
            if pass % 2 == 1 {
                order.reverse();
            }
            let steps: Vec<(EngineKind, Stage)> = if data.logical_bytes() <= TOGETHER_BYTES_MAX {
                stages.iter().flat_map(|stage| order.iter().map(|kind| (*kind, *stage))).collect()
            } else {
                order.iter().flat_map(|kind| stages.iter().map(|stage| (*kind, *stage))).collect()
            };
            for (at, (kind, stage)) in steps.iter().enumerate() {
                let directory = scratch.path().join(kind.name());
                if failed.contains(kind) {
                    continue;
                }
                let begun = Instant::now();
                flush(scratch.path())?;
                let outcome = match run_stage(*kind, *stage, *data, &directory, limit.as_ref()) {
                    // A store that needs more than it may take is killed; the others go on.
                    Err(error @ Error::Child { .. }) if limit.is_some() => {
                        eprintln!("{error}; {} is left out from here on", kind.name());
                        failed.push(*kind);
                        continue;
                    }
                    outcome => outcome?,
                };
                let (pass, passes) = (pass + 1, arguments.passes);
                let seconds = begun.elapsed().as_secs_f64();
                eprintln!("{data}, pass {pass} of {passes}: {stage} on {} took {seconds:.1} s", kind.name());
                collected.add(*data, *kind, &workloads, outcome)?;
                write_results(arguments, &machine, &collected)?;
                let last_of_store = !steps[at + 1..]
                    .iter()
                    .any(|(other, next)| other == kind && next.store() == stage.store());
                if last_of_store {
                    let store = directory.join(stage.store());
                    fs::remove_dir_all(&store).map_err(Error::file(&store))?;
                }
            }
        }
    }
    machine.finish()?;
    scratch.close().map_err(Error::file(&arguments.dir))?;
    write_report(arguments, &machine, &collected)
}

/// What a stage may take: a part of the keys and values, its own copies of all keys, in two orders, and what it takes to run at all.
fn allowed_bytes(data: DataSet, part: u64) -> u64 {
    const PROGRAM_BYTES: u64 = 16 << 20;
    let values = data.entries() * data.value_bytes() as u64;
    let keys = data.logical_bytes().saturating_sub(values);
    data.logical_bytes() / part + 2 * keys + PROGRAM_BYTES
}

/// Starts this program again for one stage.
fn run_stage(
    kind: EngineKind,
    stage: Stage,
    data: DataSet,
    directory: &Path,
    limit: Option<&MemoryLimit>,
) -> Result<Outcome> {
    let program = env::current_exe()
        .map_err(|error| Error::System { what: "the path of this program", reason: error.to_string() })?;
    let mut command = Command::new(&program);
    command.arg("stage").args(["--engine", kind.name()]).args(["--stage", &stage.to_string()]);
    command.args(["--size", data.size.name()]).args(["--shape", data.shape.name()]);
    command.arg("--directory").arg(directory);
    if let Some(limit) = limit {
        command.arg("--group").arg(limit.directory());
    }
    if data.quick {
        command.arg("--quick");
    }
    let output =
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(Error::file(&program))?;
    if !output.status.success() {
        return Err(Error::Child {
            engine: kind.name(),
            stage: stage.to_string(),
            data: data.to_string(),
            status: output.status.to_string(),
        });
    }
    // A library may print something of its own; the outcome is the last line.
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    let what = || format!("the outcome of {stage} on {}", kind.name());
    serde_json::from_str(line).map_err(|source| Error::Json { what: what(), source })
}

/// Whether the disk has room for the largest data set of the plan.
fn check_room(directory: &Path, plan: &[(DataSet, Vec<Stage>)], engines: &[EngineKind]) -> Result<()> {
    let needed = plan.iter().map(|(data, stages)| needed_bytes(*data, stages, engines)).max().unwrap_or(0);
    let free = free_bytes(directory)?;
    if free >= needed {
        return Ok(());
    }
    Err(Error::Space { path: directory.to_owned(), free: free >> 20, needed: needed >> 20 })
}

fn needed_bytes(data: DataSet, stages: &[Stage], engines: &[EngineKind]) -> u64 {
    let churns = stages.contains(&Stage::Churn);
    let times = |kind: &EngineKind| match kind {
        // They keep every version.
        EngineKind::Limit | EngineKind::SimdRDrive => {
            if churns {
                12
            } else {
                4
            }
        }
        EngineKind::Redb => 8,
        _ => 5,
    };
    let rows = engines.iter().map(|kind| times(kind) * data.logical_bytes());
    let rows =
        if data.logical_bytes() <= TOGETHER_BYTES_MAX { rows.sum::<u64>() } else { rows.max().unwrap_or(0) };
    let streams = if stages.contains(&Stage::StreamWrite) { engines.len() as u64 * STREAM_BYTES } else { 0 };
    rows + if data.quick { streams / 16 } else { streams }
}
