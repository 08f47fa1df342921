//! What the index does in the situations that it was made for, one at a time.

use std::ops::Bound;
use std::sync::Arc;

use super::super::{Change, Space, Version, VersionKind};
use super::parts::{DELETE, PLAIN, change, place, until, version, view};
use crate::index::point::{CROWD, Found, PointIndex};
use crate::index::{Direction, Index, Rebuild, View};
use crate::numbers::{Sequence, Timestamp};

const ALL: (Bound<&[u8]>, Bound<&[u8]>) = (Bound::Unbounded, Bound::Unbounded);
/// With its type, which other crates that can be compared with a number leave open.
const NOTHING: [u64; 0] = [];

fn key(number: u64) -> Vec<u8> {
    format!("user:{number:08}").into_bytes()
}

/// The names of the versions that a call dropped.
fn names(call: impl FnOnce(&mut dyn FnMut(&Version))) -> Vec<u64> {
    let mut names = Vec::new();
    call(&mut |version| names.push(version.bytes()));
    names
}

fn apply(index: &Index, horizon: View, changes: &[Change<'_>]) -> Vec<u64> {
    names(|dropped| index.apply(changes, horizon, dropped))
}

fn collect(index: &Index, horizon: View) -> Vec<u64> {
    names(|dropped| index.collect(horizon, dropped))
}

/// Applies the same kind of change to many keys in one commit.
fn apply_many(
    index: &Index,
    keys: &[Vec<u8>],
    hash: impl Fn(usize) -> u64,
    sequence: u64,
    kind: VersionKind,
) {
    let changes: Vec<_> = keys
        .iter()
        .zip(0..)
        .map(|(key, number)| {
            let name = sequence * 10_000_000 + u64::try_from(number).unwrap();
            change(key, hash(number), version(sequence, name, kind))
        })
        .collect();
    apply(index, view(sequence - 1, 0), &changes);
}

fn rows(index: &Index, view: View, direction: Direction) -> Vec<Vec<u8>> {
    index.page(ALL.0, ALL.1, view, usize::MAX, direction).into_iter().map(|(key, _)| key.to_vec()).collect()
}

#[test]
fn a_snapshot_reads_its_version_until_it_is_released() {
    let index = Index::new(1);
    apply(&index, view(0, 0), &[change(b"k", 9, version(1, 1, PLAIN))]);
    apply(&index, view(1, 0), &[change(b"k", 9, version(2, 2, PLAIN))]);
    apply(&index, view(1, 0), &[change(b"k", 9, version(3, 3, DELETE))]);
    let at = |sequence| index.get(b"k", 9, view(sequence, 0)).map(|found| found.bytes());
    assert_eq!([at(0), at(1), at(2), at(3)], [None, Some(1), Some(2), None]);
    assert_eq!(collect(&index, view(1, 0)), NOTHING);
    assert_eq!([at(1), at(2), at(3)], [Some(1), Some(2), None]);
    assert_eq!(collect(&index, view(2, 0)), [1]);
    assert_eq!([at(2), at(3)], [Some(2), None]);
    assert_eq!(collect(&index, view(3, 0)), [2, 3], "the tombstone goes with the last thing that it hides");
    assert_eq!(index.versions_page(Space::Keys, None, 10), []);
}

#[test]
fn a_write_drops_what_the_horizon_has_passed() {
    let index = Index::new(1);
    apply(&index, view(0, 0), &[change(b"k", 9, version(1, 1, PLAIN))]);
    assert_eq!(
        apply(&index, view(1, 0), &[change(b"k", 9, version(2, 2, PLAIN))]),
        NOTHING,
        "a view at 1 needs it"
    );
    assert_eq!(apply(&index, view(2, 0), &[change(b"k", 9, version(3, 3, PLAIN))]), [1]);
    assert_eq!(collect(&index, view(3, 0)), [2]);
}

#[test]
fn the_last_change_of_a_commit_wins_and_the_first_is_reported() {
    let index = Index::new(1);
    let commit = [
        change(b"k", 9, version(1, 1, until(50))),
        change(b"k", 9, version(1, 2, DELETE)),
        change(b"k", 9, version(1, 3, PLAIN)),
    ];
    assert_eq!(apply(&index, view(0, 0), &commit), [1, 2]);
    assert_eq!(index.get(b"k", 9, view(1, 60)).map(|found| found.bytes()), Some(3));
    assert_eq!(index.len(Timestamp(60)), 1);
}

#[test]
fn an_older_commit_that_arrives_late_stays_below_the_newer_one() {
    let index = Index::new(1);
    apply(&index, view(0, 0), &[change(b"k", 9, version(5, 5, DELETE))]);
    apply(&index, view(0, 0), &[change(b"k", 9, version(3, 3, PLAIN))]);
    apply(&index, view(0, 0), &[change(b"k", 9, version(4, 4, until(10)))]);
    let at = |sequence, time| index.get(b"k", 9, view(sequence, time)).map(|found| found.bytes());
    assert_eq!([at(2, 0), at(3, 0), at(4, 0), at(5, 0)], [None, Some(3), Some(4), None]);
    assert_eq!(at(4, 10), None, "what has expired does not uncover the version below");
    assert_eq!(index.len(Timestamp(0)), 0);
    assert_eq!(collect(&index, view(5, 10)), [3, 4, 5]);
}

#[test]
fn an_expired_entry_covers_what_is_older_before_and_after_collection() {
    let index = Index::new(1);
    apply(&index, view(0, 0), &[change(b"k", 9, version(1, 1, PLAIN))]);
    apply(&index, view(0, 0), &[change(b"k", 9, version(2, 2, until(100)))]);
    assert_eq!(index.get(b"k", 9, view(2, 99)).map(|found| found.bytes()), Some(2));
    assert_eq!(index.get(b"k", 9, view(2, 100)), None);
    assert_eq!(collect(&index, view(1, 100)), NOTHING, "a view at 1 still reads the first one");
    assert_eq!(index.get(b"k", 9, view(1, 100)).map(|found| found.bytes()), Some(1));
    assert_eq!(collect(&index, view(2, 100)), [1, 2]);
    assert_eq!(index.get(b"k", 9, view(2, 100)), None);
    assert_eq!(rows(&index, view(2, 100), Direction::Forward), Vec::<Vec<u8>>::new());
}

#[test]
fn f17_the_count_is_exact_at_every_deadline_though_nobody_touches_the_keys() {
    let index = Index::new(1);
    let keys: Vec<_> = (0..6).map(key).collect();
    let deadlines = [0, 100, 100, 200, u64::MAX];
    let mut commit: Vec<_> = deadlines
        .iter()
        .zip(&keys)
        .zip(1..)
        .map(|((at, key), name)| change(key, name, version(1, name, until(*at))))
        .collect();
    commit.push(change(&keys[5], 6, version(1, 6, PLAIN)));
    apply(&index, view(0, 50), &commit);
    assert_eq!(index.len(Timestamp(50)), 5, "a deadline in the past counts for nothing");
    assert_eq!(index.len(Timestamp(99)), 5);
    assert_eq!(index.reap(Timestamp(100)), 2);
    assert_eq!(index.len(Timestamp(100)), 3);
    // A plain write over an expired key and one over a key that would expire later.
    let rewrite = [change(&keys[1], 2, version(2, 7, PLAIN)), change(&keys[3], 4, version(2, 8, PLAIN))];
    apply(&index, view(1, 100), &rewrite);
    assert_eq!(index.len(Timestamp(100)), 4);
    assert_eq!(index.len(Timestamp(u64::MAX - 1)), 4, "the old deadlines of the rewritten keys are gone");
    assert_eq!(index.len(Timestamp(u64::MAX)), 3);
    collect(&index, view(2, u64::MAX));
    assert_eq!(index.len(Timestamp(u64::MAX)), 3);
    assert_eq!(index.versions_page(Space::Keys, None, 10).len(), 3);
}

#[test]
fn f15_two_keys_with_one_hash_and_the_entry_stored_under_it_stay_apart() {
    let index = Index::new(1);
    let hash = 77_u64;
    let hashed =
        Change { space: Space::Hashes, key: &hash.to_be_bytes(), hash, version: version(3, 3, PLAIN) };
    apply(&index, view(0, 0), &[change(b"a", hash, version(1, 1, PLAIN))]);
    apply(&index, view(0, 0), &[change(b"b", hash, version(2, 2, PLAIN))]);
    apply(&index, view(0, 0), &[hashed]);
    // The eight bytes of the hash are also an ordinary key, here even one with that hash.
    apply(&index, view(0, 0), &[change(&hash.to_be_bytes(), hash, version(4, 4, PLAIN))]);
    let now = view(4, 0);
    let named = |found: Option<Version>| found.map(|found| found.bytes());
    assert_eq!(named(index.get(b"a", hash, now)), Some(1));
    assert_eq!(named(index.get(b"b", hash, now)), Some(2));
    assert_eq!(named(index.get_hash_only(hash, now)), Some(3));
    assert_eq!(named(index.get(&hash.to_be_bytes(), hash, now)), Some(4));
    assert_eq!(index.get(b"c", hash, now), None);
    let newest = |sequence| {
        index.newest_with_hash(hash, view(sequence, 0)).map(|(space, _, found)| (space, found.bytes()))
    };
    assert_eq!(newest(4), Some((Space::Keys, 4)));
    assert_eq!(newest(3), Some((Space::Hashes, 3)));
    assert_eq!(newest(1), Some((Space::Keys, 1)));
    assert_eq!(index.all_with_hash(hash, now).len(), 4);
    assert_eq!(rows(&index, now, Direction::Forward).len(), 3, "entries without a key are in no range");
    apply(&index, view(4, 0), &[change(b"a", hash, version(5, 5, DELETE))]);
    collect(&index, view(5, 0));
    assert_eq!(named(index.get(b"b", hash, view(5, 0))), Some(2));
    assert_eq!(index.len(Timestamp(0)), 3);
}

#[test]
fn f15_a_flood_of_one_hash_is_looked_up_in_the_ordered_index() {
    let index = Index::new(1);
    let keys: Vec<_> = (0..20_000).map(key).collect();
    apply_many(&index, &keys[..CROWD], |_| 5, 1, PLAIN);
    assert!(matches!(index.point.find(Space::Keys, &keys[0], 5), Found::Newest(_)));
    apply_many(&index, &keys[CROWD..], |_| 5, 2, PLAIN);
    assert_eq!(index.point.find(Space::Keys, &keys[0], 5), Found::Crowded);
    for (key, number) in keys.iter().zip(0_u64..) {
        let found = index.get(key, 5, view(2, 0)).expect("every key is there");
        assert_eq!(found.bytes() % 10_000_000, if number < 16 { number } else { number - 16 });
    }
    assert_eq!(index.get(b"missing", 5, view(2, 0)), None);
    assert_eq!(
        index.point.candidates(5, view(2, 0)).len(),
        1,
        "the newest of a hash is found without a scan"
    );
    let newest = index.newest_with_hash(5, view(2, 0)).map(|(_, key, _)| key.to_vec());
    assert_eq!(newest, keys.last().cloned());
    assert_eq!(index.newest_with_hash(5, view(1, 0)).map(|(_, key, _)| key.to_vec()), Some(keys[15].clone()));
    assert_eq!(index.all_with_hash(5, view(2, 0)).len(), keys.len());
    let flooded = index.memory_bytes();

    apply_many(&index, &keys[3..], |_| 5, 3, DELETE);
    collect(&index, view(3, 0));
    assert!(matches!(index.point.find(Space::Keys, &keys[0], 5), Found::Newest(_)), "the flood is over");
    assert_eq!(index.all_with_hash(5, view(3, 0)).len(), 3);
    assert!(
        index.memory_bytes() < flooded / 20,
        "{} of {flooded} bytes are still held",
        index.memory_bytes()
    );
}

#[test]
fn f15_a_tombstone_storm_gives_its_memory_back() {
    let index = Index::new(1);
    let empty = index.memory_bytes();
    let keys: Vec<_> = (0..100_000).map(key).collect();
    let hash = |number: usize| u64::try_from(number).unwrap();
    apply_many(&index, &keys, hash, 1, PLAIN);
    let full = index.memory_bytes();
    let least = 100_000 * (13 + 2 * 40);
    assert!(full > least, "{full} bytes are less than the keys and two versions of each take");
    apply_many(&index, &keys, hash, 2, DELETE);
    assert!(index.memory_bytes() > full, "the tombstones and the queue count");
    assert_eq!(collect(&index, view(1, 0)), NOTHING, "a view at 1 holds everything");
    assert_eq!(collect(&index, view(2, 0)).len(), 200_000);
    let left = index.memory_bytes() - empty;
    assert!(left < full / 100, "{left} of {full} bytes are still held");
    assert_eq!(index.len(Timestamp(0)), 0);
}

#[test]
fn f15_an_expiry_storm_gives_its_memory_back() {
    let index = Index::new(1);
    let empty = index.memory_bytes();
    let keys: Vec<_> = (0..50_000).map(key).collect();
    apply_many(&index, &keys, |number| u64::try_from(number).unwrap(), 1, until(1000));
    let full = index.memory_bytes();
    assert_eq!(collect(&index, view(1, 999)), NOTHING);
    assert_eq!(index.len(Timestamp(1000)), 0);
    assert_eq!(
        collect(&index, view(1, 999)),
        NOTHING,
        "counted out, but a view of an earlier time still reads them"
    );
    assert!(index.get(&keys[7], 7, view(1, 999)).is_some());
    assert_eq!(collect(&index, view(1, 1000)).len(), 50_000);
    let left = index.memory_bytes() - empty;
    assert!(left < full / 100, "{left} of {full} bytes are still held");
}

#[test]
fn f15_a_hot_key_under_a_long_snapshot_shrinks_to_one_version() {
    let index = Index::new(1);
    let empty = index.memory_bytes();
    let key = key(0);
    for sequence in 1..=100_000 {
        apply(&index, view(0, 0), &[change(&key, 9, version(sequence, sequence, PLAIN))]);
    }
    assert!(index.memory_bytes() > 100_000 * 40);
    assert_eq!(index.get(&key, 9, view(50_000, 0)).map(|found| found.bytes()), Some(50_000));
    assert_eq!(collect(&index, view(99_990, 0)).len(), 99_989);
    assert!(index.memory_bytes() - empty < 8192, "{} bytes for eleven versions", index.memory_bytes());
    assert_eq!(collect(&index, view(99_999, 0)).len(), 9);
    assert_eq!(collect(&index, view(100_000, 0)), [99_999]);
    assert!(index.memory_bytes() - empty < 4096);
    assert_eq!(index.get(&key, 9, view(100_000, 0)).map(|found| found.bytes()), Some(100_000));
}

#[test]
fn f16_bounds_that_leave_nothing_between_them_are_an_empty_page() {
    let index = Index::new(1);
    let keys = [&b""[..], b"a", b"b", b"\xff\xff"];
    let changes: Vec<_> =
        keys.iter().zip(1..).map(|(key, name)| change(key, name, version(1, name, PLAIN))).collect();
    apply(&index, view(0, 0), &changes);
    let included = |key: &'static [u8]| Bound::Included(key);
    let excluded = |key: &'static [u8]| Bound::Excluded(key);
    type Case = (Bound<&'static [u8]>, Bound<&'static [u8]>, &'static [&'static [u8]]);
    let cases: [Case; 9] = [
        (included(b"b"), included(b"a"), &[]),
        (excluded(b"b"), excluded(b"a"), &[]),
        (excluded(b"a"), excluded(b"a"), &[]),
        (included(b"a"), excluded(b"a"), &[]),
        (excluded(b"a"), included(b"a"), &[]),
        (included(b"a"), included(b"a"), &[b"a"]),
        (excluded(b"a"), excluded(b"b"), &[]),
        (included(b""), excluded(b"a"), &[b""]),
        (excluded(b"b"), Bound::Unbounded, &[b"\xff\xff"]),
    ];
    for (lower, upper, expected) in cases {
        for direction in [Direction::Forward, Direction::Backward] {
            let page = index.page(lower, upper, view(1, 0), 10, direction);
            let page: Vec<&[u8]> = page.iter().map(|(key, _)| &**key).collect();
            assert_eq!(page, expected, "{lower:?} to {upper:?}, {direction:?}");
            assert_eq!(index.page(lower, upper, view(1, 0), 0, direction), []);
        }
    }
}

