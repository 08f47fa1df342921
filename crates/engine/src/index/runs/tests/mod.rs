//! Tests of the runs: against a model, scenario by scenario, and under threads.

mod against_model;
mod damaged;
mod log;
mod model;
mod scenarios;
mod threads;
