//! What the rest of the node sees of the state machine: its store, and how far it has applied.
//!
//! Invariant: the store that is handed out has at least what the progress said before; when a snapshot takes a store's place, both
//! change together, the store first. Whoever reads for long asks again for the store from time to time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use pentad_engine::Store;
use tokio::sync::watch;

use crate::error::{Error, ErrorKind, Result};
use crate::raft::types::{LogId, StoredMembership};

/// How far the state machine is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The last entry that was applied.
    pub(crate) applied: Option<LogId>,
    /// The last commit of the store.
    pub(crate) sequence: u64,
    /// How many stores took the place of another since the node started.
    pub(crate) installs: u64,
    /// Whether the state machine has failed, and applies no more.
    pub(crate) failed: bool,
    /// Whether the store was closed, and its thread is at its end.
    pub(crate) closed: bool,
}

impl Progress {
    /// Whether the entry at `index` was applied.
    pub(crate) fn has(&self, index: u64) -> bool {
        self.applied.is_some_and(|applied| applied.index >= index)
    }
}

/// Shared by all who read.
#[derive(Debug)]
pub(crate) struct View {
    store: ArcSwap<Store>,
    progress: watch::Sender<Progress>,
    membership: Mutex<(StoredMembership, u64)>,
    /// Bytes of the commands that were applied since the last snapshot.
    unsaved_bytes: AtomicU64,
}

impl View {
    pub(super) fn new(
        store: Store,
        progress: Progress,
        membership: StoredMembership,
        highest_id: u64,
    ) -> Arc<Self> {
        Arc::new(Self {
            store: ArcSwap::from_pointee(store),
            progress: watch::Sender::new(progress),
            membership: Mutex::new((membership, highest_id)),
            unsaved_bytes: AtomicU64::new(0),
        })
    }

    /// The store as it is now.
    pub(crate) fn store(&self) -> Arc<Store> {
        self.store.load_full()
    }

    pub(crate) fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    /// Tells of progress from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// The membership that was applied last.
    pub(crate) fn membership(&self) -> StoredMembership {
        self.membership.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// The highest id that a member ever had, as far as was applied.
    pub(crate) fn highest_id(&self) -> u64 {
        self.membership.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Bytes of the commands that were applied since the last snapshot.
    pub(crate) fn unsaved_bytes(&self) -> u64 {
        self.unsaved_bytes.load(Ordering::Relaxed)
    }

    /// Returns when the entry at `index` was applied.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stopped`] when that will not happen on this node any more.
    pub(crate) async fn applied(&self, index: u64) -> Result<()> {
        self.wait(|progress| progress.has(index)).await
    }

    /// Returns when the commit `sequence` was applied.
    ///
    /// # Errors
    ///
    /// As [`View::applied`].
    pub(crate) async fn sequence(&self, sequence: u64) -> Result<()> {
        self.wait(|progress| progress.sequence >= sequence).await
    }

    /// Returns when the store was closed; the group must have been stopped.
    pub(crate) async fn closed(&self) {
        // It fails only without a sender, and that is here.
        drop(self.watch().wait_for(|progress| progress.closed).await);
    }

    async fn wait(&self, done: impl Fn(&Progress) -> bool) -> Result<()> {
        let mut receiver = self.watch();
        let progress = receiver.wait_for(|progress| progress.failed || done(progress)).await;
        match progress {
            Ok(progress) if done(&progress) => Ok(()),
            _ => Err(Error::new(
                ErrorKind::Stopped,
                "the node has stopped applying what the cluster decides; see its log",
            )),
        }
    }

    pub(super) fn set_membership(&self, membership: StoredMembership, highest_id: u64) {
        *self.membership.lock().unwrap_or_else(PoisonError::into_inner) = (membership, highest_id);
    }

    pub(super) fn advance(&self, applied: Option<LogId>, sequence: u64, bytes: u64) {
        self.unsaved_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.progress.send_modify(|progress| (progress.applied, progress.sequence) = (applied, sequence));
    }

    /// Notes that a snapshot holds so many of the bytes that no other one held.
    pub(super) fn saved(&self, bytes: u64) {
        let less = |unsaved: u64| Some(unsaved.saturating_sub(bytes));
        // It never refuses.
        self.unsaved_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).unwrap_or_default();
    }

    pub(super) fn fail(&self) {
        self.progress.send_modify(|progress| progress.failed = true);
    }

    pub(super) fn close(&self) {
        self.progress.send_modify(|progress| (progress.failed, progress.closed) = (true, true));
    }

    pub(super) fn swap(&self, store: Store, applied: Option<LogId>) {
        let sequence = store.sequence().0;
        self.store.store(Arc::new(store));
        self.progress.send_modify(|progress| {
            *progress = Progress { applied, sequence, installs: progress.installs + 1, ..*progress };
        });
    }
}