#[test]
fn f16_a_page_gets_past_any_number_of_dead_keys_from_both_ends() {
    let index = Index::new(1);
    let keys: Vec<_> = (0..20_000).map(key).collect();
    let hash = |number: usize| u64::try_from(number).unwrap();
    apply_many(&index, &keys, hash, 1, PLAIN);
    apply_many(&index, &keys[1..19_999], |number| hash(number + 1), 2, DELETE);
    let ends = [keys[0].clone(), keys[19_999].clone()];
    assert_eq!(rows(&index, view(2, 0), Direction::Forward), ends);
    assert_eq!(rows(&index, view(2, 0), Direction::Backward), [ends[1].clone(), ends[0].clone()]);
    assert_eq!(rows(&index, view(1, 0), Direction::Forward), keys);
    assert_eq!(index.newest_live(view(2, 0)).map(|(_, key, _)| key.to_vec()), Some(ends[1].clone()));
}

#[test]
fn f11_a_relocation_moves_only_the_version_that_stands_there() {
    let index = Index::new(1);
    apply(&index, view(0, 0), &[change(b"k", 9, version(1, 1, PLAIN))]);
    apply(&index, view(0, 0), &[change(b"k", 9, version(2, 2, PLAIN))]);
    let relocate =
        |sequence, from, to| index.relocate(Space::Keys, b"k", 9, Sequence(sequence), place(from), place(to));
    let at = |sequence| index.get(b"k", 9, view(sequence, 0)).map(|found| found.position);
    assert!(relocate(1, 1, 11), "an older version");
    assert!(relocate(2, 2, 12), "the newest");
    assert_eq!([at(1), at(2)], [Some(place(11)), Some(place(12))]);
    assert!(!relocate(2, 2, 22), "it has moved already");
    assert!(!relocate(3, 12, 22), "another commit's");
    assert!(!index.relocate(Space::Hashes, b"k", 9, Sequence(2), place(12), place(22)), "another space's");
    assert_eq!(at(2), Some(place(12)));
    assert_eq!(collect(&index, view(2, 0)), [1]);
    assert!(!relocate(1, 11, 21), "collected meanwhile");
}

