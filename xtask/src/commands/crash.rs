//! The real program on the real kernel: killed at random, its system calls made to fail, its disk full.
//!
//! Invariant: a part that could not run on this machine is named in the summary with its reason, and is not counted as
//! passed.

use clap::Args;

use crate::error::Result;
use crate::run::Tests;
use crate::workspace::Workspace;

/// Those of the tests of real processes, all together, so that the program is built for them once.
pub(crate) const FEATURES: &str = "crash,chaos";

/// How long, from which seed, and which part.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many kills each load gets; every system call is made to fail as well
    #[arg(long, value_name = "N", default_value_t = 100)]
    rounds: u64,
    /// The short form of `ci`: a few kills, and a sample of the system calls
    #[arg(long, conflicts_with = "rounds")]
    quick: bool,
    /// Repeat the work and the delays of this seed; the scheduler does not repeat itself
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Only the tests whose names contain this: kill, kill::mixed, syscalls, disk, f09_, …
    #[arg(value_name = "PART")]
    part: Option<String>,
}

/// The short form.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    perform(workspace, &Arguments { rounds: 0, quick: true, seed: None, part: None })
}

/// Runs what is asked for, one test after the other: they measure how long things take.
pub(crate) fn perform(workspace: &Workspace, arguments: &Arguments) -> Result<String> {
    let mut line =
        vec!["test", "--package", "pentad", "--features", FEATURES, "--test", "crash", "--locked", "--"];
    line.extend(["--nocapture", "--test-threads=1"]);
    line.extend(arguments.part.as_deref());
    let mut task = workspace.cargo(&line);
    if !arguments.quick {
        task = task.variable("PENTAD_CRASH_ROUNDS", &arguments.rounds.to_string());
    }
    if let Some(seed) = arguments.seed {
        task = task.variable("PENTAD_CRASH_SEED", &seed.to_string());
    }
    Ok(note(&task.run_tests()?))
}

/// Without the ignored ones, which are the processes that the others start.
fn note(tests: &Tests) -> String {
    let mut note = format!("{} passed", tests.passed);
    if !tests.skipped.is_empty() {
        note.push_str(&format!(", {} skipped: {}", tests.skipped.len(), tests.skipped.join("; ")));
    }
    note
}

#[cfg(test)]
mod tests {
    use super::{Tests, note};

    #[test]
    fn what_was_skipped_is_said_with_its_reason() {
        let skipped = vec!["disk::full: no namespaces".to_owned(), "syscalls: no strace".to_owned()];
        let tests = Tests { passed: 3, ignored: 2, skipped };
        assert_eq!(note(&tests), "3 passed, 2 skipped: disk::full: no namespaces; syscalls: no strace");
        assert_eq!(note(&Tests { skipped: Vec::new(), ..tests }), "3 passed");
    }
}
