//! Reading the store as it was at an older sequence, and what that may hold.

use std::sync::Arc;

use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::{SimClock, SimDisk, SimRandom};
use pentad_engine::{Batch, ErrorKind, Expiry, Options, Retention, Sequence, Store};

const START_NS: u64 = 1_700_000_000_000_000_000;

/// Options on a simulated disk, and its clock.
fn simulated() -> (Options, SimClock) {
    let clock = SimClock::new(START_NS);
    let environment = Environment {
        disk: Arc::new(SimDisk::new(1)),
        clock: Arc::new(clock.clone()),
        random: Arc::new(SimRandom::new(1)),
        background: false,
    };
    let options = Options::new()
        .environment(environment)
        .segment_bytes(4096)
        .retention(Retention::All)
        .whole_history(true);
    (options, clock)
}

fn put(store: &Store, key: &str, value: &str) -> Sequence {
    store.put(key, value.to_owned()).unwrap().sequence.expect("a put takes a sequence")
}

fn value_at(store: &Store, sequence: Sequence, key: &str) -> Option<String> {
    let value = store.at(sequence).unwrap().get(key).unwrap();
    value.map(|value| String::from_utf8(value.to_vec()).unwrap())
}

fn refusal(store: &Store, sequence: u64) -> String {
    let error = store.at(Sequence(sequence)).expect_err("not to be had");
    assert_eq!(error.kind(), ErrorKind::NotRetained);
    error.to_string()
}

#[test]
fn f12_every_retained_sequence_reads_as_it_was_over_compaction_and_reopening() {
    let (options, _) = simulated();
    let store = options.open("/store").unwrap();
    for round in 0..50 {
        put(&store, "key", &format!("value {round}"));
        put(&store, "other", "x");
    }
    store.delete("key").unwrap();
    let check = |store: &Store, oldest: u64| {
        for round in 0..50 {
            let sequence = Sequence(2 * round + 1);
            if sequence.0 >= oldest {
                assert_eq!(value_at(store, sequence, "key"), Some(format!("value {round}")));
            }
        }
        assert_eq!(value_at(store, Sequence(101), "key"), None);
        let rows = store.at(Sequence(101)).unwrap().range::<&str>(..).count();
        assert_eq!(rows, 1);
        assert_eq!(store.oldest_readable(), Some(Sequence(oldest)));
    };
    check(&store, 1);
    store.prune(Sequence(60)).unwrap();
    store.compact().unwrap();
    check(&store, 60);
    assert_eq!(refusal(&store, 59), "the store as of commit 59 is not kept: retained from 60");
    assert_eq!(refusal(&store, 102), "commit 102 is not there yet; the newest is 101");
    store.close().unwrap();
    let store = options.open("/store").unwrap();
    check(&store, 60);
    assert_eq!(store.get("key").unwrap().as_deref(), None);
    store.prune(Sequence(u64::MAX)).unwrap();
    assert_eq!(refusal(&store, 101), "the store as of commit 101 is not kept: no older sequence can be read");
    store.compact().unwrap();
    assert_eq!(store.stats().held_bytes, 0, "nothing is held that nobody can ask for");
}

#[test]
fn f17_an_older_sequence_judges_deadlines_by_the_time_of_its_own_commit() {
    let (options, clock) = simulated();
    let store = options.open("/store").unwrap();
    let mut batch = Batch::new();
    batch.put_expiring("session", "open", Expiry::After(std::time::Duration::from_secs(10)));
    let first = store.commit(batch).unwrap().sequence.unwrap();
    clock.advance(9_000_000_000);
    let second = put(&store, "other", "1");
    clock.advance(1_000_000_000);
    let third = put(&store, "other", "2");
    assert_eq!(store.get("session").unwrap().as_deref(), None);
    let seen = |store: &Store| [first, second, third].map(|at| value_at(store, at, "session").is_some());
    assert_eq!(seen(&store), [true, true, false]);
    store.maintain().unwrap();
    store.compact().unwrap();
    assert_eq!(seen(&store), [true, true, false], "compaction keeps what an older sequence sees");
    store.close().unwrap();
    assert_eq!(seen(&options.open("/store").unwrap()), [true, true, false], "and so does an open");
}

#[test]
fn f12_a_view_that_was_had_outlives_its_retention() {
    let (options, _) = simulated();
    let store = options.open("/store").unwrap();
    let old = put(&store, "key", "old");
    put(&store, "key", "new");
    let view = store.at(old).unwrap();
    store.prune(Sequence(u64::MAX)).unwrap();
    store.compact().unwrap();
    assert_eq!(view.get("key").unwrap().as_deref(), Some(&b"old"[..]));
    let stats = store.stats();
    assert_eq!((stats.snapshots, stats.oldest_snapshot), (1, Some(old)));
    assert!(stats.snapshot_bytes > 0 && stats.snapshot_bytes == stats.held_bytes, "{stats:?}");
    drop(view);
    store.compact().unwrap();
    let stats = store.stats();
    assert_eq!((stats.snapshots, stats.snapshot_bytes, stats.held_bytes), (0, 0, 0));
}

