//! The loom models: every interleaving of the lock-free parts, up to a number of preemptions.
//!
//! They are the unit tests of the engine whose names begin with `loom_`, built with `--cfg loom` in a target directory
//! of their own, because that flag rebuilds every crate and would push out the ordinary build.

use std::env;

use clap::Args;

use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// Two or three preemptions find nearly all bugs; each further one multiplies the time.
const MAX_PREEMPTIONS: &str = "3";

/// Which models.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only the models whose names contain this, with everything that they print
    #[arg(value_name = "TEST")]
    test: Option<String>,
}

/// Runs all models.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    perform(workspace, &Arguments { test: None })
}

/// Runs the models asked for. `LOOM_MAX_PREEMPTIONS` from outside wins over the built-in bound.
pub(crate) fn perform(workspace: &Workspace, arguments: &Arguments) -> Result<String> {
    let target = workspace.target().join("loom");
    let target = target.to_str().ok_or(Error::MetadataLacks("target directory that is UTF-8"))?;
    let bound = env::var("LOOM_MAX_PREEMPTIONS").unwrap_or_else(|_| MAX_PREEMPTIONS.to_owned());
    let mut line =
        vec!["test", "--package", "pentad-engine", "--lib", "--release", "--locked", "--target-dir", target];
    match &arguments.test {
        Some(test) => line.extend([test, "--", "--nocapture"]),
        None => line.push("loom_"),
    }
    let tests = workspace
        .cargo(&line)
        .variable("LOOM_MAX_PREEMPTIONS", &bound)
        .variable("RUSTFLAGS", "--cfg loom")
        .run_tests()?;
    Ok(format!("{}, at most {bound} preemptions", tests.note()))
}
