//! Three nodes in processes of their own, killed, stopped and restarted under load, and what the clients were told held against
//! the order in which it could have happened.

use clap::Args;

use crate::commands::crash::FEATURES;
use crate::error::Result;
use crate::workspace::Workspace;

/// How long, and from which seed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many times something befalls the cluster; each takes some seconds
    #[arg(long, value_name = "N", default_value_t = 100)]
    rounds: u64,
    /// The short form of `ci`: each kind of fault once
    #[arg(long, conflicts_with = "rounds")]
    quick: bool,
    /// Repeat the faults of this seed; the scheduler does not repeat itself
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

/// The short form.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    perform(workspace, &Arguments { rounds: 0, quick: true, seed: None })
}

/// Runs it, and nothing beside it: nodes that get no time elect leaders all the time.
pub(crate) fn perform(workspace: &Workspace, arguments: &Arguments) -> Result<String> {
    let line = ["test", "--package", "pentad", "--features", FEATURES, "--test", "chaos", "--locked", "--"];
    let mut task = workspace.cargo(&[&line[..], &["--nocapture", "--test-threads=1"]].concat());
    if !arguments.quick {
        task = task.variable("PENTAD_CHAOS_ROUNDS", &arguments.rounds.to_string());
    }
    if let Some(seed) = arguments.seed {
        task = task.variable("PENTAD_CHAOS_SEED", &seed.to_string());
    }
    Ok(format!("{} passed", task.run_tests()?.passed))
}
