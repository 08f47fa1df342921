//! The doors to the outside world: disk, clock, randomness and the primitives of synchronisation.
//!
//! Nothing else in the engine opens a file, reads a clock, draws a random number or makes a mapping (clippy bans
//! it), so a test that replaces these four controls everything that can go wrong.

mod bus_error;
mod clock;
mod disk;
mod environment;
#[cfg(not(loom))]
mod fields;
mod growing;
pub(crate) mod lock;
mod mapping;
mod private_map;
mod random;
mod real_disk;
mod remembering_disk;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
pub(crate) mod sync;
#[cfg(watched)]
mod watched;

pub use bus_error::report_bus_errors;
pub use clock::{Clock, StoppedClock, SystemClock};
pub(crate) use disk::uninterrupted;
pub use disk::{Access, Disk, File, Lock, LockMode, PathKind};
pub use environment::Environment;
#[cfg(not(loom))]
pub(crate) use fields::agreeing;
pub(crate) use growing::Growing;
pub use mapping::{Map, Region, WeakMap};
pub(crate) use mapping::{prefetch, prefetch_bytes, zeroed_words};
pub use private_map::PrivateMap;
pub(crate) use private_map::Slab;
pub use random::{OsRandom, Random};
pub use real_disk::RealDisk;
pub(crate) use remembering_disk::RememberingDisk;
