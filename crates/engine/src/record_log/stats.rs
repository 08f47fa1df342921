//! What a record log takes.

use std::sync::PoisonError;

use super::core::Core;

/// What a [`RecordLog`](super::RecordLog) takes, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordLogStats {
    /// Records that can be read.
    pub records: u64,
    /// Segments, the one that is written to among them.
    pub segments: u64,
    /// Bytes of records and small records in the segments, those among them that nobody wants any more.
    pub log_bytes: u64,
    /// Bytes of memory that depend on how many records there are: their places, and the recent ones themselves.
    pub memory_bytes: u64,
    /// Bytes of records that are in memory because they were not written yet.
    pub unwritten_bytes: u64,
    /// Syncs of the log since it was opened.
    pub syncs: u64,
    /// Whether a failure has ended it.
    pub poisoned: bool,
}

impl Core {
    pub(super) fn stats(&self) -> RecordLogStats {
        let segments = self.segments.held();
        let scribe = self.scribe.lock().unwrap_or_else(PoisonError::into_inner);
        let syncs = scribe.as_ref().map_or(0, |scribe| scribe.writer.syncs);
        drop(scribe);
        self.queue.with(|index| RecordLogStats {
            records: index.next - index.floor,
            segments: segments.logs().len() as u64,
            log_bytes: segments.logs().iter().map(|segment| segment.end()).sum(),
            memory_bytes: index.memory_bytes(),
            unwritten_bytes: index.unwritten_bytes(),
            syncs,
            poisoned: self.poisoned.get().is_some(),
        })
    }
}
