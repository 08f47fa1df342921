//! F20, and what of the other cases can befall a record log: nothing that was acknowledged is lost, nothing comes back that was cut,
//! and calls are never reordered.

use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use pentad_engine::ErrorKind;
use pentad_engine::seams::sim::{Effect, Fault, Op, Repeat, SimDisk};

use crate::harness::record_log_faults::{failing_disk, rot};
use crate::harness::record_logs::{Call, LOG, LogWorld, cuts, shown};
use crate::seeds::each_seed;

#[test]
fn f01_f20_a_cut_leaves_an_exact_prefix_of_the_calls_with_all_that_were_acknowledged() {
    each_seed(
        "f20_record_log::f01_f20_a_cut_leaves_an_exact_prefix_of_the_calls_with_all_that_were_acknowledged",
        1000,
        cuts,
    );
}

#[test]
fn f07_f08_f20_the_first_failure_of_the_disk_is_for_ever_and_loses_nothing() {
    each_seed(
        "f20_record_log::f07_f08_f20_the_first_failure_of_the_disk_is_for_ever_and_loses_nothing",
        1000,
        failing_disk,
    );
}

#[test]
fn f03_f04_f20_a_flipped_bit_is_refused_or_makes_no_difference() {
    each_seed("f20_record_log::f03_f04_f20_a_flipped_bit_is_refused_or_makes_no_difference", 100, rot);
}

fn record(number: u64, length: usize) -> Bytes {
    vec![u8::try_from(number % 251).unwrap(); length].into()
}

fn records(numbers: std::ops::Range<u64>, length: usize) -> Vec<Bytes> {
    numbers.map(|number| record(number, length)).collect()
}

/// Everything that a log does, in few steps: groups, a truncation, segments that are begun and given back with a vote in them.
fn small_program(world: &mut LogWorld) -> Result<(), pentad_engine::Error> {
    world.segment_bytes = 4096;
    world.open()?;
    world.call(&Call::Small("vote", "term 1".into()))?;
    world.hear()?;
    let log = world.log().clone();
    let group = log.group();
    world.call(&Call::Append(0, records(0..3, 700)))?;
    world.call(&Call::SmallLater("committed", "1".into()))?;
    world.call(&Call::TruncateAfter(Some(1)))?;
    world.call(&Call::Append(2, records(2..4, 900)))?;
    drop(group);
    world.hear()?;
    world.call(&Call::Append(4, records(4..9, 800)))?;
    world.hear()?;
    let group = log.group();
    for (value, through) in [(vec![b'3'; 600], 3), (vec![b'5'; 600], 5)] {
        world.call(&Call::SmallLater("purged", value.into()))?;
        world.call(&Call::Purge(through))?;
    }
    drop(group);
    world.call(&Call::Append(9, records(9..10, 100)))?;
    world.hear()
}

#[test]
fn f01_f11_f20_every_operation_of_a_small_program_cut_with_every_sector_missing_or_alone() {
    let mut cuts = 0_u64;
    for operations in 0.. {
        let mut world = LogWorld::new(1);
        world.off_in(operations);
        let result = small_program(&mut world);
        if let Err(error) = &result {
            world.excuse(error);
        }
        let done = result.is_ok() && !world.is_off();
        let pending = world.disk.pending(512);
        let mut open = |disk: SimDisk, which: &str| {
            let what = format!("after {operations} operations, {which}");
            let log = world.options(&disk).open(LOG).unwrap_or_else(|error| panic!("{what}: {error}"));
            let held = shown(&log, &what);
            assert!(world.may_hold(&held), "{what}: {held:?}");
            drop(log);
            let again =
                world.options(&disk.kill()).open(LOG).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(shown(&again, &what), held, "{what}: another recovery");
            cuts += 1;
        };
        open(world.disk.crash_exact(512, &mut |_| false), "nothing");
        open(world.disk.crash_exact(512, &mut |_| true), "everything");
        for part in &pending {
            open(world.disk.crash_exact(512, &mut |other| other != part), &format!("all but {part:?}"));
            open(world.disk.crash_exact(512, &mut |other| other == part), &format!("only {part:?}"));
        }
        if done {
            break;
        }
    }
    assert!(cuts > 500, "{cuts}");
}

