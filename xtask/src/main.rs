//! The project's own tasks: `cargo xtask ci` decides whether a change is good, the others are parts and helpers of it.
//!
//! Invariant: every task but `fix`, `golden` and `bench --publish` leaves the tracked files as they are. This file only
//! names the tasks; each of them is a file in `commands`.
#![forbid(unsafe_code)]

mod commands;
mod error;
mod faults;
mod finding;
mod layers;
mod run;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{
    bench, chaos, ci, crash, doc, examples, fix, fuzz, golden, loom, planted, sanitize, sim,
};
use crate::error::Result;
use crate::workspace::Workspace;

/// Tasks of the Pentad workspace. `ci` runs every check; `fix` mends what a program can mend.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run every check, cheapest first, and stop at the first failure
    Ci,
    /// Apply the suggestions of clippy and the formatting
    Fix,
    /// Check the habits that no compiler checks: file heads, sizes, names, manifests, committed files
    Tidy,
    /// Check which crates may use which, from `cargo metadata`
    Layers,
    /// Print the fault cases with their tests; fail when a case that is due has none, or a promise names none
    Faults,
    /// Build the documentation with warnings denied
    Doc,
    /// Explore the interleavings of the lock-free parts with loom
    Loom(loom::Arguments),
    /// Run the crash tests for long, or replay one seed
    Sim(sim::Arguments),
    /// Kill the real program, make its system calls fail, fill its disk
    Crash(crash::Arguments),
    /// Kill, stop and restart the nodes of a cluster under load, and check what its clients were told
    Chaos(chaos::Arguments),
    /// Run the fuzz targets under libFuzzer, or one of them
    Fuzz(fuzz::Arguments),
    /// Run the tests of threads and of unsafe code under a sanitizer
    Sanitize(sanitize::Arguments),
    /// Plant each bug of the list in the engine and see that the crash tests catch it
    Planted,
    /// Run the same workloads on Pentad and on other stores, side by side; hours, or minutes with `--quick`
    Bench(bench::Arguments),
    /// Build every example and run those that need no input
    Examples,
    /// Write the golden store images anew; only after the format was changed on purpose
    Golden,
}

fn main() -> ExitCode {
    match perform(&Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: &Task) -> Result<()> {
    let workspace = Workspace::locate()?;
    match task {
        Task::Ci => ci::perform(&workspace),
        Task::Fix => fix::perform(&workspace),
        Task::Tidy => commands::tell(tidy::check(&workspace)),
        Task::Layers => commands::tell(layers::check(&workspace)),
        Task::Faults => commands::tell(faults::report(&workspace)),
        Task::Doc => commands::tell(doc::check(&workspace)),
        Task::Loom(arguments) => commands::tell(loom::perform(&workspace, arguments)),
        Task::Sim(arguments) => commands::tell(sim::perform(&workspace, arguments)),
        Task::Crash(arguments) => commands::tell(crash::perform(&workspace, arguments)),
        Task::Chaos(arguments) => commands::tell(chaos::perform(&workspace, arguments)),
        Task::Fuzz(arguments) => commands::tell(fuzz::perform(&workspace, arguments)),
        Task::Sanitize(arguments) => commands::tell(sanitize::perform(&workspace, arguments)),
        Task::Planted => commands::tell(planted::check(&workspace)),
        Task::Bench(arguments) => bench::perform(&workspace, arguments),
        Task::Examples => commands::tell(examples::check(&workspace)),
        Task::Golden => golden::perform(&workspace),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
