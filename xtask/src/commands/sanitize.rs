//! The engine's tests of threads and of unsafe code under a sanitizer, or under Miri.
//!
//! Invariant: before a run that finds nothing counts, the same binary has shown that it would: a test with a planted race, or
//! overflow, has to be reported first.
//!
//! Sanitizers are an unstable option of rustc whose run-time libraries come with the stable toolchain all the same, so
//! `RUSTC_BOOTSTRAP=1` is enough. The standard library itself is not rebuilt. What follows from that for locks is said in
//! `crates/engine/src/seams/watched.rs`, for the rest in `sanitize/thread.supp`.

use clap::{Args, ValueEnum};

use crate::error::{Error, Result};
use crate::run::{Task, Tests};
use crate::workspace::Workspace;

/// Where the run-time libraries exist and this was tried.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Which one, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What looks on
    #[arg(value_enum)]
    tool: Tool,
    /// The short form: without the crash tests, and seconds of stress instead of a minute
    #[arg(long)]
    quick: bool,
}

/// What looks on while the tests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Tool {
    /// Data races: the stress test of the whole store, cancellation, the commit queue
    Thread,
    /// Memory that is not ours or was given back, and leaks: the maps and everything that reads through them
    Address,
    /// Undefined behaviour in the unsafe module, without files; needs a nightly toolchain with the component
    Miri,
}

/// One sanitizer of rustc.
struct Sanitizer {
    /// As rustc names it.
    name: &'static str,
    /// Part of the name of its run-time library.
    library: &'static str,
    /// The variable with its options.
    options: &'static str,
    /// The test that is to be reported, and what the report says.
    planted: (&'static str, &'static str),
    /// Integration tests of the engine, beside its unit tests.
    tests: &'static [&'static str],
    /// More of them in the long form.
    long: &'static [&'static str],
    /// Tests that cannot run under it.
    skip: &'static [&'static str],
    /// The unit tests that run; empty for all.
    unit: &'static str,
}

const THREAD: Sanitizer = Sanitizer {
    name: "thread",
    library: "tsan",
    options: "TSAN_OPTIONS",
    planted: ("planted_race", "ThreadSanitizer: data race"),
    tests: &["concurrency", "cancellation"],
    long: &[],
    skip: &[],
    unit: "commit::",
};

const ADDRESS: Sanitizer = Sanitizer {
    name: "address",
    library: "asan",
    options: "ASAN_OPTIONS",
    planted: ("planted_overflow", "AddressSanitizer: heap-buffer-overflow"),
    tests: &["concurrency", "cancellation", "everyday", "golden", "regressions"],
    long: &["crash"],
    // It waits for a process of its own to die by SIGBUS, which the sanitizer catches and reports.
    skip: &["f10_reading_a_file_that_was_cut"],
    unit: "",
};

/// Runs the tests under the tool that was asked for.
pub(crate) fn perform(workspace: &Workspace, arguments: &Arguments) -> Result<String> {
    match arguments.tool {
        Tool::Thread => THREAD.run(workspace, arguments.quick),
        Tool::Address => ADDRESS.run(workspace, arguments.quick),
        Tool::Miri => miri(workspace),
    }
}

impl Sanitizer {
    fn run(&self, workspace: &Workspace, quick: bool) -> Result<String> {
        self.check_machine(workspace)?;
        self.prove(workspace)?;
        let mut integration: Vec<&str> = self.tests.to_vec();
        if !quick {
            integration.extend(self.long);
        }
        let mut line: Vec<&str> = integration.iter().flat_map(|test| ["--test", test]).collect();
        line.push("--");
        line.extend(self.skip.iter().flat_map(|test| ["--skip", test]));
        let seconds = if quick { "4" } else { "60" };
        let whole = self.cargo(workspace, &line)?.variable("PENTAD_STRESS_SECONDS", seconds).run_tests()?;
        line.clear();
        line.extend(["--lib", self.unit, "--", "--skip", "planted_"]);
        line.retain(|word| !word.is_empty());
        let unit = self.cargo(workspace, &line)?.run_tests()?;
        let skipped = [whole.skipped, unit.skipped].concat();
        let (passed, ignored) = (whole.passed + unit.passed, whole.ignored + unit.ignored);
        let tests = Tests { passed, ignored, skipped };
        Ok(format!("{}, nothing reported; what was planted was", tests.note()))
    }

