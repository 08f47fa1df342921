//! The real program on the real kernel: killed at random, its system calls made to fail, its disk full.
//!
//! Invariant: whatever is done to the process, what it acknowledged is there afterwards, nothing is altered, and the store
//! opens and verifies. `cargo xtask crash` runs these tests, which take minutes and tools that not every machine has; a
//! test that cannot run here says so in a line that begins with `skipped: `, and that is not counted as a pass.

#![forbid(unsafe_code)]

#[path = "../support/mod.rs"]
mod support;

mod disk;
mod health;
mod kill;
mod load;
mod random;
mod settings;
mod syscalls;
