//! One story each: long lists of versions, what merges leave out, entries that have gone, cursors that are overtaken,
//! the size of records.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Bound;

use super::log::{Dice, Log, SHAPES, Shape};
use super::model::{MayGo, Pair};
use crate::address::Address;
use crate::index::runs::shape::TINY_FAN_IN;
use crate::index::runs::{
    Again, Cursor, Effort, Entry, Keep, KeepAll, Mark, Row, Run, Runs, Size, Stale, Way,
};

fn settle(pair: &Pair) {
    while pair.maintain(Effort::Settle) {}
}

fn records<'a>(log: &Log, keys: &[&'a [u8]]) -> Vec<(&'a [u8], Address, Mark)> {
    keys.iter().map(|key| (*key, log.append(key), Mark::Value)).collect()
}

#[test]
fn nothing_is_found_in_an_empty_list_and_an_empty_push_changes_nothing() {
    let (runs, log) = (Runs::default(), Log::default());
    runs.push::<&[u8]>(&[], &log, &KeepAll);
    assert_eq!(runs.size().runs, 0);
    assert!(runs.find(b"", &log).is_empty());
    for way in [Way::Forward, Way::Backward] {
        let mut cursor: Cursor = runs.cursor(&log, Bound::Unbounded, Bound::Unbounded, way);
        assert_eq!(cursor.next(&runs, &log), Ok(None));
        assert_eq!(cursor.at_distance(0), None);
        assert_eq!(cursor.ahead(9).count(), 0);
    }
    assert!(!runs.maintain(&log, &KeepAll, Effort::Rewrite));
}

#[test]
fn versions_of_one_key_fill_many_blocks_and_stay_together() {
    let long = [vec![b'm'; 300], b"long".to_vec()].concat();
    for hot in [b"m".to_vec(), b"mmmmmmmm".to_vec(), b"mmmmmmmmmmmmmmmmmm".to_vec(), long] {
        let mut pair = Pair::default();
        let neighbours = [b"a".to_vec(), [&hot[..], b"\0"].concat(), [&hot[..], b"z"].concat()];
        for round in 0..4 {
            let mut keys = vec![(hot.clone(), Mark::Value); 200 + round];
            keys.extend(neighbours.iter().map(|key| (key.clone(), Mark::Tombstone)));
            pair.push(&keys);
        }
        for _ in 0..2 {
            pair.check();
            assert_eq!(pair.runs.find(&hot, &pair.log).len(), 806);
            for bound in [Bound::Included(&hot[..]), Bound::Excluded(&hot[..])] {
                for way in [Way::Forward, Way::Backward] {
                    pair.check_range(bound, Bound::Unbounded, way);
                    pair.check_range(Bound::Unbounded, bound, way);
                    pair.check_range(bound, Bound::Included(&hot), way);
                }
            }
            pair.relocate(&hot, 777);
            pair.relocate(&hot, 3);
            settle(&pair);
        }
        assert_eq!(pair.runs.size().runs, 1);
    }
}

#[test]
fn a_merge_leaves_out_what_is_superseded_and_tombstones_only_at_the_oldest_end() {
    let mut pair = Pair::default();
    let key = b"key".to_vec();
    for mark in [Mark::Value, Mark::Value, Mark::Tombstone] {
        pair.push(&[(key.clone(), mark)]);
    }
    let [tombstone, middle, oldest] = pair.keys[&key][..] else { panic!("three versions") };
    pair.may_go = MayGo(HashSet::from([tombstone.0, middle.0]));
    settle(&pair);
    assert_eq!(pair.runs.find(&key, &pair.log), [tombstone, oldest], "it covers a version that stays");

    pair.may_go.0.insert(oldest.0);
    assert!(pair.maintain(Effort::Rewrite));
    assert!(pair.runs.find(&key, &pair.log).is_empty(), "the tombstone covers nothing any more");
    assert_eq!(pair.runs.size().runs, 0, "a run without records is not kept");

    // The tombstone again, with a larger, older run behind it that the merge does not take in.
    let many: Vec<_> = (0..100).map(|number| (format!("m{number}").into_bytes(), Mark::Value)).collect();
    pair.push(&many);
    pair.may_go.0.extend((1..1000).map(Address::new));
    for _ in 0..TINY_FAN_IN {
        pair.push(&[(key.clone(), Mark::Tombstone)]);
    }
    let newest = pair.keys[&key][0];
    assert_eq!(pair.runs.find(&key, &pair.log), [newest], "an older run may hold what it covers");
    settle(&pair);
    assert!(pair.runs.find(&key, &pair.log).is_empty());
    pair.check();
}