#[test]
fn the_index_keeps_one_copy_of_a_key() {
    let index = Index::new(1);
    apply(&index, view(0, 0), &[change(b"k", 9, version(1, 1, PLAIN))]);
    apply(&index, view(1, 0), &[change(b"k", 9, version(2, 2, PLAIN))]);
    let rows = index.page(ALL.0, ALL.1, view(2, 0), 1, Direction::Forward);
    let (_, by_hash, _) = index.newest_with_hash(9, view(2, 0)).expect("it is there");
    assert!(Arc::ptr_eq(&rows[0].0, &by_hash));
}

#[test]
fn a_horizon_given_late_does_not_lead_back() {
    let index = Index::new(1);
    apply(&index, view(0, 0), &[change(b"k", 9, version(1, 1, until(5)))]);
    collect(&index, view(1, 4));
    collect(&index, view(0, 9));
    assert_eq!(index.horizon(), view(1, 9));
    assert_eq!(
        index.versions_page(Space::Keys, None, 1),
        [],
        "expired at 9, and every view is at 1 or above"
    );
}

#[test]
fn a_rebuild_keeps_the_newest_of_each_key_whatever_the_order() {
    let log = [
        change(b"kept", 1, version(4, 4, PLAIN)),
        change(b"deleted", 2, version(5, 5, DELETE)),
        change(b"kept", 1, version(2, 2, PLAIN)),
        change(b"deleted", 2, version(3, 3, PLAIN)),
        change(b"twice in a commit", 3, version(6, 7, PLAIN)),
        change(b"twice in a commit", 3, version(6, 6, DELETE)),
        change(b"expiring", 4, version(7, 8, until(100))),
        change(b"kept", 1, version(4, 4, PLAIN)),
    ];
    for first in 0..log.len() {
        let mut rebuild = Rebuild::new(1);
        let mut superseded = names(|dropped| {
            for number in 0..log.len() {
                rebuild.insert(&log[(first + number) % log.len()], dropped);
            }
        });
        superseded.sort_unstable();
        assert_eq!(superseded, [2, 3, 6]);
        let mut index = Index::new(0);
        assert_eq!(names(|dropped| index = rebuild.finish(Timestamp(100), dropped)), [5], "the tombstone");
        assert_eq!(index.len(Timestamp(100)), 2);
        let now = view(7, 100);
        assert_eq!(rows(&index, now, Direction::Forward), [&b"kept"[..], b"twice in a commit"]);
        assert_eq!(index.get(b"kept", 1, now).map(|found| found.bytes()), Some(4));
        assert_eq!(index.get(b"deleted", 2, now), None);
        assert_eq!(collect(&index, now), [8], "the expired one goes with the first collection");
    }
}
