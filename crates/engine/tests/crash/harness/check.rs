//! Comparing all that a store shows with what the model says.
//!
//! Every function panics at the first difference, with the words of `context` in front.

use std::ops::Bound;

use pentad_engine::seams::sim::Rng;
use pentad_engine::{Sequence, Store, Timestamp, key_hash};

use super::history::History;
use super::model::State;
use super::older::check_older;
use super::request::{Change, Request};

/// Everything: points, ranges both ways, sizes, batch log.
pub(crate) fn check_all(store: &Store, past: &History, window: u64, probes: &[Vec<u8>], context: &str) {
    let now = store.now().0;
    assert_eq!(store.sequence().0, past.sequence(), "{context}: sequence");
    check_points(store, past.state(), now, probes, context);
    check_ranges(store, past.state(), now, context);
    check_batches(store, past, window, context);
    check_older(store, past, context);
}

/// Every key by itself, also the absent ones among `probes`, and the hash-only entries.
pub(crate) fn check_points(store: &Store, state: &State, now: u64, probes: &[Vec<u8>], context: &str) {
    for key in state.keyed.keys().chain(probes) {
        let shown = pentad_engine::escape_key(key);
        let expected = state.get(key, now);
        let value = store.get(key).unwrap_or_else(|error| panic!("{context}: get {shown}: {error}"));
        assert_eq!(value.as_deref(), expected.map(|entry| &entry.value[..]), "{context}: value of {shown}");
        assert_eq!(store.contains_key(key).unwrap(), expected.is_some(), "{context}: presence of {shown}");
        let info = store.entry_info(key).unwrap();
        let lineage = info.map(|info| (info.created.map(|created| created.0), info.versions));
        let told = info.map(|info| (info.sequence, info.length, info.deadline, info.key_hash));
        let model = expected.map(|entry| {
            let deadline = entry.deadline.map(Timestamp);
            (Sequence(entry.stamp.0), entry.value.len() as u64, deadline, key_hash(key))
        });
        assert_eq!(told, model, "{context}: sequence, length, deadline, hash of {shown}");
        let model = expected.map(|entry| (Some(entry.lineage.0), Some(entry.lineage.1)));
        assert_eq!(lineage, model, "{context}: creation and number of versions of {shown}");
        let hash = key_hash(key);
        let either = expected.or(state.get_hash_only(hash, now));
        let value = store.get_with_hashed(key).unwrap();
        let model = either.map(|entry| &entry.value[..]);
        assert_eq!(value.as_deref(), model, "{context}: value of {shown} or its hash");
        check_hash(store, state, now, hash, context);
    }
    for &hash in state.hashed.keys() {
        check_hash(store, state, now, hash, context);
    }
    let keys: Vec<&Vec<u8>> = state.keyed.keys().chain(probes).collect();
    let many = store.get_many(&keys).unwrap();
    for (key, value) in keys.iter().zip(&many) {
        let expected = state.get(key, now).map(|entry| &entry.value[..]);
        let shown = pentad_engine::escape_key(key);
        assert_eq!(value.as_deref(), expected, "{context}: value of {shown} among many");
    }
    assert_eq!(many.len(), keys.len(), "{context}: answers to get_many");
    assert_eq!(store.len(), state.len(now), "{context}: len");
    let last = store.last_entry().unwrap();
    assert_eq!(last.as_deref(), state.last(now).map(|entry| &entry.value[..]), "{context}: last entry");
}

fn check_hash(store: &Store, state: &State, now: u64, hash: u64, context: &str) {
    let expected = state.get_hashed(hash, now).map(|entry| &entry.value[..]);
    let value = store.get_hashed(hash).unwrap();
    assert_eq!(value.as_deref(), expected, "{context}: newest value under hash {hash:016x}");
    assert_eq!(store.contains_hash(hash).unwrap(), expected.is_some(), "{context}: hash {hash:016x}");
}

/// The whole keyspace, both ways.
pub(crate) fn check_ranges(store: &Store, state: &State, now: u64, context: &str) {
    let model: Vec<_> = state.rows(now).map(|(key, entry)| (&key[..], &entry.value[..])).collect();
    let seen = rows(store.range::<&[u8]>(..), context);
    assert_eq!(borrowed(&seen), model, "{context}: rows");
    let mut seen = rows(store.range::<&[u8]>(..).rev(), context);
    seen.reverse();
    assert_eq!(borrowed(&seen), model, "{context}: rows from the back");
}

