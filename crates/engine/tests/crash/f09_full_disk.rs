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

fn try_empty_out(world: &mut World) -> Result<(), Stop> {
    for n in 0..1000 {
        let key = format!("fill {n:03}");
        if world.past.state().keyed.contains_key(key.as_bytes()) {
            world.commit(&Request::delete(Durability::Disk, key))?;
        }
    }
    let next = world.past.sequence() + 1;
    world.prune(next)?;
    world.compact()
}

fn empty_out(world: &mut World) {
    try_empty_out(world).unwrap_or_else(|stop| panic!("emptying a full disk: {stop}"));
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

/// While some delete, others go on trying to put: they must not use up what the deletes need.
#[test]
fn f09_commits_that_add_something_do_not_get_the_reserve() {
    let mut world = full_world();
    for n in 0..150 {
        world
            .commit(&Request::delete(Durability::Disk, format!("fill {n:03}")))
            .unwrap_or_else(|stop| panic!("delete {n}: {stop}"));
        let big = world.commit(&Request::put(Durability::Disk, "new", &[b'x'; 3000])).unwrap_err();
        assert_eq!(big.kind, Some(ErrorKind::DiskFull), "put {n}: {big}");
        // A put of a few bytes may still fit into a segment that was there before the disk was full.
        let mut small = Request::put(Durability::Disk, "small", b"v");
        small.changes.push(Change::Delete { key: format!("fill {n:03}").into() });
        if let Err(stop) = world.commit(&small) {
            assert_eq!(stop.kind, Some(ErrorKind::DiskFull), "small put {n}: {stop}");
        }
    }
    empty_out(&mut world);
    let (count, stop) = fill(&mut world, b'2');
    assert!(count >= 20, "after deleting everything only {count} values fit: {stop}");
}

/// What lives does not fit into the reserve, so compaction has to be refused, and leaves the reserve to the deletes.
#[test]
fn f09_compaction_without_room_for_what_lives_is_refused_and_the_rest_goes_on() {
    let mut world = full_world();
    let next = world.past.sequence() + 1;
    world.prune(next).unwrap();
    let mut used = 0;
    for round in 0..5 {
        let stop = world.compact().unwrap_err();
        assert_eq!(stop.kind, Some(ErrorKind::DiskFull), "{stop}");
        assert!(!world.store().stats().poisoned);
        let left = world.disk.used_bytes();
        assert!(round == 0 || left == used, "what was written in vain is gone: {left}, not {used}");
        used = left;
    }
    world.check();
    let kept = ["fill 003", "fill 050", "fill 099"];
    for n in (0..1000).map(|n| format!("fill {n:03}")).filter(|key| !kept.contains(&&**key)) {
        if world.past.state().keyed.contains_key(n.as_bytes()) {
            world.commit(&Request::delete(Durability::Disk, n)).unwrap();
        }
    }
    let next = world.past.sequence() + 1;
    world.prune(next).unwrap();
    world.compact().unwrap();
    assert!(world.disk.used_bytes() < used / 2, "{} of {used} bytes are still used", world.disk.used_bytes());
    world.check();
}

/// A full disk is closed in order, opened again and emptied, as often as one likes.
#[test]
fn f09_full_disk_is_closed_opened_and_filled_again() {
    let mut world = full_world();
    for round in 0..5 {
        world.close().unwrap_or_else(|stop| panic!("round {round}, close: {stop}"));
        world.open().unwrap_or_else(|stop| panic!("round {round}, open: {stop}"));
        if round % 2 == 1 {
            empty_out(&mut world);
            let (count, stop) = fill(&mut world, b'2');
            assert!(count >= 20, "round {round}: only {count} values fit: {stop}");
        }
    }
}

/// The machine goes off at any operation of the emptying; what is left is opened and emptied to the end.
#[test]
fn f09_emptying_cut_off_at_any_operation_goes_on_after_the_open() {
    for (operations, cut) in (0..60).flat_map(|step| [(step * 23, Cut::Power), (step * 23 + 11, Cut::Kill)]) {
        let mut world = full_world();
        world.off_in(operations);
        let emptied = try_empty_out(&mut world);
        if let Err(stop) = emptied {
            world.excuse(&stop);
        }
        world.cut(cut);
        world.open().unwrap_or_else(|stop| panic!("{cut:?} after {operations} operations: open: {stop}"));
        try_empty_out(&mut world)
            .unwrap_or_else(|stop| panic!("{cut:?} after {operations} operations: {stop}"));
        let (count, stop) = fill(&mut world, b'2');
        assert!(count >= 20, "{cut:?} after {operations} operations: only {count} values fit: {stop}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the reserve is removed behind the store's back")]
fn f09_reserve_has_blocks_on_a_real_disk_and_is_taken_once() {
    use std::os::unix::fs::MetadataExt;
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("store");
    for _ in 0..2 {
        let store = pentad_engine::Options::new().segment_bytes(1 << 20).open(&path).unwrap();
        store.put("a", "b").unwrap();
        store.close().unwrap();
        let reserve = std::fs::metadata(path.join("reserve")).unwrap();
        assert_eq!(reserve.len(), 1 << 20);
        assert!(reserve.blocks() * 512 >= 1 << 20, "{} blocks hold nothing back", reserve.blocks());
    }
    std::fs::remove_file(path.join("reserve")).unwrap();
    let store = pentad_engine::Options::new().open(&path).unwrap();
    assert_eq!(store.get("a").unwrap().as_deref(), Some(&b"b"[..]), "a store without a reserve opens");
}

/// Deletes of many small values take more than the reserve has. They used to take all of it, and then there was nothing left to
/// prune and compact with: the store could not be emptied by any means of its own.
#[test]
fn f09_deletes_leave_enough_of_the_reserve_to_prune_and_compact() {
    let mut world = World::new(1);
    world.segment_bytes = 16_384;
    world.disk.set_capacity(Some(512 << 10));
    world.open().unwrap();
    let key = |n: usize| format!("small {n:04}{}", "-".repeat(100));
    let put = |n| Request::put(Durability::Disk, key(n), b"v");
    let count = (0..10_000).take_while(|n| world.commit(&put(*n)).is_ok()).count();
    assert!(count > 500, "only {count} small values fit on 512 KiB");
    let mut deleted = 0;
    let mut rounds = 0;
    while deleted < count {
        let before = deleted;
        while deleted < count {
            match world.commit(&Request::delete(Durability::Disk, key(deleted))) {
                Ok(_) => deleted += 1,
                Err(stop) => {
                    assert_eq!(stop.kind, Some(ErrorKind::DiskFull), "{stop}");
                    break;
                }
            }
        }
        rounds += 1;
        assert!(deleted > before, "round {rounds}: no delete went through");
        let next = world.past.sequence() + 1;
        world.prune(next).unwrap_or_else(|stop| panic!("round {rounds}, prune: {stop}"));
        world.compact().unwrap_or_else(|stop| panic!("round {rounds}, compact: {stop}"));
    }
    assert!(rounds > 1, "the deletes did not fill the reserve, so this shows nothing");
    world.check();
}

/// Half of the store is dead and the other half does not fit on the disk a second time. What is dead by itself used to stay as
/// well.
#[test]
fn f09_compaction_without_room_for_all_frees_what_is_all_but_dead() {
    let mut world = full_world();
    let count = world.past.state().keyed.len();
    for n in 0..count / 2 {
        world.commit(&Request::delete(Durability::Disk, format!("fill {n:03}"))).unwrap();
    }
    let used = world.disk.used_bytes();
    let next = world.past.sequence() + 1;
    world.prune(next).unwrap();
    world.compact().unwrap_or_else(|stop| panic!("compact: {stop}"));
    assert!(
        world.disk.used_bytes() < used * 2 / 3,
        "{} of {used} bytes are still used",
        world.disk.used_bytes()
    );
    world.check();
    world.cut(Cut::Power);
    world.open().unwrap();
    world.check();
}
