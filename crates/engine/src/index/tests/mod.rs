//! Tests of the index over a log in memory: against a naive model, under threads, and scenario by scenario.
//!
//! All but those of the order of keys, of crowds and of garbage ask [`Index`](super::Index) alone, so they hold for any slot
//! table and any ordered index.

mod against_model;
mod colliding;
mod compaction;
mod crowding;
mod crowds;
mod expiry;
mod fake_log;
mod garbage;
mod groups;
mod key_order;
mod model;
mod moving;
mod own;
mod plan;
mod rebuilding;
mod rows;
mod snapshots;
mod store;
mod storms;
mod threads;
mod views;
mod world;
