//! The long form of the crash tests, and the replay of one seed.

use clap::Args;

use crate::error::Result;
use crate::workspace::Workspace;

/// How long, or which one.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many seeds each test draws
    #[arg(long, value_name = "N", default_value_t = 5_000, conflicts_with = "seed")]
    seeds: u64,
    /// Replay this seed alone, with everything that the test prints
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Only the tests whose names contain this
    #[arg(value_name = "TEST")]
    test: Option<String>,
}

/// Runs the crash tests of the engine in release mode.
pub(crate) fn perform(workspace: &Workspace, arguments: &Arguments) -> Result<String> {
    let mut line = vec!["test", "--package", "pentad-engine", "--test", "crash", "--release", "--locked"];
    line.extend(arguments.test.as_deref());
    let (name, value) = match arguments.seed {
        Some(seed) => {
            line.extend(["--", "--nocapture"]);
            ("PENTAD_SIM_SEED", seed)
        }
        None => ("PENTAD_SIM_SEEDS", arguments.seeds),
    };
    Ok(workspace.cargo(&line).variable(name, &value.to_string()).run_tests()?.note())
}
