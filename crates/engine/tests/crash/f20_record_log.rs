//! F20, and what of the other cases can befall a record log: nothing that was acknowledged is lost, nothing comes back that was cut,
//! and calls are never reordered.

use std::path::PathBuf;

use bytes::Bytes;
use pentad_engine::ErrorKind;
use pentad_engine::seams::sim::SimDisk;

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
    world.call(&Call::SmallLater("purged", "5".into()))?;
    world.call(&Call::Purge(5))?;
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
