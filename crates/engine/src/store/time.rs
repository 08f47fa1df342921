//! Store time: never behind what was recorded, and never running backwards.
//!
//! It is the monotonic clock plus the greatest offset from it that the wall clock, or the log, has ever shown; so it
//! follows the wall clock forwards, and runs on by the monotonic clock while the wall clock is behind.

use std::sync::Arc;

use crate::numbers::Timestamp;
use crate::seams::Clock;
use crate::seams::sync::atomic::{AtomicU64, Ordering};

/// The clock of a store.
#[derive(Debug)]
pub(crate) struct StoreTime {
    clock: Arc<dyn Clock>,
    /// Store time minus monotonic time; only grows.
    offset: AtomicU64,
}

impl StoreTime {
    /// A clock that starts at `recorded`, or at the wall clock if that is later.
    pub(crate) fn new(clock: Arc<dyn Clock>, recorded: Timestamp) -> Self {
        let offset = recorded.0.saturating_sub(clock.monotonic_ns());
        Self { clock, offset: AtomicU64::new(offset) }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        let monotonic = self.clock.monotonic_ns();
        let wall_offset = self.clock.wall_ns().saturating_sub(monotonic);
        let offset = self.offset.load(Ordering::Relaxed);
        let offset = if wall_offset > offset {
            self.offset.fetch_max(wall_offset, Ordering::Relaxed).max(wall_offset)
        } else {
            offset
        };
        Timestamp(monotonic.saturating_add(offset))
    }
}

#[cfg(all(test, loom))]
#[path = "time_tests.rs"]
mod tests;
