//! A clock that stands still until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::seams::Clock;

/// Wall and monotonic time in nanoseconds, set by the test. Cloning shares the clock.
#[derive(Clone, Debug)]
pub struct SimClock {
    now: Arc<Now>,
}

#[derive(Debug)]
struct Now {
    wall_ns: AtomicU64,
    monotonic_ns: AtomicU64,
}

impl SimClock {
    /// A clock whose wall shows `wall_ns` (nanoseconds since 1970) and whose monotonic time starts at 0.
    pub fn new(wall_ns: u64) -> Self {
        Self { now: Arc::new(Now { wall_ns: AtomicU64::new(wall_ns), monotonic_ns: AtomicU64::new(0) }) }
    }

    /// Lets `ns` nanoseconds pass on both clocks; both stop at the end of 64 bits.
    pub fn advance(&self, ns: u64) {
        for clock in [&self.now.wall_ns, &self.now.monotonic_ns] {
            clock.store(clock.load(Ordering::SeqCst).saturating_add(ns), Ordering::SeqCst);
        }
    }

    /// Sets the wall clock alone, forwards or backwards, as an administrator or NTP would.
    pub fn set_wall(&self, wall_ns: u64) {
        self.now.wall_ns.store(wall_ns, Ordering::SeqCst);
    }

    /// Starts the monotonic clock again from `monotonic_ns`, as a reboot does; not for a store that is open.
    pub fn set_monotonic(&self, monotonic_ns: u64) {
        self.now.monotonic_ns.store(monotonic_ns, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn wall_ns(&self) -> u64 {
        self.now.wall_ns.load(Ordering::SeqCst)
    }

    fn monotonic_ns(&self) -> u64 {
        self.now.monotonic_ns.load(Ordering::SeqCst)
    }
}
