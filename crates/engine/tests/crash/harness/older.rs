//! Reading the store as it was: every sequence within the history is the model's state of that commit, and no other is to
//! be had.

use pentad_engine::{ErrorKind, Sequence, Store};

use super::check::{borrowed, rows};
use super::history::History;
use super::model::State;

/// How many of the older sequences are compared, besides the oldest and the newest.
const SOME: u64 = 3;

/// The history reaches back as far as the batch log, and is true.
pub(crate) fn check_older(store: &Store, past: &History, context: &str) {
    let newest = past.sequence();
    let oldest = store.oldest_readable();
    // An open from a checkpoint begins a history of its own.
    let next = Sequence(newest + 1);
    let [from, kept] = [oldest, store.oldest_batch()].map(|oldest| oldest.unwrap_or(next));
    assert!(from >= kept, "{context}: {from} can be read, {kept} is kept");
    let begin = oldest.map_or(newest + 1, |oldest| oldest.0);
    for sequence in [begin - 1, newest + 1] {
        let error = store.at(Sequence(sequence)).expect_err("not within the history");
        assert_eq!(error.kind(), ErrorKind::NotRetained, "{context}: at {sequence}: {error}");
    }
    let step = (newest + 1 - begin) / SOME + 1;
    for sequence in (begin..=newest).rev().step_by(usize::try_from(step).expect("few commits")) {
        check_at(store, sequence, state_at(past, sequence), context);
    }
    if begin <= newest {
        check_at(store, begin, state_at(past, begin), context);
    }
}

/// The state after a commit.
pub(crate) fn state_at(past: &History, sequence: u64) -> &State {
    &past.commits[usize::try_from(sequence - 1).expect("few commits")].state
}

fn check_at(store: &Store, sequence: u64, state: &State, context: &str) {
    let context = format!("{context}, as of {sequence}");
    let view = store.at(Sequence(sequence)).unwrap_or_else(|error| panic!("{context}: {error}"));
    let now = view.time().0;
    let model: Vec<_> = state.rows(now).map(|(key, entry)| (&key[..], &entry.value[..])).collect();
    let seen = rows(view.range::<&[u8]>(..), &context);
    assert_eq!(borrowed(&seen), model, "{context}: rows");
    let mut seen = rows(view.range::<&[u8]>(..).rev(), &context);
    seen.reverse();
    assert_eq!(borrowed(&seen), model, "{context}: rows from the back");
    for key in state.keyed.keys() {
        let value = view.get(key).unwrap_or_else(|error| panic!("{context}: {key:?}: {error}"));
        let expected = state.get(key, now).map(|entry| &entry.value[..]);
        assert_eq!(value.as_deref(), expected, "{context}: {key:?}");
    }
    for hash in state.hashed.keys() {
        let value = view.get_hashed(*hash).unwrap_or_else(|error| panic!("{context}: {hash}: {error}"));
        let expected = state.get_hashed(*hash, now).map(|entry| &entry.value[..]);
        assert_eq!(value.as_deref(), expected, "{context}: hash {hash}");
    }
}
