//! F07: a sync fails and the next would succeed. What it was to cover is not acknowledged, the store takes no more
//! writes until it is opened again, reads go on, and recovery does not believe what it can merely read back.

use std::io;

use pentad_engine::seams::sim::{Fault, Op};
use pentad_engine::{Durability, ErrorKind};

use crate::harness::request::{Change, Request};
use crate::harness::scenarios::failing_disk;
use crate::harness::stop::Stop;
use crate::harness::world::{Cut, World};
use crate::seeds::each_seed;

/// A store with one commit on the disk and a failed one behind it.
fn failed(seed: u64, durability_before: Durability) -> World {
    let mut world = World::opened(seed);
    world.commit(&Request::put(Durability::Disk, "a", b"old")).unwrap();
    world.commit(&Request::put(durability_before, "b", b"before the failure")).unwrap();
    world.disk.inject(Fault::error(Op::Sync, 1, io::ErrorKind::Other));
    let stop = world.commit(&Request::put(Durability::Disk, "a", b"new")).unwrap_err();
    assert_eq!(stop.kind, Some(ErrorKind::Poisoned), "{stop}");
    world
}

#[test]
fn f07_failed_sync_poisons_writes_and_leaves_reads() {
    let world = failed(1, Durability::Disk);
    let store = world.store();
    assert_eq!(store.get("a").unwrap().as_deref(), Some(&b"old"[..]), "what failed is not visible");
    assert_eq!(store.sequence().0, 2);
    assert!(store.stats().poisoned);
    for attempt in [store.put("a", "again"), store.delete("a"), store.put("c", "other")] {
        assert_eq!(attempt.unwrap_err().kind(), ErrorKind::Poisoned);
    }
    assert_eq!(store.sync().unwrap_err().kind(), ErrorKind::Poisoned);
    assert_eq!(store.prune(store.sequence()).unwrap_err().kind(), ErrorKind::Poisoned);
    assert_eq!(store.compact().unwrap_err().kind(), ErrorKind::Poisoned);
    assert_eq!(store.get("b").unwrap().as_deref(), Some(&b"before the failure"[..]));
    assert_eq!(store.range::<&[u8]>(..).count(), 2);
}

#[test]
fn f07_failed_sync_names_file_and_reason() {
    let mut world = World::opened(1);
    world.disk.inject(Fault::error(Op::Sync, 1, io::ErrorKind::Other));
    let stop = world.commit(&Request::put(Durability::Disk, "a", b"v")).unwrap_err();
    assert!(stop.text.contains("/store") && stop.text.contains("injected"), "{stop}");
}

/// The pages of the failed sync look written and are not. Whatever the open accepts must be written anew: a power
/// cut right after it takes nothing back.
#[test]
fn f07_reopening_after_a_failed_sync_makes_durable_what_it_shows() {
    each_seed("f07_failed_sync::f07_reopening_after_a_failed_sync_makes_durable_what_it_shows", 60, |seed| {
        for before in [Durability::Disk, Durability::Os] {
            for cut in [None, Some(Cut::Kill), Some(Cut::Power)] {
                let mut world = failed(seed, before);
                match cut {
                    None => world.abandon(),
                    Some(cut) => world.cut(cut),
                }
                world.open().unwrap();
                let shown = world.past.sequence();
                let only_synced = world.disk.crash_exact(512, &mut |_| false);
                world.put_on(only_synced);
                world.open().unwrap();
                assert_eq!(
                    world.past.sequence(),
                    shown,
                    "seed {seed}: the open showed what was not on the disk"
                );
                world.commit(&Request::put(Durability::Disk, "a", b"goes on")).unwrap();
            }
        }
    });
}

/// A commit at `Os` was acknowledged, the sync that would have covered it fails: a later power cut may take it, but
/// the store must not say that it is on the disk.
#[test]
fn f07_failed_sync_call_raises_nothing() {
    let mut world = World::opened(1);
    world.commit(&Request::put(Durability::Os, "a", b"v")).unwrap();
    world.disk.inject(Fault::error(Op::Sync, 1, io::ErrorKind::Other));
    assert!(world.sync().is_err());
    assert!(world.store().sync().is_err(), "a second sync proves nothing");
    assert!(world.store().close().is_err(), "and the close says so");
}

#[test]
fn f07_every_failing_sync_of_a_session_is_reported_or_harmless() {
    for (op, durability) in
        [(Op::Sync, Durability::Disk), (Op::SyncDir, Durability::Disk), (Op::Sync, Durability::Os)]
    {
        let mut struck = 0;
        for nth in 1.. {
            let mut world = World::opened(nth);
            world.disk.inject(Fault::error(op, nth, io::ErrorKind::Other));
            let mut session = || {
                for n in 0..4 {
                    world.commit(&Request::put(durability, format!("key {n}"), &[b'v'; 1500]))?;
                }
                world.compact()?;
                world.commit(&Request::put(durability, "after", b"v"))?;
                world.close()
            };
            let result = session();
            let waiting = world.disk.faults_waiting();
            world.disk.take_faults();
            world.cut(Cut::Power);
            world.open().unwrap_or_else(|stop| panic!("{op:?} {nth}: {stop}"));
            if waiting > 0 {
                result.unwrap_or_else(|stop| panic!("{op:?} {nth} did not strike: {stop}"));
                break;
            }
            struck += u32::from(result.is_err());
        }
        assert!(struck > 0, "no failure of {op:?} was told");
    }
}

/// A compaction, a stream or a new log segment could not make its name durable. The directory's later syncs prove nothing,
/// so no segment can be begun any more; but the store did not say so, and refused commits one by one, as they came to
/// need a segment, with an I/O error.
#[test]
fn f07_failed_sync_of_the_directory_poisons_whoever_asked_for_it() {
    type Work = fn(&mut World) -> Result<(), Stop>;
    let works: [(&str, Work); 3] = [
        ("compaction", |world| world.compact()),
        ("stream", |world| {
            let change = Change::PutStreamed { key: b"s".to_vec(), value: vec![7; 20_000].into() };
            world.commit(&Request::of(Durability::Disk, vec![change]))
        }),
        ("segment", |world| world.commit(&Request::put(Durability::Disk, "large", &[b'l'; 6000]))),
    ];
    for (name, work) in works {
        let mut world = World::opened(1);
        for n in 0..4 {
            world.commit(&Request::put(Durability::Disk, "a", &[n; 2000])).unwrap();
        }
        world.prune(5).unwrap();
        world.disk.inject(Fault::error(Op::SyncDir, 1, io::ErrorKind::Other));
        work(&mut world).expect_err(name);
        assert!(world.store().stats().poisoned, "{name}: the store goes on as if nothing had happened");
        let stop = world.commit(&Request::put(Durability::Disk, "b", b"small")).unwrap_err();
        assert_eq!(stop.kind, Some(ErrorKind::Poisoned), "{name}: {stop}");
        assert!(stop.text.contains("sync the directory"), "{name}: {stop}");
        assert_eq!(world.store().get("a").unwrap().as_deref(), Some(&[3; 2000][..]), "{name}: reads go on");
        world.cut(Cut::Power);
        world.open().unwrap_or_else(|stop| panic!("{name}: {stop}"));
        world.commit(&Request::put(Durability::Disk, "b", b"small")).unwrap();
    }
}

#[test]
fn f07_f08_random_failures_never_lose_what_was_acknowledged() {
    each_seed("f07_failed_sync::f07_f08_random_failures_never_lose_what_was_acknowledged", 400, failing_disk);
}
