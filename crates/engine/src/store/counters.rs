//! What an operator wants counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of an open store, from its opening on.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    commits: AtomicU64,
    groups: AtomicU64,
    syncs: AtomicU64,
    compactions: AtomicU64,
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

    pub(crate) fn compaction(&self) {
        self.compactions.fetch_add(1, Ordering::Relaxed);
    }

    /// Commits, groups, syncs, compactions.
    pub(crate) fn read(&self) -> [u64; 4] {
        [&self.commits, &self.groups, &self.syncs, &self.compactions]
            .map(|counter| counter.load(Ordering::Relaxed))
    }
}
