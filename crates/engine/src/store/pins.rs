//! The views that snapshots and ranges hold, oldest first, and the oldest one that may still be asked for.
//!
//! Invariant: a view is pinned before its sequence can fall behind the horizon, because both are taken under one lock; that
//! goes for an older view within the history as well. Loom checks it in `pins_tests.rs`.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use crate::index::View;
use crate::numbers::{LogOffset, Sequence, Timestamp};
use crate::planted::{Bug, planted};
use crate::seams::sync::{Mutex, MutexGuard};

/// A view in the order of commits; the end of the log grows with the sequence.
type Pinned = (Sequence, LogOffset, Timestamp);

/// The pinned views of a store, and its history.
#[derive(Debug)]
pub(crate) struct Pins {
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    /// How often each view is pinned.
    views: BTreeMap<Pinned, usize>,
    /// Views before this commit cannot be had; never moves back.
    begin: Sequence,
    /// The first view that can be had; `None` while there is no history.
    first: Option<View>,
}

impl Held {
    fn pin(&mut self, view: View) {
        *self.views.entry((view.sequence, view.tail, view.time)).or_default() += 1;
    }
}

impl Pins {
    /// Nothing pinned, and no views to be had before the commit `begin`.
    pub(crate) fn new(begin: Sequence) -> Self {
        Self { held: Mutex::new(Held { views: BTreeMap::new(), begin, first: None }) }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pins the view that `now` gives.
    pub(crate) fn pin(&self, now: impl FnOnce() -> View) -> View {
        let mut held = self.held();
        let view = now();
        held.pin(view);
        view
    }

    /// Pins a view of the past, unless it is older than the history.
    pub(crate) fn pin_within(&self, view: View) -> bool {
        let mut held = self.held();
        let is_within = held.first.is_some_and(|first| first.sequence <= view.sequence);
        if is_within {
            held.pin(view);
        }
        is_within
    }

    /// Pins a view once more that is pinned already.
    pub(crate) fn repeat(&self, view: View) {
        self.held().pin(view);
    }

    /// Lets the history begin with this view, unless it begins later.
    pub(crate) fn begin_history(&self, first: View) {
        let mut held = self.held();
        if first.sequence >= held.begin {
            held.begin = first.sequence;
            held.first = Some(first);
        }
    }

    /// Gives the history up; another one may begin with the commit `next`.
    pub(crate) fn end_history(&self, next: Sequence) {
        let mut held = self.held();
        held.begin = held.begin.max(next);
        held.first = None;
    }

    /// The first commit at which there may be a view to be had, if there is a history or when there will be one.
    pub(crate) fn history_begin(&self) -> Sequence {
        self.held().begin
    }

    pub(crate) fn has_history(&self) -> bool {
        self.held().first.is_some()
    }

    /// Gives a pinned view back.
    pub(crate) fn unpin(&self, view: View) {
        let mut held = self.held();
        let key = (view.sequence, view.tail, view.time);
        if let Some(count) = held.views.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                held.views.remove(&key);
            }
        }
    }

    /// The oldest view in use: pinned, the first of the history, or what `now` gives. Sequence, tail and time are the least of
    /// all, each on its own.
    pub(crate) fn horizon(&self, now: impl FnOnce() -> View) -> View {
        let held = self.held();
        let now = now();
        let view = |(sequence, tail, time): &Pinned| View { sequence: *sequence, tail: *tail, time: *time };
        // Sequences and tails are in one order; times are not, as those of older commits are pinned late.
        let oldest = held.views.keys().next().map(view);
        let time = held.views.keys().map(|(.., time)| *time).min().map(|time| View { time, ..now });
        let first = held.first.filter(|_| !planted(Bug::HistoryNotHeld));
        [oldest, time, first].into_iter().flatten().fold(now, |least, view| View {
            sequence: least.sequence.min(view.sequence),
            tail: least.tail.min(view.tail),
            time: least.time.min(view.time),
        })
    }

    /// How many views are pinned.
    pub(crate) fn count(&self) -> u64 {
        self.held().views.values().map(|&count| count as u64).sum()
    }
}

#[cfg(all(test, loom))]
#[path = "pins_tests.rs"]
mod tests;
