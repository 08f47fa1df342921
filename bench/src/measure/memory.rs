//! Anonymous memory of this process: heap and stacks, without the pages of mapped files, which the system may drop.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::error::{Error, Result};

/// How often the peak is looked for. A look takes some ten microseconds of one processor.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Watches the anonymous memory from a thread of its own.
#[derive(Debug)]
pub(crate) struct Memory {
    baseline: u64,
    peak: Arc<AtomicU64>,
    done: Arc<AtomicBool>,
    watcher: JoinHandle<Result<()>>,
}

impl Memory {
    /// Starts watching. What is there now does not count.
    pub(crate) fn watch() -> Result<Self> {
        let baseline = anonymous_bytes()?;
        let (peak, done) = (Arc::new(AtomicU64::new(baseline)), Arc::new(AtomicBool::new(false)));
        let (its_peak, its_done) = (Arc::clone(&peak), Arc::clone(&done));
        let watcher = thread::spawn(move || {
            while !its_done.load(Ordering::Relaxed) {
                its_peak.fetch_max(anonymous_bytes()?, Ordering::Relaxed);
                thread::sleep(LOOK_EVERY);
            }
            Ok(())
        });
        Ok(Self { baseline, peak, done, watcher })
    }

    /// Ends, and gives the bytes that the peak and the present are above the start.
    pub(crate) fn end(self) -> Result<(u64, u64)> {
        self.done.store(true, Ordering::Relaxed);
        match self.watcher.join() {
            Ok(watched) => watched?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        let now = anonymous_bytes()?;
        let peak = self.peak.load(Ordering::Relaxed).max(now);
        Ok((peak.saturating_sub(self.baseline), now.saturating_sub(self.baseline)))
    }
}

/// Anonymous bytes of this process in memory.
fn anonymous_bytes() -> Result<u64> {
    let path = Path::new("/proc/self/status");
    let status = fs::read_to_string(path).map_err(Error::file(path))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib =
        line.and_then(|rest| rest.trim().strip_suffix("kB")).and_then(|kib| kib.trim().parse::<u64>().ok());
    kib.map(|kib| kib << 10).ok_or_else(|| Error::System {
        what: "memory of this process",
        reason: "/proc/self/status has no RssAnon; this program needs Linux 4.5 or later".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Memory;

    #[test]
    fn a_peak_that_is_gone_again_is_still_seen() {
        let memory = Memory::watch().unwrap();
        let block = vec![1_u8; 64 << 20];
        std::thread::sleep(Duration::from_millis(50));
        drop(std::hint::black_box(block));
        let (peak, now) = memory.end().unwrap();
        assert!(peak >= 60 << 20 && now < 32 << 20, "{peak} {now}");
    }
}
