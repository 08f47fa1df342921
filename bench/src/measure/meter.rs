//! Time: what passed, and what all threads of this process spent on the processors meanwhile.
//!
//! On a busy machine the wall clock also counts the waiting for a processor. Processor time does not, which makes it
//! the better figure there, except for what waits for the disk.

use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::error::{Error, Result};

/// A running measurement.
#[derive(Debug)]
pub(crate) struct Meter {
    started: Instant,
    cpu: Duration,
}

/// What something took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// Wall clock.
    pub(crate) wall: Duration,
    /// Processor time of all threads of the process, user and system.
    pub(crate) cpu: Duration,
}

impl Meter {
    /// Starts now.
    pub(crate) fn start() -> Result<Self> {
        let cpu = cpu_time()?;
        Ok(Self { started: Instant::now(), cpu })
    }

    /// What was spent since the start.
    pub(crate) fn stop(self) -> Result<Spent> {
        let wall = self.started.elapsed();
        Ok(Spent { wall, cpu: cpu_time()?.saturating_sub(self.cpu) })
    }
}

/// User and system time of this process.
fn cpu_time() -> Result<Duration> {
    let usage: Usage = getrusage(UsageWho::RUSAGE_SELF)
        .map_err(|error| Error::System { what: "getrusage", reason: error.to_string() })?;
    Ok(duration(usage.user_time()) + duration(usage.system_time()))
}

fn duration(time: TimeVal) -> Duration {
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec()).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Meter;

    #[test]
    fn work_counts_on_both_clocks_and_sleep_on_one() {
        let meter = Meter::start().unwrap();
        let begun = Instant::now();
        let mut number = 1_u64;
        while begun.elapsed() < Duration::from_millis(50) {
            number = std::hint::black_box(number).wrapping_mul(3);
        }
        std::thread::sleep(Duration::from_millis(50));
        let spent = meter.stop().unwrap();
        assert!(spent.wall >= Duration::from_millis(100), "{spent:?}");
        assert!(spent.cpu > Duration::ZERO && spent.cpu < spent.wall, "{spent:?}");
    }
}
