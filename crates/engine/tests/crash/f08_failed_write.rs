//! F08: writes come back short, interrupted or with an error, in the middle of a batch. They are completed, or the
//! store is poisoned, and nothing half-written is reachable after it is opened again.

use std::io;

use pentad_engine::seams::sim::{Effect, Fault, Op, Repeat};
use pentad_engine::{Durability, ErrorKind};

use crate::harness::request::{Change, End, Request};
use crate::harness::world::{Cut, World};

fn batch(tag: u8) -> Request {
    let put = |n: u8| Change::Put { key: vec![b'k', n], value: vec![tag; 700].into(), end: End::Never };
    Request::of(Durability::Disk, (0..6).map(put).collect())
}

#[test]
fn f08_short_and_interrupted_reads_and_writes_are_completed() {
    for (effect, on) in [Effect::Short, Effect::Interrupted]
        .into_iter()
        .flat_map(|effect| [Op::Write, Op::Read].map(|op| (effect, op)))
    {
        let mut world = World::opened(1);
        world.disk.inject(Fault { on, nth: 1, effect, repeat: Repeat::Once });
        world.commit(&batch(1)).unwrap_or_else(|stop| panic!("{effect:?} {on:?}: {stop}"));
        world.commit(&batch(2)).unwrap_or_else(|stop| panic!("{effect:?} {on:?}: {stop}"));
        world.cut(Cut::Power);
        world.open().unwrap();
        assert_eq!(world.past.sequence(), 2, "{effect:?} {on:?}");
    }
}

/// A sync that is interrupted has proved nothing: it is repeated, or the commit fails.
#[test]
fn f08_interrupted_sync_is_repeated_or_told() {
    for nth in 1..6 {
        let mut world = World::opened(1);
        world.disk.inject(Fault { on: Op::Sync, nth, effect: Effect::Interrupted, repeat: Repeat::Once });
        let result = world.commit(&batch(1)).and_then(|()| world.commit(&batch(2)));
        let told = result.err().map(|stop| stop.text);
        assert!(told.as_ref().is_none_or(|text| text.contains("interrupted")), "{told:?}");
        world.cut(Cut::Power);
        world.open().unwrap_or_else(|stop| panic!("sync {nth}: {stop}"));
        assert!(told.is_some() || world.past.sequence() == 2, "sync {nth}: acknowledged and gone");
    }
}

#[test]
fn f08_every_write_may_be_short() {
    let mut world = World::new(1);
    for nth in 1..2000 {
        world.disk.inject(Fault { on: Op::Write, nth, effect: Effect::Short, repeat: Repeat::Once });
    }
    world.open().unwrap();
    world.commit(&batch(1)).unwrap();
    world
        .commit(&Request::of(
            Durability::Disk,
            vec![Change::PutStreamed { key: b"s".to_vec(), value: vec![7; 10_000].into() }],
        ))
        .unwrap();
    world.compact().unwrap();
    world.close().unwrap();
    world.open().unwrap();
    world.check();
}

/// The write of a batch breaks off at its beginning or after its first half.
#[test]
fn f08_write_error_in_a_batch_poisons_and_leaves_nothing_half_written() {
    let kinds = [io::ErrorKind::Other, io::ErrorKind::StorageFull];
    let cuts = [Cut::Kill, Cut::Power];
    for (kind, cut) in kinds.into_iter().flat_map(|kind| cuts.map(|cut| (kind, cut))) {
        for half in [false, true] {
            let mut world = World::new(1);
            // Room for both, so that the first write is the batch and not the header of a segment.
            world.segment_bytes = 65_536;
            world.open().unwrap();
            world.commit(&batch(1)).unwrap();
            if half {
                world.disk.inject(Fault {
                    on: Op::Write,
                    nth: 1,
                    effect: Effect::Short,
                    repeat: Repeat::Once,
                });
            }
            world.disk.inject(Fault::error(Op::Write, 1 + u64::from(half), kind));
            let stop = world.commit(&batch(2)).unwrap_err();
            assert_eq!(stop.kind, Some(ErrorKind::Poisoned), "{kind:?}: {stop}");
            let old = world.store().get([b'k', 0]).unwrap();
            assert_eq!(old.as_deref(), Some(&[1; 700][..]), "the old value is visible");
            world.cut(cut);
            world.open().unwrap();
            assert_eq!(world.past.sequence(), 1, "{kind:?}, {cut:?}: half of a batch was taken");
            world.commit(&Request::put(Durability::Disk, "next", b"v")).unwrap();
        }
    }
}

/// A stream whose writes fail leaves nothing behind that a later write could trip over.
#[test]
fn f08_failed_stream_is_not_there() {
    for op in [Op::Write, Op::Sync, Op::Allocate, Op::Create] {
        for nth in 1..4 {
            let mut world = World::opened(1);
            world.commit(&Request::put(Durability::Disk, "s", b"old")).unwrap();
            world.disk.inject(Fault::error(op, nth, io::ErrorKind::Other));
            let change = Change::PutStreamed { key: b"s".to_vec(), value: vec![7; 20_000].into() };
            let result = world.commit(&Request::of(Durability::Disk, vec![change]));
            world.disk.take_faults();
            if result.is_err() {
                assert_eq!(world.store().get("s").unwrap().as_deref(), Some(&b"old"[..]), "{op:?} {nth}");
            }
            world.cut(Cut::Kill);
            world.open().unwrap_or_else(|stop| panic!("{op:?} {nth}: {stop}"));
            world.commit(&Request::put(Durability::Disk, "next", b"v")).unwrap();
            world.close().unwrap();
            world.open().unwrap();
        }
    }
}

/// A reader that errs is not the disk's fault: dropping the writer unfinished leaves no trace either.
#[test]
fn f08_abandoned_stream_is_not_there() {
    use std::io::Write;
    let mut world = World::opened(1);
    world.commit(&Request::put(Durability::Disk, "a", b"v")).unwrap();
    let mut writer = world.store().stream().unwrap();
    writer.write_all(&[7; 30_000]).unwrap();
    drop(writer);
    world.commit(&Request::put(Durability::Disk, "b", b"v")).unwrap();
    world.check();
    world.close().unwrap();
    let files = world.disk.image().len();
    world.open().unwrap();
    world.close().unwrap();
    assert!(world.disk.image().len() <= files, "the stream's segment is gone for good");
    assert!(world.disk.image().values().all(|bytes| !bytes.windows(64).any(|window| window == [7; 64])));
}
