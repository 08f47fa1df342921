//! F11: the power goes at every step of a compaction, a prune, the start of a segment, a close. The old set of files
//! or the new set is there, never a mixture, nothing is lost, and what was left over is removed.

use pentad_engine::Durability;
use pentad_engine::seams::sim::Rng;

use crate::harness::program::{Mix, step};
use crate::harness::request::Request;
use crate::harness::scenarios::{CARE, Care, cut_everywhere, cuts_in_care, without_checkpoints};
use crate::harness::small_programs::PROGRAMS;
use crate::harness::world::{Cut, World};
use crate::seeds::each_seed;

/// A closed store of several segments, with much in it that a compaction drops.
fn base() -> World {
    let mut world = World::opened(11);
    for round in 0..6_u8 {
        for key in ["a", "b", "c"] {
            world.commit(&Request::put(Durability::Disk, key, &[round; 1200])).unwrap();
        }
        world.commit(&Request::put(Durability::Os, format!("once {round}"), &[round; 300])).unwrap();
    }
    world.commit(&Request::delete(Durability::Disk, "b")).unwrap();
    let before = world.past.sequence() - 2;
    world.prune(before).unwrap();
    world.close().unwrap();
    world
}

fn cut_at_every_operation(care: Care) {
    let operations = cut_everywhere(&base(), care, |operations| (0..3).map(|n| operations * 3 + n).collect());
    assert!(operations > 3, "done after {operations} operations: nothing was rearranged");
}

#[test]
fn f11_compaction_cut_at_every_operation() {
    cut_at_every_operation(CARE[0]);
}

#[test]
fn f11_prune_and_compaction_cut_at_every_operation() {
    cut_at_every_operation(CARE[1]);
}

#[test]
fn f11_new_segments_cut_at_every_operation() {
    cut_at_every_operation(CARE[2]);
}

#[test]
fn f11_close_cut_at_every_operation() {
    cut_at_every_operation(CARE[3]);
}

/// The same store, with checkpoints written whenever there is something to write.
fn base_with_checkpoints() -> World {
    let mut world = base();
    world.checkpoint_bytes = 0;
    world.open().unwrap();
    world.commit(&Request::put(Durability::Disk, "before", b"the checkpoint")).unwrap();
    world.close().unwrap();
    world
}

#[test]
fn f11_everything_with_checkpoints_cut_at_every_operation() {
    for care in CARE {
        let seeds = |operations| (0..3).map(|n| operations * 3 + n).collect();
        let operations = cut_everywhere(&base_with_checkpoints(), care, seeds);
        assert!(operations > 3, "done after {operations} operations: nothing was rearranged");
    }
}

#[test]
fn f11_prune_and_compaction_of_parts_cut_at_every_operation() {
    cut_at_every_operation(CARE[4]);
}

#[test]
fn f11_random_stores_cut_at_every_operation_of_their_care() {
    each_seed("f11_rearranging::f11_random_stores_cut_at_every_operation_of_their_care", 60, cuts_in_care);
}

#[test]
fn f11_f04_every_program_leaves_a_log_that_says_the_same_without_checkpoints() {
    each_seed(
        "f11_rearranging::f11_f04_every_program_leaves_a_log_that_says_the_same_without_checkpoints",
        PROGRAMS.len() as u64,
        without_checkpoints,
    );
}

#[test]
fn f11_writes_after_a_compaction_are_there_after_reopening() {
    let mut world = base();
    world.open().unwrap();
    world.compact().unwrap();
    world.commit(&Request::put(Durability::Disk, "after", b"compaction")).unwrap();
    world.cut(Cut::Power);
    world.open().unwrap();
    assert_eq!(world.store().get("after").unwrap().as_deref(), Some(&b"compaction"[..]));
    world.compact().unwrap();
    world.check();
}

#[test]
fn f11_compaction_gives_space_back() {
    let mut world = base();
    world.open().unwrap();
    let before = world.store().disk_bytes();
    let next = world.past.sequence() + 1;
    world.prune(next).unwrap();
    let report = world.store().compact().unwrap();
    let after = world.store().disk_bytes();
    assert!(after < before / 2, "from {before} to {after}: {report:?}");
    world.close().unwrap();
    let image = world.disk.image();
    let files: usize =
        image.iter().filter(|(path, _)| !path.ends_with("reserve")).map(|(_, bytes)| bytes.len()).sum();
    assert!((files as u64) < before / 2, "and the files are gone: {files}");
}

/// Compactions that are cut off one after the other leave their half-made files behind; opens remove them.
#[test]
fn f11_leftovers_do_not_pile_up() {
    let mut world = base();
    let mut rng = Rng::new(1);
    let files = |world: &World| world.disk.image().len();
    let begin = files(&world);
    for round in 0..40 {
        world.open().unwrap_or_else(|stop| panic!("round {round}: {stop}"));
        world.off_in(rng.below(25));
        if let Err(stop) = world.compact() {
            world.excuse(&stop);
        }
        world.cut(if rng.chance(500) { Cut::Power } else { Cut::Kill });
        assert!(files(&world) <= begin + 12, "round {round}: {:?}", world.disk.image().keys());
    }
    world.open().unwrap();
    world.compact().unwrap();
    world.close().unwrap();
    assert!(files(&world) <= begin + 2, "in the end: {:?}", world.disk.image().keys());
}

/// Readers stay where they are while files move under them.
#[test]
fn f11_f12_readers_keep_their_view_over_compaction_and_prune() {
    each_seed("f11_rearranging::f11_f12_readers_keep_their_view_over_compaction_and_prune", 150, |seed| {
        let mut world = World::opened(seed);
        let mix = Mix { os_per_mille: 300, time: 10, streams: 3, care: 14, views: 16 };
        for _ in 0..80 {
            step(&mut world, mix).unwrap_or_else(|stop| panic!("seed {seed}: {stop}"));
        }
        world.check();
        world.close().unwrap();
    });
}
