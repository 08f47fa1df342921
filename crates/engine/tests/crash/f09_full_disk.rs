//! F09: the disk fills up. Commits are refused with a clear error before anything is visible, the store is not
//! poisoned, deleting and compacting still work, and then there is room again without a restart.

use pentad_engine::{Durability, ErrorKind};

use crate::harness::request::{Change, Request};
use crate::harness::stop::Stop;
use crate::harness::world::{Cut, World};

/// Fills the disk with values of 2 KB until a commit is refused; returns how many are in.
fn fill(world: &mut World, value: u8) -> (u64, Stop) {
    for n in 0..1000 {
        if let Err(stop) =
            world.commit(&Request::put(Durability::Disk, format!("fill {n:03}"), &[value; 2000]))
        {
            return (n, stop);
        }
    }
    panic!("two megabytes fit on a disk of 512 KiB");
}

fn full_world() -> World {
    let mut world = World::new(1);
    world.segment_bytes = 16_384;
    world.disk.set_capacity(Some(512 << 10));
    world.open().unwrap();
    let (count, stop) = fill(&mut world, b'1');
    assert_eq!(stop.kind, Some(ErrorKind::DiskFull), "{stop}");
    assert!(count >= 20, "only {count} values of 2 KB fit on 512 KiB");
    world
}

fn empty_out(world: &mut World) {
    for n in 0..1000 {
        let key = format!("fill {n:03}");
        if world.store().contains_key(&key).unwrap() {
            world
                .commit(&Request::delete(Durability::Disk, key))
                .unwrap_or_else(|stop| panic!("delete {n}: {stop}"));
        }
    }
    let next = world.past.sequence() + 1;
    world.prune(next).unwrap_or_else(|stop| panic!("prune: {stop}"));
    world.compact().unwrap_or_else(|stop| panic!("compact: {stop}"));
}

#[test]
fn f09_full_disk_refuses_writes_visibly_and_poisons_nothing() {
    let mut world = full_world();
    let sequence = world.store().sequence();
    assert!(!world.store().stats().poisoned);
    let stop = world.commit(&Request::put(Durability::Disk, "big", &[b'x'; 60_000])).unwrap_err();
    assert_eq!(stop.kind, Some(ErrorKind::DiskFull), "{stop}");
    assert_eq!(world.store().sequence(), sequence);
    world.check();
}

#[test]
fn f09_full_disk_is_emptied_and_used_again_without_a_restart() {
    let mut world = full_world();
    empty_out(&mut world);
    let (count, stop) = fill(&mut world, b'2');
    assert!(count >= 20, "after deleting everything only {count} values fit: {stop}");
    world.check();
}

#[test]
fn f09_full_disk_is_opened_after_a_power_cut_and_emptied() {
    for cut in [Cut::Power, Cut::Kill] {
        let mut world = full_world();
        world.cut(cut);
        world.open().unwrap_or_else(|stop| panic!("{cut:?}, opening a full disk: {stop}"));
        empty_out(&mut world);
        let (count, stop) = fill(&mut world, b'2');
        assert!(count >= 20, "{cut:?}: after deleting everything only {count} values fit: {stop}");
        world.close().unwrap();
        world.open().unwrap();
    }
}

#[test]
fn f09_full_disk_refuses_a_stream_and_keeps_nothing_of_it() {
    let mut world = full_world();
    let used = world.disk.used_bytes();
    let change = Change::PutStreamed { key: b"s".to_vec(), value: vec![7; 200_000].into() };
    let stop = world.commit(&Request::of(Durability::Disk, vec![change])).unwrap_err();
    assert_eq!(stop.kind, Some(ErrorKind::DiskFull), "{stop}");
    assert!(world.disk.used_bytes() <= used + 8192, "the blocks of the refused stream are free again");
    world.check();
}
