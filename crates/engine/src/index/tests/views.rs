//! The published end of the log and the views in use, as the store keeps them: a view is registered under the lock under
//! which the horizon is taken.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::index::View;
use crate::numbers::{LogOffset, Sequence, Timestamp};

/// See the module. Time goes with the sequence.
#[derive(Debug, Default)]
pub(super) struct Views(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    published: View,
    pins: BTreeMap<u64, (View, u64)>,
}

impl Views {
    pub(super) fn publish(&self, sequence: u64, tail: LogOffset) {
        let view = View { sequence: Sequence(sequence), tail, time: Timestamp(sequence) };
        self.0.lock().unwrap().published = view;
    }

    pub(super) fn published(&self) -> View {
        self.0.lock().unwrap().published
    }

    pub(super) fn pin(&self) -> View {
        let mut state = self.0.lock().unwrap();
        let view = state.published;
        state.pins.entry(view.sequence.0).or_insert((view, 0)).1 += 1;
        view
    }

    pub(super) fn unpin(&self, view: View) {
        let mut state = self.0.lock().unwrap();
        let (_, count) = state.pins.get_mut(&view.sequence.0).expect("it was pinned");
        *count -= 1;
        if *count == 0 {
            state.pins.remove(&view.sequence.0);
        }
    }

    pub(super) fn horizon(&self) -> View {
        let state = self.0.lock().unwrap();
        state.pins.values().next().map_or(state.published, |(oldest, _)| *oldest)
    }
}