    /// What the machine lacks, if anything, is said before half an hour of building.
    fn check_machine(&self, workspace: &Workspace) -> Result<()> {
        let sysroot =
            Task::program("rustc", &["--print", "target-libdir"]).directory(workspace.root()).answer()?;
        let found = std::fs::read_dir(sysroot.trim())
            .map_err(|source| Error::File { path: sysroot.trim().into(), source })?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .any(|name| name.contains(&format!("_rt.{}", self.library)));
        if !found {
            return Err(Error::Missing {
                what: format!("the run-time library of the {} sanitizer in {}", self.name, sysroot.trim()),
                mend: format!("use a toolchain from rustup for {TARGET}, which brings it along"),
            });
        }
        // Without names of functions no suppression applies, and no report can be read.
        Task::program("llvm-symbolizer", &["--version"]).answer().map(drop).map_err(|_| Error::Missing {
            what: "llvm-symbolizer on the path".to_owned(),
            mend: "install LLVM's tools (Debian: `apt-get install llvm`)".to_owned(),
        })
    }

    /// Demands that what is planted in the build is reported.
    fn prove(&self, workspace: &Workspace) -> Result<()> {
        let (test, report) = self.planted;
        let task = self.cargo(workspace, &["--lib", test])?;
        println!("+ {}", task.shown());
        match task.answer() {
            Err(Error::Answer { output, .. }) if output.contains(report) => {
                println!("reported, as it has to be: {report}");
                Ok(())
            }
            Err(error) => Err(error),
            Ok(_) => Err(Error::Unnoticed { test, tool: self.name }),
        }
    }

    fn cargo(&self, workspace: &Workspace, arguments: &[&str]) -> Result<Task> {
        let target = workspace.target().join(self.library);
        let target = target.to_str().ok_or(Error::MetadataLacks("target directory that is UTF-8"))?;
        let mut line = vec!["test", "--package", "pentad-engine", "--release", "--locked"];
        line.extend(["--target", TARGET, "--target-dir", target]);
        line.extend(arguments);
        let flags = format!(
            "-Zsanitizer={} -Cunsafe-allow-abi-mismatch=sanitizer --cfg watched -Cforce-frame-pointers=yes",
            self.name
        );
        let suppressions = workspace.root().join("xtask/src/commands/sanitize/thread.supp");
        let options = match self.library {
            "tsan" => format!("suppressions={}", suppressions.display()),
            _ => "detect_leaks=1".to_owned(),
        };
        Ok(workspace
            .cargo(&line)
            .variable("RUSTC_BOOTSTRAP", "1")
            .variable("RUSTFLAGS", &flags)
            .variable(self.options, &options))
    }
}

/// The unsafe module under Miri, which cannot map files: the regions of the simulated disk alone.
fn miri(workspace: &Workspace) -> Result<String> {
    let line = ["+nightly", "miri", "--version"];
    Task::program("cargo", &line).directory(workspace.root()).answer().map_err(|_| Error::Missing {
        what: "Miri".to_owned(),
        mend: "`rustup toolchain install nightly --component miri,rust-src`".to_owned(),
    })?;
    let target = workspace.target().join("miri");
    let target = target.to_str().ok_or(Error::MetadataLacks("target directory that is UTF-8"))?;
    let line = [
        "+nightly",
        "miri",
        "test",
        "--package",
        "pentad-engine",
        "--lib",
        "--target-dir",
        target,
        "seams::sim",
    ];
    let tests = Task::program("cargo", &line)
        .directory(workspace.root())
        .variable("MIRIFLAGS", "-Zmiri-disable-isolation")
        .run_tests()?;
    Ok(tests.note())
}

#[cfg(test)]
mod tests {
    use super::{ADDRESS, THREAD};

    #[test]
    fn nothing_of_ours_is_suppressed_and_every_suppression_has_a_reason() {
        let suppressions = include_str!("sanitize/thread.supp");
        let mut reasons = 0;
        for line in suppressions.lines() {
            match line.strip_prefix("race:") {
                None if line.is_empty() => reasons = 0,
                None => {
                    assert!(line.starts_with('#'), "neither a reason nor a race: {line}");
                    reasons += 1;
                }
                Some(function) => {
                    assert!(reasons > 0, "no reason before {line}");
                    assert!(!function.contains("pentad"), "{line} hides races of ours");
                }
            }
        }
    }

    #[test]
    fn the_planted_tests_are_where_the_sanitizers_look_for_them() {
        let module = include_str!("../../../crates/engine/src/seams/mapping.rs");
        for sanitizer in [THREAD, ADDRESS] {
            let (test, _) = sanitizer.planted;
            assert!(module.contains(&format!("fn {test}_")), "{test} was renamed or removed");
        }
    }
}
