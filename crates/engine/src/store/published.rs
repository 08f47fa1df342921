//! What readers may see: the last visible commit and the end of the log.
//!
//! Invariant: a sequence is stored here only after the indexes and the batch log know the commit; a reader that loads
//! it finds them.

use crate::numbers::{LogOffset, Sequence};
use crate::seams::sync::atomic::{AtomicU64, Ordering};

/// The published end of the log.
#[derive(Debug)]
pub(crate) struct Published {
    sequence: AtomicU64,
    tail: AtomicU64,
}

impl Published {
    pub(crate) fn new(sequence: Sequence, tail: LogOffset) -> Self {
        Self { sequence: AtomicU64::new(sequence.0), tail: AtomicU64::new(tail.0) }
    }

    /// The last visible commit.
    pub(crate) fn sequence(&self) -> Sequence {
        Sequence(self.sequence.load(Ordering::Acquire))
    }

    /// The end of the log as of the last visible commit.
    pub(crate) fn tail(&self) -> LogOffset {
        LogOffset(self.tail.load(Ordering::Acquire))
    }

    /// Makes everything up to `sequence` visible.
    pub(crate) fn publish(&self, sequence: Sequence, tail: LogOffset) {
        self.tail.store(tail.0, Ordering::Release);
        self.sequence.store(sequence.0, Ordering::Release);
    }
}

#[cfg(all(test, loom))]
#[path = "published_tests.rs"]
mod tests;
