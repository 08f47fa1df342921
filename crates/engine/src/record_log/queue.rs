//! The queue: a state that calls change, and what they leave to be done, in one order.
//!
//! Invariants: what is done was asked for under the lock under which the state was changed, so both have the same order; one
//! thread at a time works, and takes all that is waiting; it is served by a thread of its own or by whoever comes.

use std::sync::PoisonError;
use std::time::Duration;

use crate::seams::sync::{Condvar, Mutex, MutexGuard};

/// How soon what is not urgent is done.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// See the module.
#[derive(Debug)]
pub(super) struct Queue<S, T> {
    inner: Mutex<Inner<S, T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inner<S, T> {
    state: S,
    waiting: Vec<T>,
    /// Something that waits must not wait for the next tick.
    urgent: bool,
    /// The thread looks again after a tick by itself, so only what is urgent has to wake it.
    ticking: bool,
    /// Somebody works.
    busy: bool,
    /// How many hold back what is waiting, so that it is done together.
    holders: u32,
    closed: bool,
}

/// What a worker took, until he is done with it.
struct Busy<'q, S, T>(&'q Queue<S, T>);

impl<S, T> Drop for Busy<'_, S, T> {
    fn drop(&mut self) {
        self.0.lock().busy = false;
    }
}

impl<S, T> Queue<S, T> {
    pub(super) fn new(state: S) -> Self {
        let inner = Inner {
            state,
            waiting: Vec::new(),
            urgent: false,
            ticking: false,
            busy: false,
            holders: 0,
            closed: false,
        };
        Self { inner: Mutex::new(inner), changed: Condvar::new() }
    }

    /// Looks at the state or changes it, with nothing to be done.
    pub(super) fn with<R>(&self, look: impl FnOnce(&mut S) -> R) -> R {
        look(&mut self.lock().state)
    }

    /// Changes the state and adds what is to be done.
    pub(super) fn submit<R>(&self, urgent: bool, ask: impl FnOnce(&mut S, &mut Vec<T>) -> R) -> R {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let before = inner.waiting.len();
        let result = ask(&mut inner.state, &mut inner.waiting);
        let added = inner.waiting.len() > before;
        let wake = added && ((urgent && !inner.urgent) || (before == 0 && !inner.ticking));
        inner.urgent |= added && urgent;
        drop(guard);
        if wake {
            self.changed.notify_one();
        }
        result
    }

    /// From now on what is asked for waits, until as many calls of [`Queue::release`].
    pub(super) fn hold(&self) {
        self.lock().holders += 1;
    }

    /// Lets go what waits.
    pub(super) fn release(&self) {
        self.lock().holders -= 1;
        self.changed.notify_one();
    }

    /// Does what is waiting on this thread, unless another one, or this one further up, is at it: that one goes on until nothing
    /// is left.
    pub(super) fn work_here(&self, mut work: impl FnMut(Vec<T>)) {
        loop {
            let mut guard = self.lock();
            let ready = !guard.waiting.is_empty() && (guard.holders == 0 || guard.closed);
            if guard.busy || !ready {
                return;
            }
            let taken = take(&mut guard);
            drop(guard);
            let _busy = Busy(self);
            work(taken);
        }
    }

    /// Does what is asked for until the queue is closed and empty. `idle` is called when nothing came for a tick after something
    /// was done.
    pub(super) fn serve(&self, mut work: impl FnMut(Vec<T>), mut idle: impl FnMut()) {
        let mut settled = false;
        let mut guard = self.lock();
        loop {
            let waits = !guard.waiting.is_empty() && (guard.holders == 0 || guard.closed);
            if waits && (guard.urgent || guard.closed) {
                let taken = take(&mut guard);
                drop(guard);
                let busy = Busy(self);
                work(taken);
                drop(busy);
                settled = false;
                guard = self.lock();
            } else if guard.closed {
                return;
            } else if settled && guard.waiting.is_empty() {
                guard = self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
            } else {
                guard.ticking = true;
                let waited = self.changed.wait_timeout(guard, TICK);
                let timeout;
                (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                guard.ticking = false;
                if timeout.timed_out() {
                    if guard.waiting.is_empty() {
                        settled = true;
                        drop(guard);
                        idle();
                        guard = self.lock();
                    } else {
                        guard.urgent = true;
                    }
                }
            }
        }
    }

    /// What waits is done, held back or not; then [`Queue::serve`] returns.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Takes away what is waiting, for someone who will not have it done.
    pub(super) fn abandon(&self) -> Vec<T> {
        std::mem::take(&mut self.lock().waiting)
    }

    fn lock(&self) -> MutexGuard<'_, Inner<S, T>> {
        // Changes of the state are short and do not panic; what panics is the work, outside.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take<S, T>(inner: &mut Inner<S, T>) -> Vec<T> {
    inner.urgent = false;
    inner.busy = true;
    std::mem::take(&mut inner.waiting)
}

#[cfg(all(test, loom))]
#[path = "queue_models.rs"]
mod models;
