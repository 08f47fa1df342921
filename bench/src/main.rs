//! Runs the same workloads on Pentad, on other stores and on the bare limit, side by side.
//!
//! Invariant: no two stores ever share a process. The program starts itself once for each stage of each store
//! (`stage.rs`), alternates their order, compares what they read, and reports medians (`session.rs`, `report`).
#![deny(unsafe_code)]

mod arguments;
#[cfg(feature = "cluster")]
mod cluster;
mod data;
mod engines;
mod error;
mod machine;
mod mapped;
mod measure;
mod outcome;
mod report;
mod session;
mod stage;
mod workloads;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::error::Result;

fn main() -> ExitCode {
    match perform(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn perform(arguments: &Arguments) -> Result<()> {
    match &arguments.command {
        Some(Command::Stage(stage)) => stage::perform(stage),
        #[cfg(feature = "cluster")]
        Some(Command::Cluster(run)) => cluster::perform(run),
        #[cfg(feature = "cluster")]
        Some(Command::ClusterNode(node)) => cluster::serve_node(node),
        #[cfg(feature = "cluster")]
        Some(Command::ClusterBare) => cluster::serve_bare(),
        None => session::perform(&arguments.run),
    }
}
