//! Locks: the standard ones, or under `--cfg watched` those that ThreadSanitizer can follow.
//!
//! Everything in the engine that holds a lock takes it from here, but for what is modelled with loom, which takes it from
//! `sync.rs`. What takes the standard one is reported as a race by `cargo xtask sanitize thread`.

#[cfg(not(watched))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, RwLock};

#[cfg(watched)]
pub(crate) use super::watched::{Condvar, Mutex, MutexGuard, OnceLock, RwLock};
