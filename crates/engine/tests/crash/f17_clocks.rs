//! F17: clocks jump by hours, restart in the past, and times to live are nothing or without end. What has expired
//! stays gone, and no arithmetic overflows.

use std::time::Duration;

use pentad_engine::seams::sim::SimClock;
use pentad_engine::{Batch, Expiry, Store, Timestamp};

use crate::harness::world::{Cut, STORE, World};

const SECOND_NS: u64 = 1_000_000_000;
const HOUR_NS: u64 = 3600 * SECOND_NS;

fn put(store: &Store, key: &str, expiry: Expiry) {
    let mut batch = Batch::new();
    batch.put_expiring(key, "v", expiry);
    store.commit(batch).unwrap();
}

fn is_there(store: &Store, key: &str) -> bool {
    let there = store.get(key).unwrap().is_some();
    assert_eq!(store.contains_key(key).unwrap(), there, "{key}");
    assert_eq!(store.prefix(key).count(), usize::from(there), "{key}");
    there
}

fn reopened(world: &World, store: Store) -> Store {
    store.close().unwrap();
    world.clock.set_monotonic(0);
    world.options_on(&world.disk).open(STORE).unwrap()
}

fn new_store() -> (World, Store) {
    let world = World::new(1);
    let store = world.options_on(&world.disk).open(STORE).unwrap();
    (world, store)
}

fn wall_ns(clock: &SimClock) -> u64 {
    pentad_engine::seams::Clock::wall_ns(clock)
}

#[test]
fn f17_wall_clock_set_back_by_hours_revives_nothing_and_stops_no_time_to_live() {
    let (world, store) = new_store();
    put(&store, "first", Expiry::After(Duration::from_secs(10)));
    world.clock.advance(11 * SECOND_NS);
    assert!(!is_there(&store, "first"));
    let before = store.now();
    world.clock.set_wall(wall_ns(&world.clock) - 5 * HOUR_NS);
    assert!(store.now() >= before);
    assert!(!is_there(&store, "first"));
    // The monotonic clock goes on, and with it the times to live.
    put(&store, "second", Expiry::After(Duration::from_secs(10)));
    world.clock.advance(9 * SECOND_NS);
    assert!(is_there(&store, "second"));
    world.clock.advance(SECOND_NS);
    assert!(!is_there(&store, "second"));
}

#[test]
fn f17_wall_clock_that_jumps_forward_and_back_expires_for_good() {
    let (world, store) = new_store();
    put(&store, "hour", Expiry::After(Duration::from_secs(3600)));
    put(&store, "day", Expiry::After(Duration::from_secs(86_400)));
    let wall = wall_ns(&world.clock);
    world.clock.set_wall(wall + 2 * HOUR_NS);
    assert!(!is_there(&store, "hour") && is_there(&store, "day"));
    world.clock.set_wall(wall);
    assert!(!is_there(&store, "hour") && is_there(&store, "day"));
    let store = reopened(&world, store);
    assert!(!is_there(&store, "hour") && is_there(&store, "day"));
}

#[test]
fn f17_restart_with_the_clock_in_the_past_goes_on_where_time_was() {
    let (world, store) = new_store();
    put(&store, "gone", Expiry::After(Duration::from_secs(10)));
    put(&store, "hour", Expiry::After(Duration::from_secs(3600)));
    world.clock.advance(10 * SECOND_NS);
    assert!(!is_there(&store, "gone"));
    let before = store.now();
    world.clock.set_wall(1);
    let store = reopened(&world, store);
    assert!(store.now() >= before, "{:?} after {before:?}", store.now());
    assert!(!is_there(&store, "gone") && is_there(&store, "hour"));
    world.clock.advance(HOUR_NS);
    assert!(!is_there(&store, "hour"), "an hour is an hour, whatever the wall clock shows");
}

/// The times of expiries are recorded every second; `maintain` does it here, where there are no threads.
#[test]
fn f17_expiry_that_was_seen_and_recorded_outlives_a_kill_and_a_clock_set_back() {
    for cut in [Cut::Power, Cut::Kill] {
        let (mut world, store) = new_store();
        put(&store, "gone", Expiry::After(Duration::from_secs(10)));
        world.clock.advance(10 * SECOND_NS);
        assert!(!is_there(&store, "gone"));
        store.maintain().unwrap();
        world.disk = match cut {
            Cut::Power => world.disk.crash(7),
            Cut::Kill => world.disk.kill(),
        };
        drop(store);
        world.clock.set_wall(1);
        world.clock.set_monotonic(0);
        let store = world.options_on(&world.disk).open(STORE).unwrap();
        assert!(!is_there(&store, "gone"), "{cut:?}");
    }
}

#[test]
fn f17_times_to_live_of_nothing_and_of_ever_are_what_they_say() {
    let (world, store) = new_store();
    put(&store, "nothing", Expiry::After(Duration::ZERO));
    put(&store, "past", Expiry::At(Timestamp(0)));
    put(&store, "ever", Expiry::After(Duration::MAX));
    put(&store, "end", Expiry::At(Timestamp(u64::MAX)));
    let there = |store: &Store| ["nothing", "past", "ever", "end"].map(|key| is_there(store, key));
    assert_eq!(there(&store), [false, false, true, true]);
    let store = reopened(&world, store);
    assert_eq!(there(&store), [false, false, true, true]);
    assert_eq!(store.len(), 2);
}

/// At the end of 64 bits of nanoseconds, in the year 2554, time stands still; nothing overflows.
#[test]
fn f17_clock_at_the_end_of_time_overflows_nothing() {
    let (world, store) = new_store();
    put(&store, "before", Expiry::After(Duration::from_secs(10)));
    world.clock.set_wall(u64::MAX - SECOND_NS);
    assert!(!is_there(&store, "before"));
    put(&store, "after", Expiry::After(Duration::from_secs(10)));
    assert!(is_there(&store, "after"));
    world.clock.advance(100 * SECOND_NS);
    store.put("plain", "v").unwrap();
    assert!(!is_there(&store, "after") && is_there(&store, "plain"));
    assert_eq!(store.now(), Timestamp(u64::MAX));
    let store = reopened(&world, store);
    assert!(is_there(&store, "plain"));
    store.maintain().unwrap();
    store.close().unwrap();
}
