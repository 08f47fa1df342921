//! Every retained commit, those too that changed nothing, in the place of what a watch tells.
//!
//! Invariant: it ends with the last commit that there was when it began, and tells each up to there, in order, or that it is lost.

use pentad_engine::{
    CommitRecord, Commits, Result, Sequence, Store, WatchEvent, WatchedChange, WatchedCommit,
};

/// The commits that were not told yet.
#[derive(Debug)]
pub(super) struct WholeLog {
    store: Store,
    commits: Commits,
    /// The first of them.
    pub(super) next: Sequence,
}

impl WholeLog {
    pub(super) fn new(store: &Store, from: Sequence) -> Result<Self> {
        Ok(Self { store: store.clone(), commits: store.commits(from)?, next: from })
    }

    pub(super) fn take(&mut self) -> Option<Result<WatchEvent>> {
        let record = self.commits.next()?;
        Some(record.map(|CommitRecord { sequence, time, changes, .. }| {
            self.next = sequence.next();
            let change = |(key, value)| WatchedChange { key, value, deadline: None, previous: None };
            let changes = changes.into_iter().map(change).collect();
            WatchEvent::Commit(WatchedCommit { sequence, time, changes })
        }))
    }

    /// Goes on with the oldest commit that is left.
    pub(super) fn skip_lost(&mut self) -> Result<Sequence> {
        let oldest = self.store.oldest_batch().unwrap_or_else(|| self.store.sequence().next());
        *self = Self::new(&self.store, self.next.max(oldest))?;
        Ok(self.next)
    }
}
