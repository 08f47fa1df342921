//! Readers that live long: snapshots, half-read ranges and values held while the store goes on.

use std::collections::VecDeque;

use pentad_engine::{Range, Sequence, Snapshot, Store, Value};

use super::check::{borrowed, rows};
use super::model::State;
use super::request::Bytes;
use super::world::World;

/// A reader, and what it has to go on seeing.
#[derive(Debug)]
pub(crate) enum View {
    Snapshot { snapshot: Snapshot, sequence: u64, state: Box<State>, now: u64 },
    Range { range: Box<Range>, rest: VecDeque<(Vec<u8>, Bytes)> },
    Value { value: Value, expected: Bytes },
}

impl View {
    pub(crate) fn snapshot(store: &Store, sequence: u64, state: &State) -> pentad_engine::Result<Self> {
        let snapshot = store.snapshot()?;
        Ok(Self::Snapshot { snapshot, sequence, state: Box::new(state.clone()), now: store.now().0 })
    }

    /// The store as of an older commit.
    pub(crate) fn at(store: &Store, sequence: u64, state: &State) -> pentad_engine::Result<Self> {
        let snapshot = store.at(Sequence(sequence))?;
        let now = snapshot.time().0;
        Ok(Self::Snapshot { snapshot, sequence, state: Box::new(state.clone()), now })
    }

    /// A range from which `taken` rows are read, alternately from its ends.
    pub(crate) fn range(store: &Store, state: &State, taken: usize) -> Self {
        let now = store.now().0;
        let rest = state.rows(now).map(|(key, entry)| (key.clone(), entry.value.clone())).collect();
        let mut view = Self::Range { range: Box::new(store.range::<&[u8]>(..)), rest };
        for at in 0..taken {
            view.read_row(at % 2 == 0, "a range just begun");
        }
        view
    }

    fn read_row(&mut self, front: bool, context: &str) {
        let Self::Range { range, rest } = self else { return };
        let (row, expected) =
            if front { (range.next(), rest.pop_front()) } else { (range.next_back(), rest.pop_back()) };
        let row = row.map(|row| row.unwrap_or_else(|error| panic!("{context}: row: {error}")));
        let seen = row.as_ref().map(|(key, value)| (&key[..], &value[..]));
        let expected = expected.as_ref().map(|(key, value)| (&key[..], &value[..]));
        assert_eq!(seen, expected, "{context}: a range held over other operations");
    }

    /// Compares the view with what it saw when it was made. `open`: the store is; of a closed one, only values that
    /// are held are promised to be there.
    pub(crate) fn check(&mut self, open: bool, context: &str) {
        match self {
            Self::Value { value, expected } => {
                assert_eq!(value[..], expected[..], "{context}: a value held over other operations");
            }
            _ if !open => {}
            Self::Range { .. } => {
                self.read_row(true, context);
                self.read_row(false, context);
            }
            Self::Snapshot { snapshot, sequence, state, now } => {
                assert_eq!(snapshot.sequence().0, *sequence, "{context}: sequence of a snapshot");
                let model: Vec<_> =
                    state.rows(*now).map(|(key, entry)| (&key[..], &entry.value[..])).collect();
                let seen = rows(snapshot.range::<&[u8]>(..), context);
                assert_eq!(borrowed(&seen), model, "{context}: rows of the snapshot at {sequence}");
                for key in state.keyed.keys() {
                    let value =
                        snapshot.get(key).unwrap_or_else(|error| panic!("{context}: snapshot: {error}"));
                    let expected = state.get(key, *now).map(|entry| &entry.value[..]);
                    assert_eq!(
                        value.as_deref(),
                        expected,
                        "{context}: {key:?} in the snapshot at {sequence}"
                    );
                }
            }
        }
    }
}

impl World {
    /// Compares every reader that is held, and has the followers catch up.
    pub(crate) fn check_views(&mut self) {
        let context = self.context();
        let faults = self.disk.take_faults();
        if let Some(store) = &self.store {
            self.followers.iter_mut().for_each(|follower| follower.follow(store, &self.past, &context));
        }
        for view in &mut self.views {
            view.check(true, &context);
        }
        faults.into_iter().for_each(|fault| self.disk.inject(fault));
    }
}