#[test]
fn entries_whose_segments_have_gone_are_passed_over_and_dropped() {
    // Keys that differ behind the windows, so that every comparison needs the log.
    let keys: Vec<Vec<u8>> = (0..300)
        .map(|number| format!("{}{}{number:04}", number / 150, "x".repeat(300)).into_bytes())
        .collect();
    let (runs, log) = (Runs::default(), Log::default());
    let mut addresses = Vec::new();
    for part in 0..3 {
        let part: Vec<&[u8]> = keys.iter().skip(part).step_by(3).map(Vec::as_slice).collect();
        let records = records(&log, &part);
        runs.push(&records, &log, &KeepAll);
        addresses.extend(records.iter().map(|(key, address, _)| (key.to_vec(), *address)));
    }
    let mut dice = Dice(5);
    let (mut gone, mut left) = (Vec::new(), Vec::new());
    for (key, address) in addresses {
        if dice.roll(3) == 0 {
            log.remove(address);
            gone.push((key, address));
        } else {
            left.push((key, address));
        }
    }
    left.sort();
    let scan = |way: Way| {
        let mut cursor = runs.cursor(&log, Bound::Unbounded, Bound::Unbounded, way);
        let mut rows = Vec::new();
        while let Some(mut row) = cursor.next(&runs, &log).unwrap() {
            match log.key_at(row.address) {
                Some(key) => rows.push((key, row.address)),
                None => assert_eq!(cursor.again(&runs, &mut row), Again::Dead),
            }
        }
        rows
    };
    for _ in 0..2 {
        assert!(scan(Way::Forward) == left);
        let mut backward = scan(Way::Backward);
        backward.reverse();
        assert!(backward == left);
        for (key, address) in &left {
            assert!(runs.find(key, &log).contains(&(*address, Mark::Value)));
        }
        while runs.maintain(&log, &KeepAll, Effort::Settle) {}
    }
    assert!(runs.size().records < 300, "a merge that has to look finds out: {:?}", runs.size());
}

#[test]
fn a_cursor_that_is_overtaken_says_so_and_a_row_can_be_asked_again() {
    let (runs, log) = (Runs::default(), Log::default());
    let keys: Vec<Vec<u8>> =
        (0..40).map(|number| format!("{number:02} {}", "x".repeat(20)).into_bytes()).collect();
    for part in 0..2 {
        let part: Vec<&[u8]> = keys.iter().skip(part).step_by(2).map(Vec::as_slice).collect();
        runs.push(&records(&log, &part), &log, &KeepAll);
    }
    // Two runs with the same keys as well, so that heads tie and the log is asked.
    let all: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    runs.push(&records(&log, &all), &log, &KeepAll);
    let move_all = || {
        for key in &keys {
            for (from, _) in runs.find(key, &log) {
                let to = log.append(key);
                assert!(runs.relocate(key, from, to));
                log.remove(from);
            }
        }
    };
    let mut cursor = runs.cursor(&log, Bound::Unbounded, Bound::Unbounded, Way::Forward);
    let mut first: Row = cursor.next(&runs, &log).unwrap().unwrap();
    move_all();
    assert_eq!(cursor.again(&runs, &mut first), Again::Moved);
    assert_eq!(log.key_at(first.address).as_ref(), Some(&keys[0]));
    assert!(cursor.next(&runs, &log).unwrap().unwrap().same_key_as_before, "the run shows relocations");

    while runs.maintain(&log, &KeepAll, Effort::Settle) {}
    move_all();
    let mut outcome = Ok(());
    for _ in 0..keys.len() * 2 {
        match cursor.next(&runs, &log) {
            Ok(Some(mut row)) => assert_eq!(cursor.again(&runs, &mut row), Again::Stale),
            Ok(None) => panic!("rows are missing"),
            Err(stale) => {
                outcome = Err(stale);
                break;
            }
        }
    }
    assert_eq!(outcome, Err(Stale));
    assert_eq!(cursor.next(&runs, &log), Err(Stale), "and again");
    let mut cursor = runs.cursor(&log, Bound::Excluded(&keys[0]), Bound::Unbounded, Way::Forward);
    assert_eq!(log.key_at(cursor.next(&runs, &log).unwrap().unwrap().address).as_ref(), Some(&keys[1]));
}

