//! Tests of the index: against a naive model, under threads, and scenario by scenario.

mod against_model;
mod model;
mod parts;
mod scenarios;
mod threads;
