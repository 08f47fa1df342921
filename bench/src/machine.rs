//! The machine and the versions that figures belong to; without them a figure means nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::engines::EngineKind;
use crate::error::{Error, Result};
use crate::stage;

/// Everything about where and with what a run was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) processors: usize,
    pub(crate) memory_mib: u64,
    pub(crate) file_system: String,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
    /// The commit that Pentad was built from, with `+` when files had been changed.
    pub(crate) commit: String,
    /// Name, version and settings of each engine.
    pub(crate) engines: Vec<(EngineKind, Option<String>, String)>,
    /// Processes that were running or waiting, at the start and at the end, averaged over a minute. Far above 0 at the
    /// start: others were at work on this machine.
    pub(crate) load_start: f64,
    pub(crate) load_end: f64,
}

impl Machine {
    /// Looks around; `directory` is where the data will be.
    pub(crate) fn look(directory: &Path, engines: &[EngineKind]) -> Result<Self> {
        let cpu = read("/proc/cpuinfo")?;
        let memory = read("/proc/meminfo")?;
        let kib = field(&memory, "MemTotal:").and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
        Ok(Self {
            processor: field(&cpu, "model name")
                .unwrap_or("unknown")
                .trim_start_matches([':', ' '])
                .to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: kib.unwrap_or(0) >> 10,
            file_system: file_system(directory)?,
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            rustc: env!("BENCH_RUSTC").to_owned(),
            commit: commit(),
            engines: engines
                .iter()
                .map(|kind| (*kind, kind.version(), stage::settings(*kind).to_owned()))
                .collect(),
            load_start: load()?,
            load_end: 0.0,
        })
    }

    /// Takes over what an earlier run on the same machine, at the same commit, was made with.
    ///
    /// # Errors
    ///
    /// When it was another machine or commit: figures of both would stand side by side as if they could be compared.
    pub(crate) fn join(&mut self, earlier: Self) -> Result<()> {
        let of = |machine: &Self| {
            let Self { processor, processors, memory_mib, file_system, kernel, rustc, commit, .. } = machine;
            format!(
                "{processor}, {processors}, {memory_mib} MiB, {file_system}, {kernel}, {rustc}, commit {commit}"
            )
        };
        if of(self) != of(&earlier) {
            let text = "cannot add to the results of another machine or commit: there they are of";
            return Err(Error::Usage(format!("{text} {}, and here {}", of(&earlier), of(self))));
        }
        let others = earlier
            .engines
            .into_iter()
            .filter(|(kind, ..)| !self.engines.iter().any(|(own, ..)| own == kind));
        let others: Vec<_> = others.collect();
        self.engines.extend(others);
        self.engines.sort_by_key(|(kind, ..)| EngineKind::ALL.iter().position(|other| other == kind));
        self.load_start = self.load_start.max(earlier.load_start);
        self.load_end = self.load_end.max(earlier.load_end);
        Ok(())
    }

    /// Notes how busy the machine is at the end.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.load_end = self.load_end.max(load()?);
        Ok(())
    }
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).map_err(Error::file(Path::new(path)))
}

/// What follows `name` in the first line that begins with it.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

fn load() -> Result<f64> {
    let text = read("/proc/loadavg")?;
    let first = text.split(' ').next().and_then(|number| number.parse().ok());
    first.ok_or_else(|| Error::System { what: "/proc/loadavg", reason: format!("says {text:?}") })
}

/// The type of the file system with the longest mount point above the directory.
fn file_system(directory: &Path) -> Result<String> {
    let directory = fs::canonicalize(directory).map_err(Error::file(directory))?;
    let mounts = read("/proc/self/mounts")?;
    let mut best = (0, "unknown");
    for line in mounts.lines() {
        let mut words = line.split(' ').skip(1);
        let (Some(point), Some(kind)) = (words.next(), words.next()) else { continue };
        if directory.starts_with(point) && point.len() >= best.0 {
            best = (point.len(), kind);
        }
    }
    Ok(best.1.to_owned())
}

/// What git says; a copy of the sources without git has no commit.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    match (git(&["rev-parse", "--short=12", "HEAD"]), git(&["status", "--porcelain", "--untracked-files=no"]))
    {
        (Some(commit), Some(changes)) => commit + if changes.is_empty() { "" } else { "+" },
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Machine;
    use crate::engines::EngineKind;

    #[test]
    fn results_of_another_commit_are_not_added_to() {
        let look = |kinds: &[EngineKind]| Machine::look(std::path::Path::new("/tmp"), kinds).unwrap();
        let mut machine = look(&[EngineKind::Pentad, EngineKind::Redb]);
        machine.join(look(&[EngineKind::Pentad, EngineKind::Lmdb])).unwrap();
        let kinds: Vec<_> = machine.engines.iter().map(|(kind, ..)| *kind).collect();
        assert_eq!(kinds, [EngineKind::Pentad, EngineKind::Lmdb, EngineKind::Redb]);
        let other = Machine { commit: "another".to_owned(), ..look(&[]) };
        let error = machine.join(other).unwrap_err().to_string();
        assert!(error.contains("commit another"), "{error}");
    }

    #[test]
    fn the_machine_that_runs_this_test_is_described() {
        let machine = Machine::look(std::path::Path::new("/tmp"), &[EngineKind::Lmdb]).unwrap();
        assert!(machine.memory_mib > 0 && machine.processors > 0, "{machine:?}");
        assert!(machine.rustc.starts_with("rustc ") && machine.engines.len() == 1, "{machine:?}");
        assert_ne!(machine.file_system, "unknown");
    }
}
