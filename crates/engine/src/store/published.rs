//! What readers may see: the last visible commit and the end of the log.
//!
//! Invariant: both are stored here only after the indexes and the batch log know the commit; a reader that loads them
//! finds it, and gets the two of one commit. A reader writes nothing; it tries again when a commit is published at that very
//! moment. (A sequence lock: H.-J. Boehm, "Can seqlocks get along with programming language memory models?", 2012.)

use crate::numbers::{LogOffset, Sequence};
use crate::seams::sync::atomic::{AtomicU64, Ordering, fence};
use crate::seams::sync::spin;

/// The published end of the log.
#[derive(Debug)]
pub(crate) struct Published {
    /// Odd while the two below are being changed.
    version: AtomicU64,
    sequence: AtomicU64,
    tail: AtomicU64,
}

impl Published {
    pub(crate) fn new(sequence: Sequence, tail: LogOffset) -> Self {
        Self {
            version: AtomicU64::new(0),
            sequence: AtomicU64::new(sequence.0),
            tail: AtomicU64::new(tail.0),
        }
    }

    /// The last visible commit.
    #[inline]
    pub(crate) fn sequence(&self) -> Sequence {
        Sequence(self.sequence.load(Ordering::Acquire))
    }

    /// The end of the log as of the last visible commit.
    #[inline]
    pub(crate) fn tail(&self) -> LogOffset {
        LogOffset(self.tail.load(Ordering::Acquire))
    }

    /// The last visible commit, and the end of the log behind it.
    #[inline]
    pub(crate) fn both(&self) -> (Sequence, LogOffset) {
        loop {
            let before = self.version.load(Ordering::Acquire);
            let both = (self.sequence(), self.tail());
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before {
                return both;
            }
            spin();
        }
    }

    /// Makes everything up to `sequence` visible. One caller at a time.
    pub(crate) fn publish(&self, sequence: Sequence, tail: LogOffset) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        self.tail.store(tail.0, Ordering::Release);
        self.sequence.store(sequence.0, Ordering::Release);
        self.version.store(version + 2, Ordering::Release);
    }
}

#[cfg(all(test, loom))]
#[path = "published_tests.rs"]
mod tests;
