//! Backups on the simulated disk: taken from a store that is cut off at every operation of it, restored, and compared with
//! what the store held at the moment of the backup.

use pentad_engine::seams::sim::{Rng, SimDisk};
use pentad_engine::seams::{Clock as _, Disk as _};
use pentad_engine::{Backups, ErrorKind};

use super::history::History;
use super::program::step;
use super::scenarios::{finish, world_of};
use super::world::{STORE, World};

/// Where the backups are.
const BACKUPS: &str = "/backups";

/// A closed store with one backup, and what the store held when that was taken.
fn with_a_backup(seed: u64) -> (World, History) {
    let (mut world, mix) = world_of(seed);
    let fails = |world: &World, stop: &dyn std::fmt::Display| -> ! { panic!("{}: {stop}", world.context()) };
    world.open().unwrap_or_else(|stop| fails(&world, &stop));
    let steps = |world: &mut World| {
        for _ in 0..15 {
            step(world, mix).unwrap_or_else(|stop| fails(world, &stop));
        }
    };
    steps(&mut world);
    world.store().backup(BACKUPS, &mut |_| ()).unwrap_or_else(|error| fails(&world, &error));
    // Its moment is durable in the store as well.
    world.past.raise();
    let first = world.past.clone();
    steps(&mut world);
    world.close().unwrap_or_else(|stop| fails(&world, &stop));
    (world, first)
}

/// A world like another one, around what is on `disk`, which holds what `past` says.
fn like(other: &World, seed: u64, disk: SimDisk, past: History) -> World {
    let mut world = World::on(seed, disk, past, other.clock.wall_ns());
    world.window = other.window;
    world.segment_bytes = other.segment_bytes;
    world.probes = other.probes.clone();
    world
}

fn open(world: &World, disk: &SimDisk) -> Backups {
    let opened = world.options_on(disk).open_backups(BACKUPS);
    opened.unwrap_or_else(|error| panic!("{}: {error}", world.context()))
}

/// The sequences of the backups.
fn list(world: &World, disk: &SimDisk) -> Vec<u64> {
    let listed = open(world, disk).list().unwrap_or_else(|error| panic!("{}: {error}", world.context()));
    listed.iter().map(|backup| backup.sequence.0).collect()
}

/// A world whose store is the one restored on `disk` from backup `number`, which was taken when the store held `past`.
fn restored(other: &World, disk: SimDisk, number: u64, past: &History) -> World {
    disk.rename(STORE.as_ref(), "/before".as_ref()).expect("the store is there and closed");
    let report = open(other, &disk).restore(Some(number), STORE, &mut |_| ());
    let report = report.unwrap_or_else(|error| panic!("{}, backup {number}: {error}", other.context()));
    assert!(report.damage.is_empty(), "{}, backup {number}: {:?}", other.context(), report.damage);
    // What was verified has to be durable as well.
    like(other, number, disk.crash(number), past.clone())
}

/// A second backup is taken, cut off after 0, 1, 2 … operations; then one of those that are listed is restored.
pub(crate) fn backups(seed: u64) {
    let (base, first) = with_a_backup(seed);
    let mut rng = Rng::new(seed);
    for operations in 0.. {
        let mut world = like(&base, operations, base.disk.kill(), base.past.clone());
        world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
        let pasts = [&first, &world.past.clone()];
        let [one, two] = pasts.map(History::sequence);
        world.off_in(operations);
        let taken = world.store().backup(BACKUPS, &mut |_| ());
        if let Err(error) = &taken {
            assert!(world.is_off(), "{}, cut after {operations}: {error}", world.context());
        }
        let done = taken.is_ok() && !world.is_off();
        let after = world.disk.crash(rng.bits());
        let listed = list(&world, &after);
        let owed: &[u64] = if taken.is_ok() { &[one, two] } else { &[one] };
        let context = format!("{}, cut after {operations}", world.context());
        assert!(listed == [one, two] || listed == owed, "{context}: {listed:?} instead of {owed:?}");
        // The older one every now and then: its files must not have gone.
        let at = if rng.chance(200) { 0 } else { listed.len() - 1 };
        let mut copy = restored(&world, after, at as u64 + 1, pasts[at]);
        copy.open().unwrap_or_else(|stop| panic!("{context}: {stop}"));
        finish(&mut copy);
        if done {
            break;
        }
    }
}

/// The newest backup is restored, cut off after 0, 1, 2 … operations: the store is there and whole, or not there.
pub(crate) fn restorations(seed: u64) {
    let (base, first) = with_a_backup(seed);
    let mut rng = Rng::new(seed);
    for operations in 0.. {
        let disk = base.disk.kill();
        disk.rename(STORE.as_ref(), "/before".as_ref()).expect("the store is there and closed");
        disk.sync_dir("/".as_ref()).expect("the disk is sound");
        let backups = open(&base, &disk);
        disk.fail_after(disk.operations() + operations);
        let is_done = backups.restore(None, STORE, &mut |_| ()).is_ok();
        let mut world = like(&base, operations, disk.crash(rng.bits()), first.clone());
        match world.open() {
            Ok(()) => finish(&mut world),
            Err(stop) => {
                assert!(!is_done, "{}, cut after {operations}: {stop}", base.context());
                assert_eq!(stop.kind, Some(ErrorKind::StoreNotFound), "cut after {operations}: {stop}");
            }
        }
        if is_done {
            break;
        }
    }
}
