//! The views that snapshots and ranges hold, oldest first.
//!
//! Invariant: a view is pinned before its sequence can fall behind the horizon, because both are taken under one lock. Loom
//! checks it in `pins_tests.rs`.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use crate::index::View;
use crate::numbers::{LogOffset, Sequence, Timestamp};
use crate::seams::sync::{Mutex, MutexGuard};

/// A view in the order of commits; the end of the log grows with the sequence.
type Pinned = (Sequence, LogOffset, Timestamp);

/// The pinned views of a store.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    /// How often each view is pinned.
    views: Mutex<BTreeMap<Pinned, usize>>,
}

impl Pins {
    fn views(&self) -> MutexGuard<'_, BTreeMap<Pinned, usize>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pins the view that `now` gives.
    pub(crate) fn pin(&self, now: impl FnOnce() -> View) -> View {
        let mut views = self.views();
        let view = now();
        *views.entry((view.sequence, view.tail, view.time)).or_default() += 1;
        view
    }

    /// Pins a view once more that is pinned already.
    pub(crate) fn repeat(&self, view: View) {
        *self.views().entry((view.sequence, view.tail, view.time)).or_default() += 1;
    }

    /// Gives a pinned view back.
    pub(crate) fn unpin(&self, view: View) {
        let mut views = self.views();
        let key = (view.sequence, view.tail, view.time);
        if let Some(count) = views.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                views.remove(&key);
            }
        }
    }

    /// The oldest view in use: pinned, or what `now` gives. Sequence, tail and time are the least of all, each on its own.
    pub(crate) fn horizon(&self, now: impl FnOnce() -> View) -> View {
        let views = self.views();
        let now = now();
        let oldest = views.keys().next();
        let sequence = oldest.map_or(now.sequence, |(sequence, ..)| (*sequence).min(now.sequence));
        let tail = oldest.map_or(now.tail, |(_, tail, _)| (*tail).min(now.tail));
        let time = views.keys().map(|(.., time)| *time).min().map_or(now.time, |time| time.min(now.time));
        View { sequence, tail, time }
    }

    /// How many views are pinned.
    pub(crate) fn count(&self) -> u64 {
        self.views().values().map(|&count| count as u64).sum()
    }
}

#[cfg(all(test, loom))]
#[path = "pins_tests.rs"]
mod tests;
