//! From the arguments to the verb, and from its outcome to the exit code.

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Arguments, Verb};
use crate::error::Result;
use crate::{exit, verbs};

/// Does what the arguments of this process ask for.
pub fn main() -> ExitCode {
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
        Verb::Info(arguments) => verbs::info::run(global, arguments),
        Verb::Expire(arguments) => verbs::expire::run(global, arguments),
        Verb::Incr(arguments) => verbs::incr::run(global, arguments),
        Verb::Txn(arguments) => verbs::txn::run(global, arguments),
        Verb::Scan(arguments) => verbs::scan::run(global, arguments),
        Verb::Log(arguments) => verbs::log::run(global, arguments),
        Verb::Watch(arguments) => verbs::watch::run(global, arguments),
        Verb::Prune(arguments) => verbs::prune::run(global, arguments),
        Verb::Stats(arguments) => verbs::stats::run(global, arguments),
        Verb::Verify => verbs::verify::run(global),
        Verb::Repair(arguments) => verbs::repair::run(global, arguments),
        Verb::Compact(arguments) => verbs::compact::run(global, arguments),
        Verb::Namespaces(arguments) => verbs::namespaces::run(global, arguments),
        Verb::Backup(arguments) => verbs::backup::take(global, arguments),
        Verb::Backups(arguments) => verbs::backup::list(global, arguments),
        Verb::Restore(arguments) => verbs::restore::run(global, arguments),
        Verb::Serve(arguments) => verbs::serve::run(global, arguments),
        Verb::Cluster(arguments) => verbs::cluster::run(global, arguments),
    }
}
