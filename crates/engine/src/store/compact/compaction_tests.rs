//! Compactions of some of the segments: what they leave alone, and that nothing of it comes back.

use std::sync::Arc;
use std::time::Duration;

use super::super::choice::{Choice, Limit};
use crate::batch::{Batch, Expiry};
use crate::format::segment_header::SegmentKind;
use crate::options::{Durability, Options, Retention};
use crate::seams::Environment;
use crate::seams::sim::{SimClock, SimDisk, SimRandom};
use crate::store::Store;

const STORE: &str = "/store";
const SEGMENT_BYTES: u64 = 64 << 10;

struct World {
    options: Options,
    clock: SimClock,
}

fn world() -> World {
    let clock = SimClock::new(1_000_000_000);
    let environment = Environment {
        disk: Arc::new(SimDisk::new(1)),
        clock: Arc::new(clock.clone()),
        random: Arc::new(SimRandom::new(1)),
        background: false,
    };
    let options =
        Options::new().segment_bytes(SEGMENT_BYTES).retention(Retention::Commits(0)).auto_compact(false);
    World { options: options.durability(Durability::Os).environment(environment), clock }
}

fn key(number: u32) -> String {
    format!("key {number:05}")
}

/// Puts keys whose numbers are in a range, ten to a commit.
fn fill(store: &Store, numbers: std::ops::Range<u32>, value: u8) {
    for first in numbers.clone().step_by(10) {
        let mut batch = Batch::new();
        for number in first..(first + 10).min(numbers.end) {
            batch.put(key(number), vec![value; 400]);
        }
        store.commit(batch).unwrap();
    }
}

fn delete(store: &Store, numbers: std::ops::Range<u32>) {
    for number in numbers {
        store.delete(key(number)).unwrap();
    }
}

/// Exactly these keys are there, by lookup, forward and backward.
fn check(store: &Store, expected: &dyn Fn(u32) -> Option<u8>, numbers: u32) {
    let there: Vec<(String, u8)> =
        (0..numbers).filter_map(|number| Some((key(number), expected(number)?))).collect();
    for number in 0..numbers {
        let value = store.get(key(number)).unwrap();
        assert_eq!(value.as_deref().map(|value| value[0]), expected(number), "{}", key(number));
    }
    let row = |row: crate::Result<(bytes::Bytes, crate::Value)>| {
        let (key, value) = row.unwrap();
        (String::from_utf8(key.to_vec()).unwrap(), value[0])
    };
    assert_eq!(store.range::<&[u8]>(..).map(row).collect::<Vec<_>>(), there);
    let mut backward: Vec<_> = store.range::<&[u8]>(..).rev().map(row).collect();
    backward.reverse();
    assert_eq!(backward, there);
    assert_eq!(store.len(), there.len() as u64);
}

fn compacted_ids(store: &Store) -> Vec<u64> {
    let all = store.core().segments.all();
    all.iter().filter(|segment| segment.kind == SegmentKind::Compacted).map(|segment| segment.id.0).collect()
}

fn written_bytes(store: &Store) -> u64 {
    let stats = store.stats();
    stats.disk_bytes - stats.reserve_bytes
}

fn compact_parts(store: &Store) -> crate::CompactReport {
    store.core().compact_garbage(Limit::Idle, None).unwrap()
}

#[test]
fn what_nobody_changes_is_left_where_it_is() {
    let World { options, .. } = world();
    let store = options.open(STORE).unwrap();
    fill(&store, 0..3000, 1);
    store.compact().unwrap();
    let cold = compacted_ids(&store);
    assert!(cold.len() > 4, "{} segments", cold.len());
    let (mut moved, mut written) = (0, 0);
    for round in 0..40 {
        fill(&store, 3000..3300, round);
        written += 300 * 400;
        if store.core().compaction_is_due(Limit::Idle) {
            moved += compact_parts(&store).bytes_after;
        }
    }
    let now = compacted_ids(&store);
    assert!(cold.iter().all(|id| now.contains(id)), "of {cold:?} only {now:?} is left");
    assert!(moved < written / 4, "{moved} bytes were moved for {written} bytes of writes");
    let (live, disk) = (store.stats().live_bytes, written_bytes(&store));
    assert!(disk < live * 5 / 4, "{disk} bytes for {live}");
    check(&store, &|number| Some(if number < 3000 { 1 } else { 39 }), 3300);
}

