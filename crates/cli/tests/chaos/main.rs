//! Three nodes in three processes, killed, stopped and restarted while clients read and write.
//!
//! Invariant: whatever happens to the nodes, what the clients were told could have come from one register for each key, and when all
//! is over all nodes hold the same. `cargo xtask chaos` runs these tests for as long as one likes.

#![forbid(unsafe_code)]

#[expect(dead_code, reason = "the crash tests, whose it is, use all of it")]
#[path = "../crash/random.rs"]
mod random;

#[path = "../support/replica.rs"]
mod replica;

mod clients;
mod cluster;
mod history;
mod linearizable;
mod rounds;
mod settings;
