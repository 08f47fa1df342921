//! The fuzz targets of `fuzz/` under libFuzzer.
//!
//! Nothing but the project's own toolchain and a C++ compiler is needed: the coverage that libFuzzer steers by is an
//! option of stable rustc. There is no address sanitizer: everything that a target reaches is safe Rust but for the map
//! of files, which the simulated disk of the targets does without; a counting allocator and the limits below stand in for
//! what else it finds. Inputs that reach new code are kept in `fuzz/grown`, inputs that fail in `fuzz/artifacts`; git
//! ignores both.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;

use crate::error::{Error, Result};
use crate::run::Task;
use crate::workspace::Workspace;

/// What makes rustc count the edges that an input takes, and show comparisons to libFuzzer.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// An input that takes longer counts as one that hangs.
const INPUT_SECONDS_MAX: u64 = 20;
/// The whole process, the fuzzer's own memory included. What an input may allocate is bounded lower, in each target.
const RESIDENT_MIB_MAX: u64 = 1024;
const INPUT_BYTES_MAX: u64 = 1024;

/// Which target, and how long.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only this target: the name of a file in fuzz/fuzz_targets
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    /// How long each target runs
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Run the target once, on this file
    #[arg(long, value_name = "FILE", requires = "target", conflicts_with = "seconds")]
    input: Option<PathBuf>,
}

/// Builds and runs the targets that were asked for; the first that fails ends the run.
pub(crate) fn perform(workspace: &Workspace, arguments: &Arguments) -> Result<String> {
    let home = workspace.root().join("fuzz");
    let targets = chosen(&known(&home)?, arguments.target.as_deref())?;
    demand_compiler()?;
    let host = Task::program("rustc", &["--print", "host-tuple"]).directory(workspace.root()).answer()?;
    let built = workspace.target().join("fuzz");
    build(workspace, host.trim(), &built, &targets)?;
    for target in &targets {
        let program = built.join(host.trim()).join("release").join(target);
        match &arguments.input {
            Some(input) => Task::program(&program, &[&text(input)?]).run()?,
            None => run(&home, &program, target, arguments.seconds)?,
        }
    }
    Ok(match &arguments.input {
        Some(input) => format!("{} does not fail on {}", targets.join(", "), input.display()),
        None => format!("{}, {} s each", targets.join(", "), arguments.seconds),
    })
}

/// The names of all targets.
fn known(home: &Path) -> Result<Vec<String>> {
    let folder = home.join("fuzz_targets");
    let unreadable = |source| Error::File { path: folder.clone(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if let (Some(stem), Some("rs")) = (path.file_stem(), path.extension().and_then(|end| end.to_str())) {
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// All of `known`, or the one that was named.
fn chosen(known: &[String], name: Option<&str>) -> Result<Vec<String>> {
    match name {
        None => Ok(known.to_vec()),
        Some(name) if known.iter().any(|known| known == name) => Ok(vec![name.to_owned()]),
        Some(name) => Err(Error::NoTarget { name: name.to_owned(), known: known.join(", ") }),
    }
}

/// libFuzzer comes as C++ source; a build that stops in the middle of it would not say so plainly.
fn demand_compiler() -> Result<()> {
    let missing = |what: &str, mend: &str| Error::Missing { what: what.to_owned(), mend: mend.to_owned() };
    if cfg!(not(unix)) {
        return Err(missing(
            "a Unix system",
            "libFuzzer runs there; the corpora are replayed everywhere by `cargo test`",
        ));
    }
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    Task::program(&compiler, &["--version"]).answer().map(drop).map_err(|error| {
        let mend = format!("libFuzzer is C++; install g++ or clang++, or name one with CXX ({error})");
        missing(&format!("a C++ compiler (`{compiler}`)"), &mend)
    })
}

fn build(workspace: &Workspace, host: &str, built: &Path, targets: &[String]) -> Result<()> {
    let directory = text(built)?;
    // Without `--locked`: the lock file of that workspace also lists the crates of this one, and follows them.
    let mut line =
        vec!["build", "--manifest-path", "fuzz/Cargo.toml", "--release", "--target-dir", &directory];
    // With a target named, build scripts and macros are built without the coverage.
    line.extend(["--target", host]);
    for target in targets {
        line.extend(["--bin", target]);
    }
    workspace.cargo(&line).variable("RUSTFLAGS", COVERAGE).run()
}

fn run(home: &Path, program: &Path, target: &str, seconds: u64) -> Result<()> {
    let (grown, artifacts) = (home.join("grown").join(target), home.join("artifacts").join(target));
    for folder in [&grown, &artifacts] {
        fs::create_dir_all(folder).map_err(|source| Error::File { path: folder.clone(), source })?;
    }
    let before = newest(&artifacts)?;
    let arguments = [
        format!("-max_total_time={seconds}"),
        format!("-timeout={INPUT_SECONDS_MAX}"),
        format!("-rss_limit_mb={RESIDENT_MIB_MAX}"),
        format!("-max_len={INPUT_BYTES_MAX}"),
        "-print_final_stats=1".to_owned(),
        format!("-artifact_prefix={}/", text(&artifacts)?),
        text(&grown)?,
        text(&home.join("corpus").join(target))?,
    ];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = Task::program(program, &arguments).directory(home).run();
    match (outcome, newest(&artifacts)?) {
        (Err(Error::Failed { .. }), Some(found)) if before.is_none_or(|before| before != found) => {
            Err(Error::FuzzFinding { target: target.to_owned(), file: found.1.display().to_string() })
        }
        (outcome, _) => outcome,
    }
}

/// The file that was written last.
fn newest(folder: &Path) -> Result<Option<(SystemTime, PathBuf)>> {
    let unreadable = |source| Error::File { path: folder.to_owned(), source };
    let mut newest = None;
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let written = entry.metadata().and_then(|metadata| metadata.modified()).map_err(unreadable)?;
        newest = newest.max(Some((written, entry.path())));
    }
    Ok(newest)
}

/// A path as an argument.
fn text(path: &Path) -> Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Error::File {
        path: path.to_owned(),
        source: std::io::Error::other("the path is not UTF-8, which an argument has to be"),
    })
}

#[cfg(test)]
mod tests {
    use super::{chosen, known};
    use crate::workspace::Workspace;

    #[test]
    fn every_target_has_a_program_in_the_manifest_and_a_corpus() {
        let home = Workspace::locate().unwrap().root().join("fuzz");
        let manifest = std::fs::read_to_string(home.join("Cargo.toml")).unwrap();
        let targets = known(&home).unwrap();
        assert!(targets.len() >= 4, "{targets:?}");
        for target in targets {
            let program = format!("name = \"{target}\"\npath = \"fuzz_targets/{target}.rs\"");
            assert!(manifest.contains(&program), "{target}");
            assert!(home.join("corpus").join(&target).is_dir(), "{target}");
        }
    }

    #[test]
    fn a_target_that_is_not_there_is_refused_with_those_that_are() {
        let known = ["one", "two"].map(str::to_owned);
        assert_eq!(chosen(&known, None).unwrap(), known);
        assert_eq!(chosen(&known, Some("two")).unwrap(), ["two"]);
        assert_eq!(
            chosen(&known, Some("three")).unwrap_err().to_string(),
            "there is no fuzz target `three`; there are one, two"
        );
    }
}
