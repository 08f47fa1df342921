//! The queue under threads, futures, panics and cancellation: what must come out whatever the order of events is.
//!
//! `loom_…` tests are models of a few steps, run through every interleaving; loom itself reports a deadlock, which is what a
//! lost wake-up ends in. The others are ordinary tests of single situations.

#[cfg(loom)]
#[path = "queue_tests/models.rs"]
mod models;
#[cfg(not(loom))]
#[path = "queue_tests/situations.rs"]
mod situations;
