//! The `pentad` command: parses, runs one verb, says what went wrong, exits with a code that means something.
//!
//! Everything about storage is `pentad-engine`; what is here is the way from a shell to it and back. `args.rs` is what
//! can be typed, `verbs/` one file for each thing that can be done, `formats/` one file for each form that data comes
//! and goes in, `exit.rs` what the exit codes mean.

#![forbid(unsafe_code)]

mod args;
mod error;
mod escape;
mod exit;
mod formats;
mod human;
mod input;
mod interrupt;
mod json;
mod loader;
mod output;
mod payload;
mod progress;
mod real_path;
mod session;
mod target;
mod time;
mod verbs;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Arguments, Verb};
use crate::error::Result;

fn main() -> ExitCode {
    pentad_engine::report_bus_errors();
    exit::report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let global = &arguments.global;
    match &arguments.verb {
        Verb::Import(arguments) => verbs::import::run(global, arguments),
        Verb::Export(arguments) => verbs::export::run(global, arguments),
        Verb::Get(arguments) => verbs::get::run(global, arguments),
        Verb::Put(arguments) => verbs::put::run(global, arguments),
        Verb::Del(arguments) => verbs::del::run(global, arguments),
        Verb::Scan(arguments) => verbs::scan::run(global, arguments),
        Verb::Log(arguments) => verbs::log::run(global, arguments),
        Verb::Prune(arguments) => verbs::prune::run(global, arguments),
        Verb::Stats(arguments) => verbs::stats::run(global, arguments),
        Verb::Verify => verbs::verify::run(global),
        Verb::Repair(arguments) => verbs::repair::run(global, arguments),
        Verb::Compact(arguments) => verbs::compact::run(global, arguments),
    }
}
