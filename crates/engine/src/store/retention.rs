//! Which commits the batch log gives up by itself: those that have left the window of the retention option.
//!
//! Invariant: the floor only moves forward, and with it the beginning of the history.

use super::batch_log::BatchLog;
use super::core::Core;
use crate::numbers::{LogOffset, Timestamp};
use crate::options::Retention;

/// The automatic window, in bytes of the log, at least.
const LEAST: u64 = 64 << 20;

/// Gives up what has left the window, in a log that ends at `tail`; `live` is how many bytes of data there are.
pub(super) fn give_up(
    retention: Retention,
    batches: &BatchLog,
    tail: LogOffset,
    now: Timestamp,
    live: impl FnOnce() -> u64,
) {
    let bytes_from = |bytes: u64| LogOffset(tail.0.saturating_sub(bytes));
    match retention {
        Retention::All => {}
        Retention::Commits(count) => batches.keep_newest(count),
        Retention::Bytes(bytes) => batches.keep_from(bytes_from(bytes)),
        Retention::Automatic => {
            // Cheap first: the live bytes are summed only when there is something to give up.
            if batches.oldest_offset().is_some_and(|oldest| oldest < bytes_from(LEAST)) {
                batches.keep_from(bytes_from(LEAST.max(live() / 4)));
            }
        }
        Retention::Age(age) => {
            let ns = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
            batches.keep_since(Timestamp(now.0.saturating_sub(ns)));
        }
    }
}

impl Core {
    /// Moves the floor of the batch log as the retention option says, and the beginning of the history.
    pub(crate) fn retain(&self, tail: LogOffset) {
        let live = || self.live_bytes().saturating_sub(self.index.held_bytes());
        give_up(self.options.retention, &self.batches, tail, self.time.now(), live);
        self.keep_history();
    }
}