/// The older entries of deleted keys lie in segments that are not compacted: without the tombstones they would come back, in
/// ranges at once and in lookups after opening.
#[test]
fn f11_deleted_keys_stay_deleted_when_only_the_segments_of_their_tombstones_are_compacted() {
    let World { options, .. } = world();
    let store = options.open(STORE).unwrap();
    fill(&store, 0..3000, 1);
    store.compact().unwrap();
    let cold = compacted_ids(&store);
    // A few in each cold segment, so that none of those is worth a compaction.
    (0..3000).step_by(50).for_each(|number| delete(&store, number..number + 1));
    for value in 0..20 {
        fill(&store, 3000..3200, value);
    }
    assert!(matches!(store.core().choose(Limit::Idle, &Default::default()), Choice::Roll | Choice::Part(_)));
    compact_parts(&store);
    let now = compacted_ids(&store);
    assert!(cold.iter().all(|id| now.contains(id)), "of {cold:?} only {now:?} is left");
    assert!(store.core().segments.now().logs().len() <= 2, "the log was compacted");
    let hiding: u64 = store.core().segments.all().iter().map(|segment| segment.hiding_bytes()).sum();
    assert!(hiding >= 60 * 40, "{hiding} bytes of tombstones are kept");
    let expected = |number: u32| match number {
        3000.. => Some(19),
        _ if number.is_multiple_of(50) => None,
        _ => Some(1),
    };
    check(&store, &expected, 3200);
    while store.core().index.maintain(Duration::MAX) {}
    check(&store, &expected, 3200);
    store.close().unwrap();
    let store = options.open(STORE).unwrap();
    check(&store, &expected, 3200);
    assert_eq!(store.core().segments.all().iter().map(|segment| segment.hiding_bytes()).sum::<u64>(), hiding);
    // They can be put again, and deleted once more.
    fill(&store, 0..10, 2);
    delete(&store, 1..2);
    fill(&store, 3000..3200, 19);
    compact_parts(&store);
    let expected = |number: u32| match number {
        1 => None,
        0..10 => Some(2),
        _ => expected(number),
    };
    check(&store, &expected, 3200);
    // When all goes into one, nothing is left to hide.
    store.compact().unwrap();
    assert_eq!(store.core().segments.all().iter().map(|segment| segment.hiding_bytes()).sum::<u64>(), 0);
    check(&store, &expected, 3200);
    store.close().unwrap();
    check(&options.open(STORE).unwrap(), &expected, 3200);
}

#[test]
fn f11_f17_expired_keys_stay_expired_and_their_space_comes_back_by_itself() {
    let World { options, clock } = world();
    let store = options.open(STORE).unwrap();
    fill(&store, 0..2000, 1);
    store.compact().unwrap();
    for number in (0..2000).step_by(40).chain(2000..2400) {
        let mut batch = Batch::new();
        batch.put_expiring(key(number), vec![2; 400], Expiry::After(Duration::from_secs(10)));
        store.commit(batch).unwrap();
    }
    let before = store.disk_bytes();
    assert!(!store.core().compaction_is_due(Limit::Idle));
    clock.advance(11_000_000_000);
    assert!(store.core().compaction_is_due(Limit::Idle));
    compact_parts(&store);
    assert!(store.disk_bytes() < before - 350 * 400, "{} bytes instead of {before}", store.disk_bytes());
    let expected = |number: u32| (number < 2000 && !number.is_multiple_of(40)).then_some(1);
    check(&store, &expected, 2400);
    store.close().unwrap();
    check(&options.open(STORE).unwrap(), &expected, 2400);
}

#[test]
fn f12_what_a_snapshot_sees_is_kept_by_compactions_of_parts() {
    let World { options, .. } = world();
    let store = options.open(STORE).unwrap();
    fill(&store, 0..1000, 1);
    store.compact().unwrap();
    fill(&store, 0..300, 2);
    let snapshot = store.snapshot().unwrap();
    for value in 3..10 {
        fill(&store, 0..300, value);
        delete(&store, 0..50);
        compact_parts(&store);
    }
    for number in 0..1000 {
        let expected = if number < 300 { 2 } else { 1 };
        assert_eq!(snapshot.get(key(number)).unwrap().unwrap()[0], expected, "{}", key(number));
    }
    assert_eq!(snapshot.range::<&[u8]>(..).count(), 1000);
    drop(snapshot);
    let expected = |number: u32| match number {
        0..50 => None,
        50..300 => Some(9),
        _ => Some(1),
    };
    check(&store, &expected, 1000);
    compact_parts(&store);
    check(&store, &expected, 1000);
    let (live, disk) = (store.stats().live_bytes, written_bytes(&store));
    assert!(disk < live * 5 / 4, "{disk} bytes for {live}");
}

/// The counts of live bytes would drift apart from what is alive, one compaction after the other.
#[test]
fn live_bytes_stay_true_over_many_compactions_of_parts() {
    let World { options, .. } = world();
    let store = options.open(STORE).unwrap();
    fill(&store, 0..1500, 0);
    for round in 1..30_u8 {
        let from = u32::from(round) * 37 % 1400;
        fill(&store, from..from + 100, round);
        delete(&store, from + 20..from + 40);
        let snapshot = (round % 3 == 0).then(|| store.snapshot().unwrap());
        compact_parts(&store);
        drop(snapshot);
    }
    compact_parts(&store);
    let counted = store.stats();
    store.close().unwrap();
    let fresh = options.open(STORE).unwrap().stats();
    assert_eq!((counted.live_bytes, counted.keys), (fresh.live_bytes, fresh.keys));
}
