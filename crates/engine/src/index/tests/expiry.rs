//! Entries that end by themselves: when they are not seen any more, counted any more, and dropped.

use super::store::{DELETE, NOTHING, PLAIN, Store, hash_of, key, keyed, until};
use crate::index::{Direction, Space};
use crate::numbers::Timestamp;

#[test]
fn an_expired_entry_covers_what_is_older_before_and_after_collection() {
    let mut store = Store::default();
    store.write(&[keyed(b"k", PLAIN)]);
    store.write(&[keyed(b"k", until(100))]);
    assert_eq!(store.get(b"k", 2, 99), Some(2));
    assert_eq!(store.get(b"k", 2, 100), None);
    assert_eq!(store.collect(1, 100), NOTHING, "a view at 1 still reads the first one");
    assert_eq!(store.get(b"k", 1, 100), Some(1));
    assert_eq!(store.collect(2, 100), [1, 2]);
    assert_eq!(store.get(b"k", 2, 100), None);
    assert_eq!(store.rows(2, 100, Direction::Forward), Vec::<Vec<u8>>::new());
}

#[test]
fn f17_the_count_is_exact_at_every_deadline_though_nobody_touches_the_keys() {
    let mut store = Store::default();
    let keys: Vec<_> = (0..6).map(key).collect();
    let deadlines = [0, 100, 100, 200, u64::MAX];
    let mut commit: Vec<_> = deadlines.iter().zip(&keys).map(|(at, key)| keyed(key, until(*at))).collect();
    commit.push(keyed(&keys[5], PLAIN));
    store.commit(store.view(0, 50), &commit);
    assert_eq!(store.index.len(Timestamp(50)), 5, "a deadline in the past counts for nothing");
    assert_eq!(store.index.len(Timestamp(99)), 5);
    assert_eq!(store.index.reap(Timestamp(100)), 2);
    assert_eq!(store.index.len(Timestamp(100)), 3);
    // A plain write over an expired key and one over a key that would expire later.
    store.commit(store.view(1, 100), &[keyed(&keys[1], PLAIN), keyed(&keys[3], PLAIN)]);
    assert_eq!(store.index.len(Timestamp(100)), 4);
    assert_eq!(
        store.index.len(Timestamp(u64::MAX - 1)),
        4,
        "the old deadlines of the rewritten keys are gone"
    );
    assert_eq!(store.index.reap(Timestamp(u64::MAX)), 1);
    assert_eq!(store.index.len(Timestamp(u64::MAX)), 3);
    assert_eq!(store.collect(2, u64::MAX), [1, 2, 3, 4, 5]);
    assert_eq!(store.index.len(Timestamp(u64::MAX)), 3);
    assert_eq!(store.held(Space::Keys).len(), 3);
}

#[test]
fn f17_a_key_that_is_rewritten_with_the_same_deadline_is_dropped_once_for_each_version() {
    let mut store = Store::default();
    store.write(&[keyed(b"k", until(100))]);
    assert_eq!(store.index.reap(Timestamp(100)), 1);
    store.commit(store.view(0, 100), &[keyed(b"k", until(100))]);
    assert_eq!(store.index.len(Timestamp(100)), 0);
    assert_eq!(store.collect(2, 100), [1, 2]);
    store.write(&[keyed(b"k", PLAIN)]);
    store.write(&[keyed(b"k", DELETE)]);
    assert_eq!(store.collect(4, 100), [3, 4]);
}

/// Expired keys used to wait behind everything that was queued before them. Compaction leaves out what is expired at the
/// horizon, so it removed entries that the index had not forgotten.
#[test]
fn f17_an_expired_key_does_not_wait_behind_what_a_snapshot_holds() {
    let mut store = Store::default();
    store.write(&[keyed(b"expires", until(100)), keyed(b"k", PLAIN)]);
    store.write(&[keyed(b"k", PLAIN)]);
    // The snapshot at 1 holds the first version of the other key, which waits for a place behind it.
    assert_eq!(store.collect(1, 100), [1]);
    assert_eq!(store.collect(2, 100), [2]);
}

/// Compaction does not look at snapshots when it chooses its inputs: what it moves may be newer than they are. The expired entry
/// then waits for its commit, as its place no longer tells when it was written.
#[test]
fn f12_f17_an_expired_entry_that_was_moved_is_kept_for_the_snapshot_below_it() {
    let mut store = Store::default();
    store.write(&[keyed(b"k", PLAIN)]);
    let [second] = store.write(&[keyed(b"k", until(100))])[..] else { panic!("one entry, one version") };
    let to = store.log.copy(second.address, store.log.compacted_segment());
    let hash = hash_of(Space::Keys, b"k");
    assert!(store.index.relocate(Space::Keys, b"k", hash, second.address, (to.address, to.bytes)));
    assert_eq!(store.collect(1, 100), NOTHING);
    assert_eq!(store.get(b"k", 1, 100), Some(1));
    assert_eq!(store.collect(2, 100), [1, 2]);
    assert_eq!(store.get(b"k", 2, 100), None);
}
