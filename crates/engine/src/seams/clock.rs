//! Time as the engine sees it. Store time (`time.rs`) is made from these two readings.

use std::fmt::Debug;
use std::sync::Arc;

/// A source of wall-clock and monotonic time.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Nanoseconds since 1970-01-01 UTC by the wall clock; may jump either way.
    fn wall_ns(&self) -> u64;
    /// Nanoseconds since an arbitrary start; never decreases.
    fn monotonic_ns(&self) -> u64;

    /// Whether store time follows this clock. If not, only commits that bring their time with them move it.
    fn drives_store_time(&self) -> bool {
        true
    }
}

/// A clock on which store time stands still but for what commits bring along ([`Batch::at`](crate::Batch::at)): for a store that is one of
/// several copies, all of which have to judge deadlines alike. How long something takes is still measured.
#[derive(Debug)]
pub struct StoppedClock {
    running: Arc<dyn Clock>,
}

impl StoppedClock {
    /// A clock that measures by the operating system's.
    pub fn new() -> Self {
        Self::over(Arc::new(SystemClock::new()))
    }

    /// A clock that measures by `running`.
    pub fn over(running: Arc<dyn Clock>) -> Self {
        Self { running }
    }
}

impl Default for StoppedClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for StoppedClock {
    fn wall_ns(&self) -> u64 {
        self.running.wall_ns()
    }

    fn monotonic_ns(&self) -> u64 {
        self.running.monotonic_ns()
    }

    fn drives_store_time(&self) -> bool {
        false
    }
}

/// The operating system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    pub fn new() -> Self {
        Self { start: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    fn wall_ns(&self) -> u64 {
        // A clock before 1970 counts as 1970: store time never runs backwards anyway.
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
    }

    fn monotonic_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
