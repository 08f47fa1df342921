//! Tests of the slot table: against a map, corner by corner, under threads, and `loom_…` through every interleaving of
//! small tables.

#[cfg(not(loom))]
mod against_map;
#[cfg(not(loom))]
mod checks;
#[cfg(not(loom))]
mod corners;
#[cfg(not(loom))]
pub(super) mod dice;
mod hashes;
#[cfg(loom)]
mod models;
#[cfg(not(loom))]
mod size;
#[cfg(not(loom))]
mod threads;