/// Relocates while it is asked, that is in the middle of a merge.
struct Restless<'a> {
    /// So many relocations at once.
    moves: usize,
    runs: &'a Runs,
    log: &'a Log,
    keys: &'a [Vec<u8>],
    newest: RefCell<Vec<Address>>,
}

impl Keep for Restless<'_> {
    fn superseded(&self, _newer: Address, _older: Address) -> bool {
        let mut newest = self.newest.borrow_mut();
        let moves = if newest.len() == self.keys.len() { self.moves } else { 0 };
        // Some keys twice, in both halves: what is merged already, and what is not yet.
        for number in (0..moves).map(|step| step * 7 % (self.keys.len() / 2) * 2) {
            let to = self.log.append(&self.keys[number]);
            assert!(self.runs.relocate(&self.keys[number], newest[number], to));
            self.log.remove(newest[number]);
            newest[number] = to;
        }
        newest.push(Address::new(1));
        false
    }

    fn tombstone_may_go(&self, _address: Address) -> bool {
        false
    }
}

#[test]
fn relocations_in_the_middle_of_a_merge_reach_the_new_run() {
    // Few are made again with the writer shut out, more of them before that.
    for (shape, moves) in
        [(Shape::Random, 150), (Shape::User, 20), (Shape::Path, 20), (Shape::Path, 150), (Shape::Far, 20)]
    {
        let (runs, log) = (Runs::default(), Log::default());
        let mut dice = Dice(3);
        let mut keys: Vec<_> = (0..6000).map(|_| shape.key(&mut dice, 100_000)).collect();
        keys.sort();
        keys.dedup();
        keys.truncate(keys.len() / 2 * 2);
        let versions = records(&log, &keys.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let newest = versions.iter().map(|(_, address, _)| *address).collect();
        let middle = keys.len() / 2;
        let older = records(&log, &[&keys[middle]]);
        runs.push(&older, &log, &KeepAll);
        runs.push(&versions, &log, &KeepAll);
        let restless = Restless { moves, runs: &runs, log: &log, keys: &keys, newest: RefCell::new(newest) };
        assert!(runs.maintain(&log, &restless, Effort::Settle));
        let newest = restless.newest.into_inner();
        assert_eq!(newest.len(), keys.len() + 1, "it was asked once");
        for (number, key) in keys.iter().enumerate() {
            let mut expected = vec![(newest[number], Mark::Value)];
            if number == middle {
                expected.push((older[0].1, Mark::Value));
            }
            assert_eq!(runs.find(key, &log), expected, "{shape:?} {number}");
        }
    }
}

#[test]
fn a_record_takes_eighteen_bytes_at_most_and_a_seek_few_reads() {
    for shape in [Shape::Random, Shape::User, Shape::Path] {
        let mut dice = Dice(11);
        let mut pair = Pair::default();
        for _ in 0..30 {
            pair.push_random(&mut dice, shape, 1000, 1 << 40);
        }
        settle(&pair);
        let size: Size = pair.runs.size();
        assert!(size.bytes <= size.records * 18, "{shape:?} {size:?}");
        pair.log.take_reads();
        for _ in 0..1000 {
            let key = pair.some_key(&mut dice);
            let mut cursor =
                pair.runs.cursor(&pair.log, Bound::Included(&key), Bound::Unbounded, Way::Forward);
            assert!(cursor.next(&pair.runs, &pair.log).unwrap().is_some());
        }
        let reads = pair.log.take_reads();
        let limit = if shape == Shape::Path { 6000 } else { 1000 };
        assert!(reads <= limit, "{shape:?}: {reads} reads for 1000 seeks");
    }
}

#[test]
fn keys_that_share_very_much_do_not_fill_the_memory() {
    let (runs, log) = (Runs::default(), Log::default());
    let mut keys: Vec<Vec<u8>> = (0..2000_u16)
        .map(|number| {
            let kind = u8::from(number % 2 == 1);
            [vec![kind; 9000], number.to_be_bytes().to_vec()].concat()
        })
        .collect();
    keys.sort();
    keys.dedup();
    let all: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    runs.push(&records(&log, &all), &log, &KeepAll);
    for _ in 0..2 {
        let size = runs.size();
        assert!(size.bytes <= size.records * 21 + 1000, "{size:?}");
        for key in keys.iter().step_by(17) {
            assert_eq!(runs.find(key, &log).len(), 1);
        }
        assert!(runs.maintain(&log, &KeepAll, Effort::Rewrite));
    }
}

#[test]
fn a_look_ahead_gives_what_comes_and_consumes_nothing() {
    let (runs, log) = (Runs::default(), Log::default());
    let keys: Vec<Vec<u8>> = (0..200).map(|number| format!("{number:03}").into_bytes()).collect();
    let records = records(&log, &keys.iter().map(Vec::as_slice).collect::<Vec<_>>());
    runs.push(&records, &log, &KeepAll);
    let mut expected: Vec<Address> = records.iter().map(|(_, address, _)| *address).collect();
    for way in [Way::Forward, Way::Backward] {
        let mut cursor = runs.cursor(&log, Bound::Unbounded, Bound::Unbounded, way);
        for at in 0..expected.len() {
            let end = expected.len().min(at + 16);
            assert_eq!(cursor.ahead(16).collect::<Vec<_>>(), expected[at..end]);
            assert_eq!(cursor.at_distance(15), expected.get(at + 15).copied());
            assert_eq!(cursor.next(&runs, &log).unwrap().unwrap().address, expected[at]);
        }
        expected.reverse();
    }
}

#[test]
fn entries_of_every_shape_are_built_into_a_run() {
    for shape in SHAPES {
        let mut dice = Dice(21);
        let count = if shape == Shape::Longest { 60 } else { 9000 };
        let log = Log::default();
        let mut expected = Vec::new();
        for _ in 0..count {
            let key = shape.key(&mut dice, 7000);
            expected.push((key.clone(), std::cmp::Reverse(log.append(&key))));
        }
        expected.sort();
        let entries: Vec<_> =
            expected.iter().map(|(_, address)| Entry { address: address.0, mark: Mark::Value }).collect();
        let runs = Runs::of([Run::from_sorted(&entries, &log).unwrap()]);
        let mut pair = Pair { runs, log, ..Pair::default() };
        for (key, address) in expected {
            pair.keys.entry(key).or_default().push((address.0, Mark::Value));
        }
        pair.check();
        pair.check_at_random(&mut dice, shape, 7000, 10);
    }
}

#[test]
fn a_rebuild_that_misses_a_key_says_so() {
    let log = Log::default();
    let entries: Vec<_> = (0..200)
        .map(|number| {
            let key = format!("a key that is shared, then {number:04}").into_bytes();
            Entry { address: log.append(&key), mark: Mark::Value }
        })
        .collect();
    log.remove(entries[70].address);
    assert!(Run::from_sorted(&entries, &log).is_none());
}
