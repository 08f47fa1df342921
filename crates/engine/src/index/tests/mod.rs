//! Tests of the index over a log in memory: against a naive model, under threads, and scenario by scenario.
//!
//! Nothing here looks behind [`Index`](super::Index), so the tests hold for any slot table and any ordered index.

mod against_model;
mod colliding;
mod compaction;
mod fake_log;
mod model;
mod store;
mod world;