/// A small log, its segment, and where the last frame of it begins.
fn two_groups() -> (LogWorld, PathBuf, usize) {
    let mut world = LogWorld::new(3);
    world.segment_bytes = 4096;
    world.open().unwrap();
    world.call(&Call::Append(0, records(0..2, 30))).unwrap();
    let (_, before) = written(&world.disk);
    world.call(&Call::Append(2, records(2..4, 50))).unwrap();
    let (path, _) = written(&world.disk);
    world.hear().unwrap();
    (world, path, before.next_multiple_of(8))
}

/// The only segment on a disk, and how much of it was written.
fn written(disk: &SimDisk) -> (PathBuf, usize) {
    let image = disk.image();
    let (path, bytes) = image.iter().find(|(path, _)| path.extension().is_some_and(|e| e == "log")).unwrap();
    (path.clone(), bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1)
}

#[test]
fn f02_f20_the_last_frame_cut_at_every_byte_loses_that_frame_only() {
    let (world, path, start) = two_groups();
    let (_, end) = written(&world.disk);
    assert!(end > start + 64 + 100, "{start}..{end}");
    let image = world.disk.image();
    for at in start..end {
        for zeros in [false, true] {
            let torn = SimDisk::from_image(1, &image);
            torn.edit(&path, |bytes| if zeros { bytes[at..].fill(0) } else { bytes.truncate(at) });
            let what = format!("cut at {at}, zeros {zeros}");
            let log = world.options(&torn).open(LOG).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(log.read(0..9, u64::MAX).unwrap().len(), 2, "{what}");
            log.append(2, records(2..3, 10), |result| result.unwrap()).unwrap();
        }
    }
}

/// The same cut once the log was closed, or a later group says that the frame was durable: that is damage.
#[test]
fn f02_f20_what_a_mark_covers_is_missed() {
    for closed in [true, false] {
        let (mut world, path, start) = two_groups();
        if closed {
            world.log().close().unwrap();
        } else {
            world.call(&Call::Append(4, records(4..5, 10))).unwrap();
        }
        let cut = SimDisk::from_image(1, &world.disk.image());
        cut.edit(&path, |bytes| if closed { bytes.truncate(start + 100) } else { bytes[start + 100] ^= 1 });
        let before = cut.image();
        let error = world.options(&cut).open(LOG).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
        assert!(error.to_string().contains("must not be gone on with"), "{error}");
        assert_eq!(cut.image(), before, "nothing is changed");
    }
}