#[test]
fn f15_what_is_held_for_older_sequences_stays_within_its_limit() {
    let (options, _) = simulated();
    let store = options.history_bytes(10_000).open("/store").unwrap();
    for _ in 0..1000 {
        put(&store, "key", &"v".repeat(100));
    }
    let stats = store.stats();
    assert!(stats.held_bytes <= 10_000 && stats.held_bytes > 8_000, "{} bytes are held", stats.held_bytes);
    assert_eq!(stats.oldest_batch, Some(Sequence(1)), "the batch log is another thing");
    let oldest = stats.oldest_readable.unwrap();
    assert!(oldest > Sequence(900), "{oldest}");
    assert!(refusal(&store, 500).ends_with(&format!("retained from {oldest}")));
    assert_eq!(value_at(&store, oldest, "key").map(|value| value.len()), Some(100));
}

#[test]
fn f15_no_history_holds_nothing() {
    let (options, _) = simulated();
    let store = options.clone().history_bytes(0).open("/store").unwrap();
    for _ in 0..10 {
        put(&store, "key", "value");
    }
    assert_eq!(store.stats().held_bytes, 0);
    assert_eq!((store.oldest_readable(), store.oldest_batch()), (None, Some(Sequence(1))));
    store.close().unwrap();
    let store = options.history_bytes(u64::MAX).open("/store").unwrap();
    assert_eq!(store.oldest_readable(), Some(Sequence(1)), "nothing was removed from the log");
    assert_eq!(value_at(&store, Sequence(3), "key").as_deref(), Some("value"));
}

/// What has expired waits for the time of a later commit. When none comes, it must not be held for ever.
#[test]
fn f15_expired_entries_count_as_held_and_go_when_they_are_too_many() {
    let (options, clock) = simulated();
    let store = options.history_bytes(10_000).open("/store").unwrap();
    for number in 0..100 {
        let mut batch = Batch::new();
        let expiry = Expiry::After(std::time::Duration::from_secs(10));
        batch.put_expiring(format!("session {number}"), vec![1; 500], expiry);
        store.commit(batch).unwrap();
    }
    clock.advance(20_000_000_000);
    assert_eq!(store.len(), 0);
    assert!(store.stats().held_bytes > 50_000);
    store.compact().unwrap();
    assert_eq!(store.stats().held_bytes, 0);
    assert_eq!(store.oldest_readable(), None);
    let next = put(&store, "key", "value");
    assert_eq!(store.oldest_readable(), Some(next), "a new history begins");
}

#[test]
fn f12_more_snapshots_than_the_limit_are_refused_and_ranges_are_not() {
    let (options, clock) = simulated();
    let store = options.snapshots_max(2).open("/store").unwrap();
    let at = put(&store, "key", "value");
    let first = store.snapshot().unwrap();
    clock.advance(5_000_000_000);
    let second = store.at(at).unwrap();
    let error = store.snapshot().expect_err("two are held");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(error.to_string(), "2 snapshots and ranges of /store are in use, and at most 2 may be");
    assert_eq!(store.at(at).map(drop).unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert_eq!(store.range::<&str>(..).count(), 1);
    assert_eq!(store.get_many(&["key"]).unwrap().len(), 1);
    let stats = store.stats();
    assert_eq!((stats.snapshots, stats.oldest_snapshot), (2, Some(at)));
    assert_eq!(stats.oldest_snapshot_age, Some(std::time::Duration::from_secs(5)));
    drop((first, second));
    store.snapshot().unwrap();
}

#[test]
fn f11_a_narrower_window_is_durable_at_once_and_a_wider_one_brings_nothing_back() {
    let (options, clock) = simulated();
    let store = options.open("/store").unwrap();
    for _ in 0..10 {
        put(&store, "key", "value");
        clock.advance(1_000_000_000);
    }
    assert_eq!(store.set_retention(Retention::Commits(8)).unwrap(), 2);
    assert_eq!(store.set_retention(Retention::Age(std::time::Duration::from_secs(5))).unwrap(), 3);
    assert_eq!(store.oldest_batch(), Some(Sequence(6)));
    assert_eq!(store.set_retention(Retention::All).unwrap(), 0);
    put(&store, "key", "value");
    assert_eq!(store.set_retention(Retention::Bytes(1)).unwrap(), 6, "the newest does not fit either");
    assert_eq!((store.oldest_batch(), store.oldest_readable()), (None, None));
    // Killed: nothing was closed, and what was given up stays so.
    drop(store);
    let store = options.open("/store").unwrap();
    assert_eq!((store.oldest_batch(), store.sequence()), (None, Sequence(11)));
    store.close().unwrap();
    let store = options.open_read_only("/store").unwrap();
    assert_eq!(store.set_retention(Retention::All).unwrap_err().kind(), ErrorKind::ReadOnly);
}

/// A prune of what the window had let go of without a word in the log counted nothing and wrote nothing, so after a power cut the
/// commits were back.
#[test]
fn f11_a_prune_of_what_retention_gave_up_is_durable() {
    let clock = SimClock::new(START_NS);
    let disk = SimDisk::new(7);
    let options = |disk: &SimDisk| {
        let environment = Environment {
            disk: Arc::new(disk.clone()),
            clock: Arc::new(clock.clone()),
            random: Arc::new(SimRandom::new(1)),
            background: false,
        };
        Options::new().environment(environment).retention(Retention::All).whole_history(true)
    };
    let store = options(&disk).retention(Retention::Commits(2)).open("/store").unwrap();
    for _ in 0..10 {
        put(&store, "key", "value");
    }
    assert_eq!(store.prune(Sequence(5)).unwrap(), 0);
    let after = disk.crash(3);
    let store = options(&after).open("/store").unwrap();
    assert_eq!(store.oldest_batch(), Some(Sequence(9)));
}
