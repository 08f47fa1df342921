//! The simulated outside world: a disk that keeps what is live apart from what is durable, and a clock and a source
//! of randomness that a test holds in its hand.
//!
//! [`SimDisk`] answers like a POSIX file system until [`SimDisk::crash`] is asked what a power cut would have left:
//! any subset of the sectors, lengths and names that were not synced. Everything random in it comes from a seed, so
//! one seed gives one run. What it leaves to others: it knows nothing of stores, and it judges nothing.

mod clock;
mod content;
mod crash;
mod directory;
mod disk;
mod fate;
mod fault;
mod file;
mod handle;
mod random;
mod state;
#[cfg(test)]
mod tests;
mod trace;

pub use clock::SimClock;
pub use crash::{Part, PendingPart};
pub use disk::SimDisk;
pub use fault::{Effect, Fault, Op, Repeat};
pub use random::{Rng, SimRandom};
pub use trace::Traced;