#[test]
fn f09_f20_a_full_disk_ends_the_log_and_loses_nothing_and_purging_gives_space_back() {
    let mut world = LogWorld::new(4);
    (world.segment_bytes, world.recent_bytes) = (16 << 10, 1000);
    world.disk.set_capacity(Some(512 << 10));
    world.open().unwrap();
    world.call(&Call::Small("vote", "term 7".into())).unwrap();
    let error = loop {
        let next = world.held().next;
        world.call(&Call::Append(next, records(next..next + 1, 2000))).unwrap();
        if let Err(error) = world.hear() {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}");
    let written = world.held().next;
    assert!(written > 100, "{written} records of 2 KB on 512 KiB");
    let refused = world.call(&Call::Append(written, records(0..1, 1))).unwrap_err();
    assert!(refused.kind() == ErrorKind::Poisoned && refused.to_string().contains("space"), "{refused}");
    // The disk stays full, and the log opens all the same.
    let disk = world.disk.kill();
    disk.set_capacity(Some(512 << 10));
    world.lose(disk);
    world.open().unwrap();
    assert!(world.held().next >= written - 1);
    for term in 0..20 {
        world.call(&Call::Small("vote", format!("term {term}").into())).unwrap();
        world.hear().unwrap();
    }
    world.call(&Call::TruncateAfter(Some(world.held().next - 2))).unwrap();
    world.call(&Call::Purge(written - 20)).unwrap();
    world.hear().unwrap();
    assert!(world.log().stats().segments < 8, "{:?}", world.log().stats());
    for _ in 0..100 {
        let next = world.held().next;
        world.call(&Call::Append(next, records(next..next + 1, 2000))).unwrap();
        world.hear().unwrap();
    }
    world.check();
}

/// Small records that nobody waited for were left out for the sake of later ones; a cut in between left a log that was purged up to a
/// record of which it knew nothing.
#[test]
fn f01_f20_what_is_said_before_a_purge_or_a_truncation_is_there_with_it() {
    for calls in
        [[Call::Purge(2), Call::Purge(4)], [Call::TruncateAfter(Some(4)), Call::TruncateAfter(Some(2))]]
    {
        let mut world = LogWorld::new(7);
        world.segment_bytes = 64 << 10;
        world.open().unwrap();
        world.call(&Call::Append(0, records(0..6, 10))).unwrap();
        world.hear().unwrap();
        let log = world.log().clone();
        let group = log.group();
        for (call, said) in calls.iter().zip(["the first", "the second"]) {
            // Long enough for a sector of its own.
            let said = said.repeat(100).into_bytes();
            world.call(&Call::SmallLater("purged", said.into())).unwrap();
            world.call(call).unwrap();
        }
        world.off_in(1);
        drop(group);
        let (mut between, pending) = (0, world.disk.pending(512));
        for last in 0..=pending.len() {
            let cut = world.disk.crash_exact(512, &mut |part| pending[..last].contains(part));
            let log = world.options(&cut).open(LOG).unwrap();
            let held = shown(&log, "a beginning of the group");
            assert!(world.may_hold(&held), "{calls:?}, {last} sectors: {held:?}");
            let first = held.small.get("purged").is_some_and(|said| said.starts_with(b"the first"));
            between += u64::from(first && (held.floor, held.next) != (0, 6));
        }
        assert!(between > 0, "{calls:?}: no cut fell between the two");
    }
}

/// The numbers of records end where those of the log do: it took these, and could then not be opened any more.
#[test]
fn f14_f20_records_that_no_log_reaches_are_refused_before_they_are_taken() {
    const LAST: u64 = (1 << 61) - 1;
    let mut world = LogWorld::new(8);
    world.open().unwrap();
    let refused = |first: u64, count: u64| {
        let (heard, hears) = std::sync::mpsc::channel();
        let records = records(0..count, 3);
        let error =
            world.log().append(first, records, move |result| heard.send(result).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{first}, {count}: {error}");
        hears.recv().unwrap().unwrap_err();
        assert_eq!((world.log().last_index(), world.log().purged()), (None, None), "nothing has happened");
    };
    for (first, count) in [(LAST, 2), (LAST + 1, 1), (LAST + 2, 0), (u64::MAX, 1), (u64::MAX - 1, 3)] {
        refused(first, count);
    }
    world.call(&Call::Append(LAST - 1, records(0..2, 3))).unwrap();
    world.hear().unwrap();
    let error = world.log().append(LAST + 1, records(0..1, 3), |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
    world.check();
    let disk = world.disk.kill();
    world.lose(disk);
    world.open().unwrap();
    world.check();
}

/// Whoever appended beside a purge waited until its segments were given back, and heard of a failure of that as if the
/// record had been lost.
#[test]
fn f20_callbacks_do_not_wait_for_segments_to_be_given_back() {
    for fails in [false, true] {
        let mut world = LogWorld::new(9);
        world.segment_bytes = 4096;
        world.open().unwrap();
        for number in 0..20 {
            world.call(&Call::Append(number, records(number..number + 1, 1000))).unwrap();
        }
        world.hear().unwrap();
        let segments = |disk: &SimDisk| {
            disk.image().keys().filter(|path| path.extension().is_some_and(|e| e == "log")).count()
        };
        let before = segments(&world.disk);
        if fails {
            world.disk.inject(Fault {
                on: Op::Rename,
                nth: 1,
                effect: Effect::Error(io::ErrorKind::Other),
                repeat: Repeat::Once,
            });
        }
        let log = world.log().clone();
        let group = log.group();
        log.purge(15).unwrap();
        let (heard, hears) = std::sync::mpsc::channel();
        let disk = world.disk.clone();
        log.append(20, records(20..21, 10), move |result| heard.send((result, segments(&disk))).unwrap())
            .unwrap();
        drop(group);
        let (result, then) = hears.recv().unwrap();
        result.expect("it is on the disk");
        assert_eq!(then, before, "the callback came behind the cut");
        let more = log.append(21, records(21..22, 10), |_| {});
        if fails {
            assert_eq!(more.unwrap_err().kind(), ErrorKind::Poisoned, "a failed cut ends the log");
        } else {
            more.unwrap();
            assert!(segments(&world.disk) < before, "nothing was given back");
        }
        assert_eq!(world.options(&world.disk.kill()).open(LOG).unwrap().purged(), Some(15));
    }
}

/// A record behind those that there was room for was read, and failed the read when it had rotted.
#[test]
fn f03_f20_records_that_there_is_no_room_for_are_not_read() {
    let mut world = LogWorld::new(10);
    (world.segment_bytes, world.recent_bytes) = (64 << 10, 0);
    world.open().unwrap();
    let content = [0xa1_u8, 0xa2, 0xa3].map(|byte| Bytes::from(vec![byte; 80]));
    world.call(&Call::Append(0, content.to_vec())).unwrap();
    world.call(&Call::Append(3, records(3..4, 10))).unwrap();
    world.hear().unwrap();
    let path = written(&world.disk).0;
    world.disk.edit(&path, |bytes| {
        let at = bytes.windows(80).position(|window| window == [0xa3; 80]).unwrap();
        bytes[at + 5] ^= 1;
    });
    for room in [160, 239] {
        let read = world.log().read(0..4, room).unwrap();
        assert_eq!(read, [(0, content[0].clone()), (1, content[1].clone())], "room for {room} bytes");
    }
    assert_eq!(world.log().read(0..4, 240).unwrap_err().kind(), ErrorKind::Damaged);
    assert_eq!(world.log().read(2..4, 0).unwrap_err().kind(), ErrorKind::Damaged, "one at least");
}

#[test]
fn f04_f20_catalogs_that_are_older_than_the_frames_are_refused() {
    let mut world = LogWorld::new(11);
    world.open().unwrap();
    world.call(&Call::Append(0, records(0..3, 30))).unwrap();
    world.log().close().unwrap();
    world.hear().unwrap();
    let before = world.disk.image();
    world.log = None;
    world.open().unwrap();
    world.call(&Call::Append(3, records(3..5, 30))).unwrap();
    world.hear().unwrap();
    let mut image = world.disk.image();
    for (path, bytes) in before.iter().filter(|(path, _)| path.to_string_lossy().contains("catalog")) {
        image.insert(path.clone(), bytes.clone());
    }
    let disk = SimDisk::from_image(1, &image);
    let error = world.options(&disk).open(LOG).unwrap_err();
    assert!(error.kind() == ErrorKind::Damaged && error.to_string().contains("epoch"), "{error}");
    assert_eq!(disk.image(), image, "nothing is changed");
}

/// A record that had rotted refused the open although it was purged long ago, and only its segment was still there.
#[test]
fn f03_f20_rot_in_what_is_not_wanted_any_more_refuses_nothing() {
    let mut world = LogWorld::new(5);
    world.segment_bytes = 16 << 10;
    world.open().unwrap();
    for call in [
        Call::Small("vote", vec![0xaa; 50].into()),
        Call::Append(0, vec![vec![0xbb; 50].into(), vec![0xcc; 50].into(), vec![0xdd; 50].into()]),
        Call::Small("vote", "newer".into()),
        Call::TruncateAfter(Some(1)),
        Call::Purge(0),
    ] {
        world.call(&call).unwrap();
    }
    world.hear().unwrap();
    world.log().close().unwrap();
    let image = world.disk.image();
    let (path, bytes) = image.iter().find(|(path, _)| path.extension().is_some_and(|e| e == "log")).unwrap();
    for (content, wanted) in [(0xaa, false), (0xbb, false), (0xcc, true), (0xdd, false)] {
        let at = bytes.windows(50).position(|window| window == [content; 50]).unwrap();
        let rotten = SimDisk::from_image(1, &image);
        rotten.edit(path, |bytes| bytes[at + 7] ^= 1);
        let opened = world.options(&rotten).open(LOG);
        match opened {
            Ok(log) => assert!(!wanted && shown(&log, "rot") == *world.held(), "{content:x}"),
            Err(error) => {
                assert!(wanted && error.to_string().contains("record 1 was acknowledged"), "{error}")
            }
        }
    }
}
