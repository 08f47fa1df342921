//! The index of a store that is opened.

use super::fake_log::FakeLog;
use super::store::{DELETE, NOTHING, PLAIN, Store, crowded_keys, hash_of, keyed, names, until};
use crate::index::{Index, KeyPiece, Met, Space};
use crate::numbers::{Sequence, Timestamp};

/// What a walk over the log meets, begun at its `first` entry.
fn met(log: &FakeLog, first: usize) -> Vec<Met> {
    let mut all = log.all();
    all.rotate_left(first);
    let met = all.iter().map(|(address, stored)| Met {
        address: *address,
        sequence: stored.rank.0,
        hash: hash_of(stored.space, &stored.key),
        piece: KeyPiece::of(&stored.key),
        ordinal: stored.rank.1,
        space: stored.space,
    });
    met.collect()
}

/// Opens the store again; returns the names of what is kept.
fn reopen(store: &mut Store, first: usize, now: u64) -> Vec<u64> {
    reopen_to(store, first, (u64::MAX, now))
}

/// The same, for views at a commit and later.
fn reopen_to(store: &mut Store, first: usize, (oldest, now): (u64, u64)) -> Vec<u64> {
    let (log, met) = (store.log.clone(), met(&store.log, first));
    let until = (Sequence(oldest), Timestamp(now));
    names(|kept| store.index = Index::rebuild(7, log, met, until, kept))
}

#[test]
fn a_rebuild_keeps_the_newest_of_each_key_whatever_the_order() {
    let mut store = Store::default();
    store.write(&[keyed(b"kept", PLAIN), keyed(b"deleted", PLAIN)]);
    let [kept] = store.write(&[keyed(b"kept", PLAIN)])[..] else { panic!("one entry, one version") };
    store.write(&[keyed(b"deleted", DELETE)]);
    store.write(&[keyed(b"twice in a commit", DELETE), keyed(b"twice in a commit", PLAIN)]);
    store.write(&[keyed(b"expired", until(100)), (Space::Hashes, b"deleted!", PLAIN)]);
    // A crash in the middle of a compaction leaves an entry twice.
    store.log.copy(kept.address, store.log.compacted_segment());
    for first in 0..9 {
        assert_eq!(reopen(&mut store, first, 100), [3, 6, 7, 8]);
        assert_eq!(store.index.len(Timestamp(100)), 3, "what has expired is not counted");
        let rows = store.rows(5, 100, crate::index::Direction::Forward);
        assert_eq!(rows, [&b"kept"[..], b"twice in a commit"]);
        let found =
            [&b"kept"[..], b"deleted", b"twice in a commit", b"expired"].map(|key| store.get(key, 5, 100));
        assert_eq!(found, [Some(3), None, Some(6), None]);
        let hash = u64::from_be_bytes(*b"deleted!");
        assert_eq!(store.index.get_hash_only(hash, store.view(5, 100)).map(|found| found.bytes), Some(8));
        assert_eq!(store.collect(5, 100), [7], "the expired one goes with the first collection");
    }
}

#[test]
fn a_rebuild_keeps_what_views_at_an_older_commit_see() {
    let mut store = Store::default();
    store.write(&[keyed(b"a", PLAIN), keyed(b"b", PLAIN), keyed(b"c", DELETE)]); // 1, 2, 3
    store.write(&[keyed(b"a", PLAIN), keyed(b"b", DELETE)]); // 4, 5
    store.write(&[keyed(b"a", DELETE), keyed(b"a", PLAIN), keyed(b"b", PLAIN)]); // 6, 7, 8
    store.write(&[keyed(b"a", DELETE), keyed(b"c", PLAIN)]); // 9, 10
    for first in 0..10 {
        assert_eq!(reopen_to(&mut store, first, (2, 0)), [4, 7, 8, 9, 10]);
        let seen = |key: &[u8]| [2, 3, 4].map(|at| store.get(key, at, 0));
        assert_eq!(seen(b"a"), [Some(4), Some(7), None]);
        assert_eq!(seen(b"b"), [None, Some(8), Some(8)]);
        assert_eq!(seen(b"c"), [None, None, Some(10)]);
        assert_eq!(store.index.len(Timestamp(0)), 2);
        assert_eq!(store.collect(2, 0), NOTHING);
        assert_eq!(store.collect(3, 0), [4]);
        assert_eq!(store.collect(4, 0), [7, 9]);
    }
    assert_eq!(
        reopen_to(&mut store, 0, (0, 0)),
        [1, 2, 3, 4, 5, 7, 8, 9, 10],
        "one that a commit replaces itself is never seen"
    );
}

#[test]
fn f15_a_rebuild_finds_a_crowd_and_the_newest_of_it() {
    let mut store = Store::default();
    let keys = crowded_keys(100);
    // Written in this order, the newest is neither the first nor the last in key order.
    for key in keys[50..].iter().chain(&keys[..50]) {
        store.write(&[keyed(key, PLAIN)]);
    }
    let newest = |store: &Store| {
        let found = store.index.newest_with_hash(super::store::crowded_hash(), store.view(100, 0));
        found.map(|(_, key, _)| key.to_vec())
    };
    let before = newest(&store);
    assert_eq!(before.as_ref(), Some(&keys[49]));
    for first in [0, 33, 99] {
        reopen(&mut store, first, 0);
        assert_eq!(newest(&store), before);
        assert!(keys.iter().all(|key| store.get(key, 100, 0).is_some()));
        assert_eq!(store.index.len(Timestamp(0)), 100);
    }
}
