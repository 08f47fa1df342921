//! The floor of the batch log under each window, over segments that come and go, and after opening again.

use std::sync::Arc;
use std::time::Duration;

use crate::numbers::Sequence;
use crate::options::{Durability, Options, Retention};
use crate::seams::Environment;
use crate::seams::sim::{SimClock, SimDisk, SimRandom};
use crate::store::Store;

const STORE: &str = "/store";
const SECOND_NS: u64 = 1_000_000_000;

struct World {
    options: Options,
    clock: SimClock,
}

fn world(retention: Retention) -> World {
    let clock = SimClock::new(SECOND_NS);
    let environment = Environment {
        disk: Arc::new(SimDisk::new(1)),
        clock: Arc::new(clock.clone()),
        random: Arc::new(SimRandom::new(1)),
        background: false,
    };
    let options = Options::new().segment_bytes(8192).retention(retention).durability(Durability::Os);
    World { options: options.environment(environment), clock }
}

fn put(store: &Store, number: u64) {
    store.put(format!("key {}", number % 10), vec![7; 100]).unwrap();
}

/// All that is retained is read, one by one and in order; what is before is not.
fn check(store: &Store, floor: Sequence) {
    assert_eq!(store.oldest_batch(), Some(floor));
    let last = store.sequence();
    let read: Vec<Sequence> =
        store.commits(Sequence(1)).unwrap().map(|record| record.unwrap().sequence).collect();
    assert_eq!(read, (floor.0..=last.0).map(Sequence).collect::<Vec<_>>());
    for sequence in [floor, Sequence(floor.0.midpoint(last.0)), last] {
        assert_eq!(store.batch(sequence).unwrap().unwrap().len(), 1, "commit {sequence}");
    }
    assert_eq!(store.batch(Sequence(floor.0 - 1)).unwrap(), None);
}

#[test]
fn a_window_of_bytes_is_kept_whole_and_little_more() {
    const WINDOW: u64 = 20_000;
    let world = world(Retention::Bytes(WINDOW));
    let store = world.options.open(STORE).unwrap();
    for number in 1..=1000 {
        put(&store, number);
        if number % 100 == 0 {
            store.compact().unwrap();
            let core = store.core();
            let floor = store.oldest_batch().unwrap();
            let place = core.find_commit(floor, None).unwrap().unwrap();
            let kept = store.tail().0 - place.log_offset.0;
            // A frame here takes less than 256 bytes.
            let least = WINDOW.min(store.tail().0) - 256;
            assert!((least..=WINDOW + WINDOW / 64).contains(&kept), "{kept} bytes are kept");
        }
    }
    let floor = store.oldest_batch().unwrap();
    check(&store, floor);
    store.close().unwrap();
    check(&world.options.open(STORE).unwrap(), floor);
}

#[test]
fn a_window_of_commits_is_exact() {
    let world = world(Retention::Commits(30));
    let store = world.options.open(STORE).unwrap();
    (1..=500).for_each(|number| put(&store, number));
    store.compact().unwrap();
    check(&store, Sequence(471));
    store.close().unwrap();
    check(&world.options.open(STORE).unwrap(), Sequence(471));
}

#[test]
fn a_window_of_time_is_exact() {
    let world = world(Retention::Age(Duration::from_secs(50)));
    let store = world.options.open(STORE).unwrap();
    for number in 1..=500 {
        put(&store, number);
        world.clock.advance(SECOND_NS);
    }
    // Commit n was accepted n - 1 seconds after the first one, and the last one moved the floor.
    check(&store, Sequence(450));
    world.clock.advance(20 * SECOND_NS);
    store.compact().unwrap();
    check(&store, Sequence(471));
}

#[test]
fn without_a_window_nothing_goes_and_a_window_of_nothing_keeps_nothing() {
    let all = world(Retention::All);
    let store = all.options.open(STORE).unwrap();
    (1..=300).for_each(|number| put(&store, number));
    store.compact().unwrap();
    assert_eq!(store.oldest_batch(), Some(Sequence(1)));
    store.close().unwrap();
    for retention in [Retention::Bytes(0), Retention::Commits(0)] {
        let store = all.options.clone().retention(retention).open(STORE).unwrap();
        put(&store, 1);
        assert_eq!(store.oldest_batch(), None);
        assert_eq!(store.batch(store.sequence()).unwrap(), None);
        store.compact().unwrap();
        store.close().unwrap();
    }
}

/// The commits used to be held in memory one by one, 40 bytes for each. What they replace is another thing.
#[test]
fn a_retained_commit_takes_no_memory() {
    let world = world(Retention::All);
    let store = world.options.segment_bytes(1 << 20).history_bytes(0).open(STORE).unwrap();
    let memory = |store: &Store| {
        while store.core().index.maintain(Duration::MAX) {}
        store.stats().index_bytes
    };
    (1..=100).for_each(|number| put(&store, number));
    let before = memory(&store);
    (1..=4000).for_each(|number| put(&store, number));
    let after = memory(&store);
    assert!(after < before + 4000 * 8, "4,000 commits took {} bytes", after - before);
}
