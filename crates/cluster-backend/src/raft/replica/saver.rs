//! Snapshots are taken here, beside the thread that applies.
//!
//! Invariants: one is taken at a time. Applying stands still for the moment that a snapshot is of, and for nothing else: not for a
//! compaction, which a snapshot has to wait for, and not for the copying. The newest snapshot is kept until a newer one is whole,
//! whether that was taken here or came from another node.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::directory::GroupDirectory;
use super::snapshot::SnapshotFiles;
use super::view::View;
use crate::error::{Error, ErrorKind, Result};

#[cfg(test)]
#[path = "saver_tests.rs"]
mod tests;

/// The newest snapshot, and the way to a newer one.
pub(crate) struct Saver {
    group: Arc<GroupDirectory>,
    view: Arc<View>,
    newest: Mutex<Option<Arc<SnapshotFiles>>>,
    /// Held while one is taken.
    taking: Arc<tokio::sync::Mutex<()>>,
}

impl Saver {
    pub(super) fn new(
        group: Arc<GroupDirectory>,
        view: Arc<View>,
        newest: Option<Arc<SnapshotFiles>>,
    ) -> Arc<Self> {
        Arc::new(Self { group, view, newest: Mutex::new(newest), taking: Arc::default() })
    }

    /// The newest snapshot that there is.
    pub(super) fn newest(&self) -> Option<Arc<SnapshotFiles>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a snapshot the newest, unless there is a newer one by now. The files of the other go with their last reader.
    pub(super) fn keep(&self, snapshot: Arc<SnapshotFiles>) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        match &*newest {
            Some(kept) if kept.meta.last_log_id >= snapshot.meta.last_log_id => snapshot.retire(),
            _ => {
                if let Some(older) = newest.replace(snapshot) {
                    older.retire();
                }
            }
        }
    }

    /// Takes a snapshot of what is applied now, or returns the newest if it is that already.
    ///
    /// # Errors
    ///
    /// Whatever keeps files from being written; nothing has changed then, and it can be tried again.
    pub(crate) async fn take(self: &Arc<Self>) -> Result<Arc<SnapshotFiles>> {
        let taking = Arc::clone(&self.taking).lock_owned().await;
        let saver = Arc::clone(self);
        let taken = tokio::task::spawn_blocking(move || {
            let taken = saver.take_here();
            drop(taking);
            taken
        });
        let ended = |_| Err(Error::new(ErrorKind::Stopped, "the node is shutting down"));
        taken.await.unwrap_or_else(ended)
    }

    fn take_here(&self) -> Result<Arc<SnapshotFiles>> {
        let store = self.view.store();
        if let Some(newest) = self.newest()
            && newest.meta.last_log_id == self.view.progress().applied
        {
            return Ok(newest);
        }
        let mut saved_bytes = 0;
        // A store that another one has taken the place of is of no use any more, and one that is to be closed waits for this.
        let is_wanted = || Arc::ptr_eq(&self.view.store(), &store) && !self.view.progress().failed;
        let note = || saved_bytes = self.view.unsaved_bytes();
        let taken = SnapshotFiles::take(&store, &self.group, note, is_wanted)?;
        self.view.saved(saved_bytes);
        self.keep(Arc::clone(&taken));
        Ok(taken)
    }
}

impl fmt::Debug for Saver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saver").field("newest", &self.newest()).finish_non_exhaustive()
    }
}
