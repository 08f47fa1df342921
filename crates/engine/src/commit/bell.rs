//! A condition variable that costs no system call while nobody waits.
//!
//! Invariant: whoever rings has held the lock under which others begin to wait since what they wait for came true. So one that did
//! not see it was counted before, and none is missed.

use crate::seams::sync::atomic::{AtomicUsize, Ordering};
use crate::seams::sync::{Condvar, MutexGuard};

/// See the module.
#[derive(Debug)]
pub(super) struct Bell {
    condvar: Condvar,
    /// How many wait. Relaxed: the lock orders it.
    waiting: AtomicUsize,
}

impl Bell {
    pub(super) fn new() -> Self {
        Self { condvar: Condvar::new(), waiting: AtomicUsize::new(0) }
    }

    /// Waits for a ring, or for nothing: look again.
    pub(super) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let guard = self.condvar.wait(guard).unwrap_or_else(std::sync::PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        guard
    }

    /// Wakes one that waits, if there is one.
    pub(super) fn ring(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.condvar.notify_one();
        }
    }

    /// Wakes all that wait.
    pub(super) fn ring_for_all(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.condvar.notify_all();
        }
    }
}
