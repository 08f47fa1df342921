//! F01, F07, F08, F09: small programs, and every single thing that can go wrong in them: the power at every operation with every
//! sector lost or left alone, recovery cut off at every operation, an error, a short or interrupted call at every call of
//! every kind, and a disk that is full from every page on.

use std::io;

use pentad_engine::ErrorKind;
use pentad_engine::seams::Clock;
use pentad_engine::seams::sim::{Effect, Fault, Op, Repeat, SimDisk};

use crate::harness::scenarios::{after_failure, excuse_fault, finish};
use crate::harness::small_programs::{PROGRAMS, Program};
use crate::harness::world::{Cut, World};
use crate::seeds::is_long;

/// The power goes before the operation after `operations`; whether the program was done by then.
fn cut_after(program: Program, operations: u64) -> (World, bool) {
    let mut world = World::new(1);
    world.off_in(operations);
    let result = program(&mut world);
    if let Err(stop) = &result {
        world.excuse(stop);
    }
    let done = result.is_ok() && !world.is_off();
    if world.is_open() {
        world.note_time();
    }
    world.past.lose_power();
    (world, done)
}

/// Opens what a cut of `before` left; the model says what must be there.
fn reopened(before: &World, disk: SimDisk, created: bool, what: &str) -> World {
    let mut world = World::on(2, disk, before.past.clone(), before.clock.wall_ns());
    world.created = created;
    world.look();
    world.open().unwrap_or_else(|stop| panic!("{what}: {stop}"));
    world
}

#[test]
fn f01_every_program_cut_at_every_operation_with_every_single_sector_missing_or_alone() {
    for (name, program) in PROGRAMS {
        let mut cuts = 0_u64;
        for operations in 0.. {
            let (world, done) = cut_after(program, operations);
            let open = |disk, which: &str| {
                let what = format!("{name}, after {operations} operations, {which}");
                reopened(&world, disk, world.was_created(), &what);
            };
            let pending = world.disk.pending(512);
            for part in &pending {
                let all_but = world.disk.crash_exact(512, &mut |other| other != part);
                open(all_but, &format!("all but {part:?}"));
                open(world.disk.crash_exact(512, &mut |other| other == part), &format!("only {part:?}"));
            }
            open(world.disk.crash_exact(512, &mut |_| false), "nothing");
            open(world.disk.crash_exact(512, &mut |_| true), "everything");
            cuts += 2 * pending.len() as u64 + 2;
            if done {
                break;
            }
        }
        assert!(cuts > 100, "{name}: only {cuts} cuts: the program did next to nothing");
    }
}

/// In `ci` every fifth operation of each recovery, another fifth for each cut before it; in a long run every one.
#[test]
fn f01_every_program_with_a_recovery_cut_off_at_every_operation() {
    let step: u8 = if is_long() { 1 } else { 5 };
    for (name, program) in PROGRAMS {
        let mut recoveries = 0_u64;
        for operations in 0.. {
            let (world, done) = cut_after(program, operations);
            let created = world.was_created();
            let torn = world.disk.crash(operations);
            let what = format!("{name}, after {operations} operations");
            let found = reopened(&world, torn.kill(), created, &what).past.sequence();
            for more in (operations % u64::from(step)..).step_by(step.into()) {
                let what = format!("{what}, recovery cut off after {more}");
                let mut second = World::on(3, torn.kill(), world.past.clone(), world.clock.wall_ns());
                second.created = created;
                second.off_in(more);
                let result = second.open();
                if let Err(stop) = &result {
                    second.excuse(stop);
                }
                let finished = result.is_ok() && !second.is_off();
                let created = created || result.is_ok();
                let third = reopened(&world, second.disk.crash(operations + more), created, &what);
                assert_eq!(third.past.sequence(), found, "{what}: the next one finds something else");
                recoveries += 1;
                if finished {
                    break;
                }
            }
            if done {
                break;
            }
        }
        assert!(recoveries > 50, "{name}: only {recoveries} recoveries");
    }
}

