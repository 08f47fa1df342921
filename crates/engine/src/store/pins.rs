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
    /// How often each view is pinned, and since when.
    views: BTreeMap<Pinned, (usize, Timestamp)>,
    /// How many pins these are in all.
    count: u64,
    /// The first commit of the history, or of the next one; never moves back.
    begin: Sequence,
    /// The view before it; `None` while there is no history.
    before: Option<View>,
}

impl Held {
    fn pin(&mut self, view: View, now: Timestamp) {
        self.views.entry((view.sequence, view.tail, view.time)).or_insert((0, now)).0 += 1;
        self.count += 1;
    }
}

impl Pins {
    /// Nothing pinned, and no history before the commit `begin`.
    pub(crate) fn new(begin: Sequence) -> Self {
        Self { held: Mutex::new(Held { views: BTreeMap::new(), count: 0, begin, before: None }) }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pins the view that `now` gives.
    pub(crate) fn pin(&self, now: impl FnOnce() -> View) -> View {
        let mut held = self.held();
        let view = now();
        held.pin(view, view.time);
        view
    }

    /// Pins a view of the past at the time `now`, unless it is older than the history.
    pub(crate) fn pin_within(&self, view: View, now: Timestamp) -> bool {
        let mut held = self.held();
        let is_within = held.before.is_some_and(|before| {
            before.sequence <= view.sequence && before.tail <= view.tail && before.time <= view.time
        });
        if is_within {
            held.pin(view, now);
        }
        is_within
    }

    /// Pins a view once more that is pinned already.
    pub(crate) fn repeat(&self, view: View) {
        self.held().pin(view, view.time);
    }

    /// Lets the history begin with the commit behind this view, unless it begins later.
    pub(crate) fn begin_history(&self, before: View) {
        let mut held = self.held();
        let begin = before.sequence.next();
        if begin >= held.begin {
            held.begin = begin;
            held.before = Some(before);
        }
    }

    /// Gives the history up; another one may begin with the commit `next`.
    pub(crate) fn end_history(&self, next: Sequence) {
        let mut held = self.held();
        held.begin = held.begin.max(next);
        held.before = None;
    }

    /// The first commit of the history or, where there is none, the first that the next one may begin with.
    pub(crate) fn history_begin(&self) -> Sequence {
        self.held().begin
    }

    /// Gives a pinned view back.
    pub(crate) fn unpin(&self, view: View) {
        let mut held = self.held();
        let key = (view.sequence, view.tail, view.time);
        let held = &mut *held;
        if let Some((count, _)) = held.views.get_mut(&key) {
            *count -= 1;
            held.count -= 1;
            if *count == 0 {
                held.views.remove(&key);
            }
        }
    }

    /// The oldest view in use: pinned, the one before the history, or what `now` gives. Sequence, tail and time are the least of
    /// all, each on its own.
    pub(crate) fn horizon(&self, now: impl FnOnce() -> View) -> View {
        let held = self.held();
        let now = now();
        let view = |(sequence, tail, time): &Pinned| View { sequence: *sequence, tail: *tail, time: *time };
        // Sequences and tails are in one order; times are not, as those of older commits are pinned late.
        let oldest = held.views.keys().next().map(view);
        let time = held.views.keys().map(|(.., time)| *time).min().map(|time| View { time, ..now });
        let before = held.before.filter(|_| !planted(Bug::HistoryNotHeld));
        [oldest, time, before].into_iter().flatten().fold(now, |least, view| View {
            sequence: least.sequence.min(view.sequence),
            tail: least.tail.min(view.tail),
            time: least.time.min(view.time),
        })
    }

    /// How many pins there are.
    pub(crate) fn count(&self) -> u64 {
        self.held().count
    }

    /// The oldest pinned commit, and since when the first of its pins is there.
    pub(crate) fn oldest(&self) -> Option<(Sequence, Timestamp)> {
        let held = self.held();
        held.views.first_key_value().map(|((sequence, ..), (_, since))| (*sequence, *since))
    }

    /// The commit before the history, if there is one.
    pub(crate) fn history(&self) -> Option<Sequence> {
        self.held().before.map(|before| before.sequence)
    }
}

#[cfg(all(test, loom))]
#[path = "pins_tests.rs"]
mod tests;
