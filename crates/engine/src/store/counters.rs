//! What an operator wants counted.

use std::sync::atomic::{AtomicU64, Ordering};

use super::verify_report::Progress;
use crate::numbers::LogOffset;

/// Counters of an open store, from its opening on.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    commits: AtomicU64,
    groups: AtomicU64,
    syncs: AtomicU64,
    /// Where the log ended when the store was opened.
    opened_at: AtomicU64,
    compactions: AtomicU64,
    /// Of the compaction that runs: bytes written, and expected to be written; 0 and 0 when none does.
    compacting: [AtomicU64; 2],
    /// Bytes that compactions have read, written, and given back, in all.
    compacted: [AtomicU64; 3],
    /// Bytes that recovery dropped from the end of the log.
    pub(crate) torn_bytes: AtomicU64,
}

impl Counters {
    /// A group of `commits` commits was published; the log has been synced `syncs` times in all.
    pub(crate) fn group(&self, commits: u64, syncs: u64) {
        self.commits.fetch_add(commits, Ordering::Relaxed);
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.syncs.store(syncs, Ordering::Relaxed);
    }

    /// The store is open, and its log ends here.
    pub(crate) fn opened(&self, tail: LogOffset) {
        self.opened_at.store(tail.0, Ordering::Relaxed);
    }

    /// Bytes that were appended to a log which ends here now.
    pub(crate) fn appended(&self, tail: LogOffset) -> u64 {
        tail.0.saturating_sub(self.opened_at.load(Ordering::Relaxed))
    }

    /// A compaction begins that reads so many bytes, and will write about so many.
    pub(crate) fn compaction_began(&self, bytes: u64, live: u64) {
        let [written, expected] = &self.compacting;
        written.store(0, Ordering::Relaxed);
        expected.store(live.max(1), Ordering::Relaxed);
        self.compacted[0].fetch_add(bytes, Ordering::Relaxed);
    }

    /// The compaction has written so many bytes more.
    pub(crate) fn compaction_wrote(&self, bytes: u64) {
        self.compacting[0].fetch_add(bytes, Ordering::Relaxed);
        self.compacted[1].fetch_add(bytes, Ordering::Relaxed);
    }

    /// A compaction has taken the place of its inputs, which took so many bytes more.
    pub(crate) fn compaction_swapped(&self, reclaimed: u64) {
        self.compactions.fetch_add(1, Ordering::Relaxed);
        self.compacted[2].fetch_add(reclaimed, Ordering::Relaxed);
    }

    /// No compaction runs any more.
    pub(crate) fn compaction_ended(&self) {
        self.compacting.iter().for_each(|bytes| bytes.store(0, Ordering::Relaxed));
    }

    /// How far the compaction is that runs; 0 of 0 when none does.
    pub(crate) fn compaction_progress(&self) -> Progress {
        let [done_bytes, total_bytes] =
            [&self.compacting[0], &self.compacting[1]].map(|n| n.load(Ordering::Relaxed));
        Progress { done_bytes: done_bytes.min(total_bytes), total_bytes }
    }

    /// Bytes that compactions have read, written and given back.
    pub(crate) fn compacted(&self) -> [u64; 3] {
        [0, 1, 2].map(|at: usize| self.compacted[at].load(Ordering::Relaxed))
    }

    /// Commits, groups, syncs, compactions.
    pub(crate) fn read(&self) -> [u64; 4] {
        [&self.commits, &self.groups, &self.syncs, &self.compactions]
            .map(|counter| counter.load(Ordering::Relaxed))
    }
}
