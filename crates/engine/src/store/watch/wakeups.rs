//! Waking those who wait for the next commit.
//!
//! Invariants: who registered before a commit was published is woken after it, or sees the commit when he looks once more. A
//! writer only rings a bell, and only if somebody waits; the waking is done by a thread of its own, so that the number of
//! those who wait costs the writer nothing. Loom checks it in `wakeups_tests.rs`.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::task::Waker;
use std::time::Duration;

use crate::commit::queue::wake_all as wake;
use crate::seams::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::seams::sync::{Condvar, Mutex, MutexGuard};

/// See the module.
#[derive(Debug)]
pub(crate) struct Wakeups {
    /// How many watches there are.
    watches: AtomicU64,
    /// How many wait: threads, and tasks that left a waker.
    waiting: AtomicU64,
    waiters: Mutex<Waiters>,
    /// For the threads among them.
    changed: Condvar,
    /// A thread wakes; without one, whoever rings does.
    has_thread: AtomicBool,
    bell: Mutex<Bell>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct Waiters {
    /// By watch.
    wakers: HashMap<u64, Waker>,
    next: u64,
}

#[derive(Debug, Default)]
struct Bell {
    is_rung: bool,
    is_stopped: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Wakeups {
    fn default() -> Self {
        Self {
            watches: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            waiters: Mutex::new(Waiters::default()),
            changed: Condvar::new(),
            has_thread: AtomicBool::new(false),
            bell: Mutex::new(Bell::default()),
            rung: Condvar::new(),
        }
    }
}

impl Wakeups {
    /// Whether there is a watch.
    pub(crate) fn are_watched(&self) -> bool {
        self.watches.load(Ordering::Acquire) > 0
    }

    /// Counts a watch in, and calls `first` if it is the only one; returns its number.
    pub(super) fn join(&self, first: impl FnOnce()) -> u64 {
        let mut waiters = lock(&self.waiters);
        waiters.next += 1;
        if self.watches.fetch_add(1, Ordering::AcqRel) == 0 {
            first();
        }
        waiters.next
    }

    /// Takes leave of a watch, and calls `last` if it was the last one.
    pub(super) fn leave(&self, watch: u64, last: impl FnOnce()) {
        let mut waiters = lock(&self.waiters);
        if waiters.wakers.remove(&watch).is_some() {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
        }
        if self.watches.fetch_sub(1, Ordering::AcqRel) == 1 {
            last();
        }
    }

    /// Waits until somebody is woken, unless `is_ready`; `false` if it took longer than `time`. A wait may end for no reason.
    pub(super) fn wait(&self, is_ready: impl Fn() -> bool, time: Option<Duration>) -> bool {
        let waiters = lock(&self.waiters);
        self.waiting.fetch_add(1, Ordering::AcqRel);
        // Looked at after the count was raised: whoever publishes later sees that somebody waits.
        let in_time = is_ready() || self.wait_with(waiters, time);
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        in_time
    }

    fn wait_with(&self, waiters: MutexGuard<'_, Waiters>, time: Option<Duration>) -> bool {
        let Some(time) = time else {
            drop(self.changed.wait(waiters).unwrap_or_else(PoisonError::into_inner));
            return true;
        };
        let waited = self.changed.wait_timeout(waiters, time);
        let (waiters, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(waiters);
        !timeout.timed_out()
    }

    /// Leaves a waker, in the place of the one that the watch left before. Afterwards it is looked once more whether there is
    /// anything new.
    pub(super) fn register(&self, watch: u64, waker: &Waker) {
        let mut waiters = lock(&self.waiters);
        if waiters.wakers.insert(watch, waker.clone()).is_none() {
            self.waiting.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Says that something was published. Costs next to nothing when nobody waits.
    pub(crate) fn ring(&self) {
        // A read that takes part in the order of the changes: either it sees who waits, or he sees what was published.
        if self.waiting.fetch_add(0, Ordering::AcqRel) == 0 {
            return;
        }
        if !self.has_thread.load(Ordering::Acquire) {
            self.wake_all();
            return;
        }
        let mut bell = lock(&self.bell);
        if !bell.is_rung {
            bell.is_rung = true;
            self.rung.notify_one();
        }
    }

    /// Wakes everybody.
    pub(crate) fn wake_all(&self) {
        let mut waiters = lock(&self.waiters);
        let wakers = std::mem::take(&mut waiters.wakers);
        self.waiting.fetch_sub(wakers.len() as u64, Ordering::AcqRel);
        self.changed.notify_all();
        drop(waiters);
        // A waker is another program's code, and may come back here.
        wake(wakers.into_values());
    }

    /// Claims the work of waking for the calling thread; `false` if another one does it.
    pub(crate) fn claim(&self) -> bool {
        !self.has_thread.swap(true, Ordering::AcqRel)
    }

    /// Gives the work back, because the thread could not be started.
    pub(crate) fn disclaim(&self) {
        self.has_thread.store(false, Ordering::Release);
    }

    /// Wakes whenever the bell is rung, until it is stopped.
    pub(crate) fn serve(&self) {
        loop {
            let mut bell = lock(&self.bell);
            while !bell.is_rung && !bell.is_stopped {
                bell = self.rung.wait(bell).unwrap_or_else(PoisonError::into_inner);
            }
            let is_stopped = bell.is_stopped;
            bell.is_rung = false;
            drop(bell);
            self.wake_all();
            if is_stopped {
                return;
            }
        }
    }

    /// Ends [`Wakeups::serve`], and wakes everybody for the last time.
    pub(crate) fn stop(&self) {
        lock(&self.bell).is_stopped = true;
        self.rung.notify_one();
        self.wake_all();
    }
}

#[cfg(all(test, loom))]
#[path = "wakeups_tests.rs"]
mod tests;
