//! The batch log: which commits are retained.
//!
//! The commits themselves are frames of the log, and are found there by their sequence (`log/commit_search.rs`); here are
//! only the two ends. Invariants: the floor never moves back; a commit is counted in before it is published.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::log::commit_search::CommitPlace;
use crate::numbers::Sequence;
use crate::seams::lock::{Mutex, MutexGuard};

/// The ends of the batch log.
#[derive(Debug)]
pub(crate) struct BatchLog {
    /// The oldest retained commit, or the next one to come.
    floor: AtomicU64,
    /// The next commit to come.
    next: AtomicU64,
    /// Where the oldest retained commit was found to stand. Held while the floor is moved by what stands there.
    oldest: Mutex<Option<CommitPlace>>,
}

impl BatchLog {
    /// The commits from `floor` up to `next`, the next one to come.
    pub(crate) fn new(floor: Sequence, next: Sequence) -> Self {
        Self {
            floor: AtomicU64::new(floor.0),
            next: AtomicU64::new(next.0.max(floor.0)),
            oldest: Mutex::default(),
        }
    }

    /// Counts in the commit `sequence`; it follows the one counted last.
    pub(crate) fn push(&self, sequence: Sequence) {
        debug_assert_eq!(self.next(), sequence, "no hole in the batch log");
        self.next.store(sequence.next().0, Ordering::Release);
    }

    /// The next commit to come.
    pub(crate) fn next(&self) -> Sequence {
        Sequence(self.next.load(Ordering::Acquire))
    }

    /// The oldest retained commit, or the next one to come.
    pub(crate) fn oldest_or_next(&self) -> Sequence {
        Sequence(self.floor.load(Ordering::Acquire))
    }

    /// The oldest retained commit, if it was published.
    pub(crate) fn oldest(&self, published: Sequence) -> Option<Sequence> {
        let floor = self.oldest_or_next();
        (self.retains(floor) && floor <= published).then_some(floor)
    }

    /// Whether a commit is retained.
    pub(crate) fn retains(&self, sequence: Sequence) -> bool {
        sequence >= self.oldest_or_next() && sequence < self.next()
    }

    /// Gives up the commits before `floor`.
    pub(crate) fn prune(&self, floor: Sequence) {
        self.floor.fetch_max(floor.0.min(self.next().0), Ordering::AcqRel);
    }

    /// Gives up all but the newest `count`.
    pub(crate) fn keep_newest(&self, count: u64) {
        self.prune(Sequence(self.next().0.saturating_sub(count)));
    }

    /// Where the oldest retained commit was last found, for whoever moves the floor.
    pub(crate) fn oldest_place(&self) -> MutexGuard<'_, Option<CommitPlace>> {
        self.oldest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
