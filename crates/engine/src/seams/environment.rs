//! The set of seams that a store runs on.

use std::sync::Arc;

use super::{Clock, Disk, OsRandom, Random, RealDisk, SystemClock};

/// Disk, clock and randomness of a store, and whether it may run threads of its own.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Where the files are.
    pub disk: Arc<dyn Disk>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where nonces come from.
    pub random: Arc<dyn Random>,
    /// Whether the store runs its background threads (marks, automatic compaction, the `submit` door). Without
    /// them every operation happens on the caller's thread and a run can be replayed from its seed; the future
    /// of `submit` is then driven by the poll itself.
    pub background: bool,
}

impl Environment {
    /// The operating system.
    pub fn real() -> Self {
        Self {
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock::new()),
            random: Arc::new(OsRandom),
            background: true,
        }
    }
}
