//! Store time: never behind what was recorded, and never running backwards.
//!
//! It is the monotonic clock plus the greatest offset from it that the wall clock, or the log, has ever shown; so it
//! follows the wall clock forwards, and runs on by the monotonic clock while the wall clock is behind. On a clock that does not
//! drive it, it is the greatest time of any commit: commits that bring their own move it, and nothing else does.

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
        let time = Self { clock, offset: AtomicU64::new(0) };
        time.raise(recorded);
        time
    }

    /// Lets no reading from now on be before `time`, at which a commit has taken place.
    pub(crate) fn raise(&self, time: Timestamp) {
        let offset = time.0.saturating_sub(self.monotonic_ns());
        if offset > self.offset.load(Ordering::Relaxed) {
            self.offset.fetch_max(offset, Ordering::Relaxed);
        }
    }

    fn monotonic_ns(&self) -> u64 {
        if self.clock.drives_store_time() { self.clock.monotonic_ns() } else { 0 }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        if !self.clock.drives_store_time() {
            return Timestamp(self.offset.load(Ordering::Relaxed));
        }
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
