//! F01: the power goes at any moment and takes any part of what was not synced. What is left is an exact prefix of
//! the commits with everything that was acknowledged, also when the recovery is cut off in its turn.

use pentad_engine::Durability;
use pentad_engine::seams::sim::SimDisk;

use crate::harness::history::History;
use crate::harness::request::{Change, End, Request};
use crate::harness::scenarios::{gaps, kills_and_power_cuts, power_cuts};
use crate::harness::stop::Stop;
use crate::harness::world::{Cut, World};
use crate::seeds::each_seed;

#[test]
fn f01_random_programs_with_power_cuts_keep_a_prefix() {
    each_seed("f01_power_cut::f01_random_programs_with_power_cuts_keep_a_prefix", 400, power_cuts);
}

#[test]
fn f01_random_programs_with_kills_and_power_cuts_keep_a_prefix() {
    let test = "f01_power_cut::f01_random_programs_with_kills_and_power_cuts_keep_a_prefix";
    each_seed(test, 400, kills_and_power_cuts);
}

#[test]
fn f01_frames_behind_a_lost_one_never_come_back() {
    each_seed("f01_power_cut::f01_frames_behind_a_lost_one_never_come_back", 300, gaps);
}

/// Two levels of durability, a batch, a delete, a commit larger than a segment, and so the start of a new one.
fn small_program(world: &mut World) -> Result<(), Stop> {
    world.open()?;
    world.commit(&Request::put(Durability::Disk, "a", b"first"))?;
    world.commit(&Request::put(Durability::Os, "b", &[b'b'; 900]))?;
    let pair =
        ["a", "c"].map(|key| Change::Put { key: key.into(), value: (*b"both").into(), end: End::Never });
    world.commit(&Request::of(Durability::Os, pair.to_vec()))?;
    world.commit(&Request::put(Durability::Os, "large", &[b'l'; 3000]))?;
    world.commit(&Request::delete(Durability::Disk, "b"))?;
    world.close()
}

/// The power goes before the operation after `operations`.
fn cut_after(operations: u64) -> (World, bool) {
    let mut world = World::new(1);
    world.off_in(operations);
    let result = small_program(&mut world);
    if let Err(stop) = &result {
        world.excuse(stop);
    }
    let done = result.is_ok() && !world.is_off();
    (world, done)
}

fn reopened(disk: SimDisk, past: &History, created: bool, what: &str) -> World {
    let mut world = World::on(2, disk, past.clone(), 1_700_000_000_000_000_000);
    world.created = created;
    world.look();
    world.open().unwrap_or_else(|stop| panic!("{what}: {stop}"));
    world
}

#[test]
fn f01_every_operation_with_every_single_sector_missing_or_alone() {
    let mut cuts = 0_u64;
    for operations in 0.. {
        let (mut world, done) = cut_after(operations);
        let created = world.was_created();
        world.past.lose_power();
        let pending = world.disk.pending(512);
        for part in &pending {
            let what = format!("after {operations} operations, all but {part:?}");
            reopened(world.disk.crash_exact(512, &mut |other| other != part), &world.past, created, &what);
            let what = format!("after {operations} operations, only {part:?}");
            reopened(world.disk.crash_exact(512, &mut |other| other == part), &world.past, created, &what);
        }
        let what = format!("after {operations} operations, nothing");
        reopened(world.disk.crash_exact(512, &mut |_| false), &world.past, created, &what);
        let what = format!("after {operations} operations, everything");
        reopened(world.disk.crash_exact(512, &mut |_| true), &world.past, created, &what);
        cuts += 2 * pending.len() as u64 + 2;
        if done {
            break;
        }
    }
    assert!(cuts > 100, "only {cuts} cuts: the program did next to nothing");
}

#[test]
fn f01_a_recovery_cut_off_at_every_operation_changes_nothing() {
    let mut recoveries = 0_u64;
    for operations in 0.. {
        let (mut world, done) = cut_after(operations);
        let created = world.was_created();
        world.past.lose_power();
        // An orderly cut and a wild one: both leave work for the recovery.
        for seed in [operations, operations + 1000] {
            let torn = world.disk.crash(seed);
            let first =
                reopened(torn.kill(), &world.past, created, &format!("after {operations}, seed {seed}"));
            let found = first.past.sequence();
            for more in 0.. {
                let again = torn.kill();
                let mut second = World::on(3, again, world.past.clone(), 1_700_000_000_000_000_000);
                second.created = created;
                second.off_in(more);
                let result = second.open();
                if let Err(stop) = &result {
                    second.excuse(stop);
                }
                let finished = result.is_ok() && !second.is_off();
                let created = created || result.is_ok();
                second.put_on(second.disk.crash(seed + more));
                let what = format!("after {operations}, seed {seed}, recovery cut after {more}");
                let third = reopened(second.disk.clone(), &world.past, created, &what);
                assert_eq!(third.past.sequence(), found, "{what}: sequence");
                recoveries += 1;
                if finished {
                    break;
                }
            }
        }
        if done {
            break;
        }
    }
    assert!(recoveries > 100, "only {recoveries} recoveries");
}

/// A process is killed while it creates the store: the directory stands under its name, but that name was never
/// synced. The next process finds a store and commits to it; then the power goes, and takes the name.
#[test]
fn f01_store_whose_creation_was_killed_is_not_lost_with_its_name() {
    for operations in 0.. {
        let mut world = World::new(1);
        world.off_in(operations);
        let result = world.open();
        if let Err(stop) = &result {
            world.excuse(stop);
        }
        let done = result.is_ok() && !world.is_off();
        world.cut(Cut::Kill);
        let open = |world: &mut World| {
            world.open().unwrap_or_else(|stop| panic!("created for {operations} operations, killed: {stop}"));
        };
        open(&mut world);
        world.commit(&Request::put(Durability::Disk, "a", b"acknowledged")).unwrap();
        world.past.lose_power();
        let only_synced = world.disk.crash_exact(512, &mut |_| false);
        world.put_on(only_synced);
        open(&mut world);
        assert_eq!(world.past.sequence(), 1, "created for {operations} operations, killed");
        if done {
            break;
        }
    }
}

#[test]
fn f01_what_was_dropped_is_reported() {
    let mut world = World::opened(1);
    world.commit(&Request::put(Durability::Disk, "a", b"kept")).unwrap();
    world.commit(&Request::put(Durability::Os, "b", &[b'b'; 1500])).unwrap();
    let torn = {
        let pending = world.disk.pending(512);
        let lost = pending.last().expect("the commit at Os is not synced").clone();
        world.disk.crash_exact(512, &mut |part| *part != lost)
    };
    let report =
        pentad_engine::verify(crate::harness::world::STORE.as_ref(), &world.options_on(&torn), &mut |_| {})
            .unwrap();
    assert!(report.damage.is_empty(), "{report:?}");
    assert!(report.torn_tail.is_some_and(|tail| tail.bytes > 0), "a torn tail is told");
    world.past.lose_power();
    world.put_on(torn);
    world.open().unwrap();
    assert_eq!(world.past.sequence(), 1);
    assert!(world.store().stats().recovered_tail_bytes > 0, "so is what the open dropped");
}