/// A random part of the keyspace, from a random end.
pub(crate) fn check_some_range(store: &Store, state: &State, keys: &[Vec<u8>], rng: &mut Rng, context: &str) {
    let now = store.now().0;
    let mut bound = || {
        let key = keys[rng.index(keys.len())].clone();
        match rng.below(4) {
            0 => Bound::Unbounded,
            1 => Bound::Excluded(key),
            _ => Bound::Included(key),
        }
    };
    let bounds = (bound(), bound());
    let within = |key: &[u8]| {
        let after = match &bounds.0 {
            Bound::Unbounded => true,
            Bound::Included(start) => key >= &start[..],
            Bound::Excluded(start) => key > &start[..],
        };
        after
            && match &bounds.1 {
                Bound::Unbounded => true,
                Bound::Included(end) => key <= &end[..],
                Bound::Excluded(end) => key < &end[..],
            }
    };
    let live = state.rows(now).filter(|(key, _)| within(key));
    let mut model: Vec<_> = live.map(|(key, entry)| (&key[..], &entry.value[..])).collect();
    let range = store.range(bounds.clone());
    let seen = if rng.chance(500) {
        model.reverse();
        rows(range.rev(), context)
    } else {
        rows(range, context)
    };
    assert_eq!(borrowed(&seen), model, "{context}: rows within {bounds:?}");
    let prefix = &keys[rng.index(keys.len())];
    let live = state.rows(now).filter(|(key, _)| key.starts_with(prefix));
    let model: Vec<_> = live.map(|(key, entry)| (&key[..], &entry.value[..])).collect();
    let seen = rows(store.prefix(prefix), context);
    assert_eq!(borrowed(&seen), model, "{context}: rows with prefix {prefix:?}");
}

/// The batch log: everything that is owed, and nothing else.
pub(crate) fn check_batches(store: &Store, past: &History, window: u64, context: &str) {
    let owed = past.oldest_owed(window);
    let last = past.sequence();
    for sequence in 0..=last + 1 {
        let batch = store
            .batch(Sequence(sequence))
            .unwrap_or_else(|error| panic!("{context}: batch {sequence}: {error}"));
        let retained = sequence >= past.floor.max(1) && sequence <= last;
        match batch {
            None => assert!(!retained || sequence < owed, "{context}: batch {sequence} is missing"),
            Some(pairs) => {
                assert!(retained, "{context}: batch {sequence} is there; {} to {last} are", past.floor);
                let seen: Vec<_> = pairs.iter().map(|(key, value)| (&key[..], &value[..])).collect();
                let commit = &past.commits[usize::try_from(sequence - 1).unwrap()];
                let model: Vec<_> = commit.pairs.iter().map(|(key, value)| (&key[..], &value[..])).collect();
                assert_eq!(seen, model, "{context}: batch {sequence}");
            }
        }
    }
    let oldest = store.oldest_batch().map(|sequence| sequence.0);
    match oldest {
        None => assert!(owed > last, "{context}: no oldest batch, but {owed} is owed"),
        Some(oldest) => {
            assert!(oldest <= owed && oldest >= past.floor, "{context}: oldest batch {oldest}, owed {owed}");
            check_commits(store, past, oldest, context);
        }
    }
}

/// The same log as tools read it.
fn check_commits(store: &Store, past: &History, oldest: u64, context: &str) {
    let mut next = oldest;
    let mut time = Timestamp(0);
    for record in store.commits(Sequence(oldest)).unwrap() {
        let record = record.unwrap_or_else(|error| panic!("{context}: commit {next}: {error}"));
        assert_eq!(record.sequence.0, next, "{context}: the next commit");
        assert!(record.time >= time, "{context}: commit {next} is before the one before it");
        let put = record.changes.iter().filter_map(|(key, value)| Some((&key[..], value.as_deref()?)));
        let commit = &past.commits[usize::try_from(next - 1).unwrap()];
        let model = commit.pairs.iter().map(|(key, value)| (&key[..], &value[..]));
        assert!(put.eq(model), "{context}: changes of commit {next}: {:?}", record.changes);
        time = record.time;
        next += 1;
    }
    assert_eq!(next, past.sequence() + 1, "{context}: the commits end early");
    assert!(time <= store.now(), "{context}: a commit from the future");
}

/// Nothing in the files is damaged.
pub(crate) fn check_sound(store: &Store, context: &str) {
    let report = store.verify(&mut |_| {}).unwrap_or_else(|error| panic!("{context}: verify: {error}"));
    assert!(report.damage.is_empty(), "{context}: verify found {:?}", report.damage);
    assert_eq!(report.torn_tail, None, "{context}: an open store has no torn tail");
}

type Rows = Vec<(bytes::Bytes, pentad_engine::Value)>;

pub(crate) fn rows(
    range: impl Iterator<Item = pentad_engine::Result<(bytes::Bytes, pentad_engine::Value)>>,
    context: &str,
) -> Rows {
    range.map(|row| row.unwrap_or_else(|error| panic!("{context}: row: {error}"))).collect()
}

pub(crate) fn borrowed(rows: &Rows) -> Vec<(&[u8], &[u8])> {
    rows.iter().map(|(key, value)| (&key[..], &value[..])).collect()
}

/// The keys of a request right after it.
pub(crate) fn check_touched(store: &Store, state: &State, request: &Request, context: &str) {
    let now = store.now().0;
    for change in &request.changes {
        let keys = match change {
            Change::Put { key, .. }
            | Change::PutStreamed { key, .. }
            | Change::Delete { key }
            | Change::DeleteWithHashed { key }
            | Change::Increment { key, .. } => vec![key],
            Change::Rename { from, to } => vec![from, to],
            Change::PutHashed { .. } | Change::DeleteHashed { .. } => vec![],
        };
        for key in keys {
            let seen = store.get(key).unwrap_or_else(|error| panic!("{context}: get: {error}"));
            let expected = state.get(key, now).map(|entry| &entry.value[..]);
            assert_eq!(seen.as_deref(), expected, "{context}: {key:?} right after {request:?}");
        }
    }
}