/// Runs the program with the fault; whether it struck.
fn with_fault(name: &str, program: Program, fault: Fault, cut: Cut) -> bool {
    let mut world = World::new(fault.nth);
    world.disk.inject(fault);
    let result = program(&mut world);
    let struck = world.disk.take_faults().is_empty() || fault.repeat == Repeat::Always;
    match result {
        Ok(()) => {}
        Err(stop) => {
            assert!(struck, "{name}: failed before {fault:?} struck: {stop}");
            excuse_fault(&world, &fault, &stop);
            if world.is_open() {
                after_failure(&mut world);
            }
        }
    }
    world.cut(cut);
    world.open().unwrap_or_else(|stop| panic!("{name}, {fault:?}, {cut:?}: {stop}"));
    finish(&mut world);
    struck
}

/// Calls of a kind that the programs make, at least so many of them all together.
fn at_every_call(on: Op, effects: &[Effect], calls_min: u64) {
    let mut calls = 0;
    for (name, program) in PROGRAMS {
        for (&effect, cut) in effects.iter().flat_map(|effect| [(effect, Cut::Power), (effect, Cut::Kill)]) {
            for nth in 1.. {
                if !with_fault(name, program, Fault { on, nth, effect, repeat: Repeat::Once }, cut) {
                    break;
                }
                calls += 1;
            }
        }
    }
    assert!(calls >= calls_min, "the fault of {on:?} struck only {calls} times");
}

const FAILED: Effect = Effect::Error(io::ErrorKind::Other);
const FULL: Effect = Effect::Error(io::ErrorKind::StorageFull);

#[test]
fn f07_an_error_at_every_sync_of_every_program() {
    at_every_call(Op::Sync, &[FAILED], 100);
    at_every_call(Op::SyncDir, &[FAILED], 50);
}

#[test]
fn f08_an_error_at_every_write_of_every_program() {
    at_every_call(Op::Write, &[FAILED], 100);
}

#[test]
fn f08_an_error_at_every_other_call_of_every_program() {
    let calls = [
        (Op::Open, 50),
        (Op::Create, 50),
        (Op::CreateDir, 8),
        (Op::Allocate, 20),
        (Op::SetLength, 8),
        (Op::Map, 20),
        (Op::Rename, 30),
        (Op::Remove, 20),
        (Op::Lock, 8),
    ];
    for (on, calls_min) in calls {
        at_every_call(on, &[FAILED], calls_min);
    }
}

#[test]
fn f08_every_write_and_read_of_every_program_short_or_interrupted() {
    for on in [Op::Write, Op::Read] {
        at_every_call(on, &[Effect::Short, Effect::Interrupted], 100);
    }
}

#[test]
fn f08_every_sync_of_every_program_interrupted() {
    at_every_call(Op::Sync, &[Effect::Interrupted], 100);
    at_every_call(Op::SyncDir, &[Effect::Interrupted], 50);
}

#[test]
fn f09_a_full_disk_at_every_call_of_every_program() {
    for (on, calls_min) in [(Op::Write, 100), (Op::Allocate, 20), (Op::Create, 50), (Op::Sync, 100)] {
        at_every_call(on, &[FULL], calls_min);
    }
}

/// The disk has room for so many pages, and no more: commits are refused as such and nothing else happens to the store.
#[test]
fn f09_a_disk_that_is_full_from_every_page_on() {
    for (name, program) in PROGRAMS {
        let mut refused = 0;
        for pages in 0.. {
            let mut world = World::new(pages);
            world.disk.set_capacity(Some(pages * 4096));
            let result = program(&mut world);
            if let Err(stop) = &result {
                assert_eq!(stop.kind, Some(ErrorKind::DiskFull), "{name} on {pages} pages: {stop}");
                refused += 1;
            }
            world.disk.set_capacity(None);
            if world.is_open() {
                assert!(!world.store().stats().poisoned, "{name} on {pages} pages: poisoned");
                after_failure(&mut world);
            }
            world.cut(Cut::Power);
            world.open().unwrap_or_else(|stop| panic!("{name} on {pages} pages: {stop}"));
            finish(&mut world);
            if result.is_ok() {
                break;
            }
        }
        assert!(refused > 3, "{name}: the disk was full {refused} times");
    }
}
