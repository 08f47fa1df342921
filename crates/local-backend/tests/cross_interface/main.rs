//! One keyspace behind five interfaces: whatever one of them writes, removes or lets expire, the others see.

#[path = "../stores/mod.rs"]
mod stores;

mod collisions;
mod deadlines;
mod keyspace;
mod reading;
mod sequences;
mod writing;
