//! F02: the last frame of a killed store is cut at every byte. That commit is absent as a whole and everything before
//! it is there; after a clean close, or with a later frame, the same cut is damage and is refused.

use pentad_engine::seams::sim::Rng;
use pentad_engine::{Durability, ErrorKind};

use crate::harness::forged::{recycled_tail, stale_catalog, stale_epoch};
use crate::harness::images::{Reaction, Written, commit_and_find, edited, react, refused};
use crate::harness::request::{Change, End, Request};
use crate::harness::scenarios::{cut_after_close, lost_last, torn_tail};
use crate::harness::world::World;
use crate::seeds::each_seed;

/// A store of three commits, the last one a batch, and where that one is.
fn store() -> (World, Written) {
    let mut world = World::opened(5);
    world.commit(&Request::put(Durability::Disk, "a", b"first")).unwrap();
    world.commit(&Request::put(Durability::Disk, "b", b"second")).unwrap();
    let put = |key: &str, value: &[u8]| Change::Put { key: key.into(), value: value.into(), end: End::Never };
    let batch =
        Request::of(Durability::Disk, vec![put("a", b"third"), put("c", b"last!"), put("d", &[0xff; 70])]);
    let written = commit_and_find(&mut world, &batch).expect("three small commits fit in a segment");
    assert!(written.range.len() > 80, "the frame holds its values: {written:?}");
    (world, written)
}

#[test]
fn f02_last_frame_cut_at_every_byte_loses_that_commit_only() {
    let (world, written) = store();
    let image = world.disk.image();
    for at in written.range.clone() {
        let cut = edited(&image, &written.file, |bytes| bytes.truncate(at));
        lost_last(&world, cut, &format!("file cut at {at} of {written:?}"));
    }
}

#[test]
fn f02_last_frame_zero_from_every_byte_loses_that_commit_only() {
    let (world, written) = store();
    let image = world.disk.image();
    for at in written.range.clone() {
        let cut = edited(&image, &written.file, |bytes| bytes[at..].fill(0));
        lost_last(&world, cut, &format!("zeros from {at} of {written:?}"));
    }
}

#[test]
fn f02_last_frame_overwritten_by_old_data_from_every_byte_loses_that_commit_only() {
    let (world, written) = store();
    let image = world.disk.image();
    let old = image[&written.file].clone();
    let mut rng = Rng::new(1);
    for at in written.range.clone() {
        let cut = edited(&image, &written.file, |bytes| {
            // What is there now is a piece of the log itself, from its beginning, from before: whole frames that
            // were once valid. The byte at the cut is made to differ.
            let from = rng.index(at);
            let length = (bytes.len() - at).min(at - from);
            bytes[at..at + length].copy_from_slice(&old[from..from + length]);
            if bytes[at] == old[at] {
                bytes[at] ^= 0x55;
            }
        });
        lost_last(&world, cut, &format!("old data from {at} of {written:?}"));
    }
}

#[test]
fn f02_cut_at_every_byte_after_a_clean_close_is_refused_as_damage() {
    let (mut world, written) = store();
    world.close().unwrap();
    let image = world.disk.image();
    for at in written.range.clone() {
        let cut = edited(&image, &written.file, |bytes| bytes.truncate(at));
        refused(&world, &cut, &[ErrorKind::Damaged], &format!("closed, cut at {at} of {written:?}"));
    }
}

#[test]
fn f02_bytes_lost_below_a_later_frame_are_damage() {
    let (mut world, written) = store();
    world.commit(&Request::put(Durability::Disk, "later", b"its mark covers the one before")).unwrap();
    let image = world.disk.image();
    let mut refusals = 0;
    for at in written.range.clone() {
        let cut = edited(&image, &written.file, |bytes| bytes[at..written.range.end].fill(0));
        let context = format!("zeros from {at} to the end of {written:?}");
        refusals +=
            u32::from(react(&world, &cut, &written.file, &world.past, true, &context) == Reaction::Refused);
    }
    assert!(refusals > 0, "a frame without its header was opened every time");
}

#[test]
fn f02_random_tails_lose_the_last_commit_only() {
    each_seed("f02_torn_tail::f02_random_tails_lose_the_last_commit_only", 300, torn_tail);
}

#[test]
fn f02_frames_of_another_store_behind_the_tail_are_not_taken() {
    each_seed("f02_torn_tail::f02_frames_of_another_store_behind_the_tail_are_not_taken", 100, recycled_tail);
}

#[test]
fn f02_random_cuts_below_a_mark_are_damage() {
    each_seed("f02_torn_tail::f02_random_cuts_below_a_mark_are_damage", 300, cut_after_close);
}

#[test]
fn f02_frames_of_an_older_epoch_behind_the_tail_are_not_taken() {
    each_seed("f02_torn_tail::f02_frames_of_an_older_epoch_behind_the_tail_are_not_taken", 100, stale_epoch);
}

#[test]
fn f02_f04_old_copy_of_the_catalog_does_not_count() {
    each_seed("f02_torn_tail::f02_f04_old_copy_of_the_catalog_does_not_count", 100, stale_catalog);
}
