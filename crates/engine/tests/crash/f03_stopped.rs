//! F03: verification and repair that are stopped half-way. They end at once and in order; of a repair nothing is left.

use std::ops::ControlFlow;
use std::path::Path;

use pentad_engine::seams::sim::SimDisk;
use pentad_engine::{Durability, ErrorKind, Progress, Result, VerifyReport, repair, verify};

use crate::harness::request::{Change, Request};
use crate::harness::world::{STORE, World};

fn filled() -> World {
    let mut world = World::opened(5);
    for number in 0..10 {
        world.commit(&Request::put(Durability::Disk, format!("{number}"), &[b'v'; 1000])).unwrap();
    }
    let streamed = Change::PutStreamed { key: b"s".to_vec(), value: vec![b's'; 200_000].into() };
    world.commit(&Request::of(Durability::Disk, vec![streamed])).unwrap();
    world.close().unwrap();
    world
}

/// Answers `Break` when it is asked for the `nth` time, and must not be asked again.
fn stop_at(nth: u32, asked: &mut u32) -> ControlFlow<()> {
    *asked += 1;
    assert!(*asked <= nth, "it was stopped, and goes on");
    if *asked == nth { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

#[test]
fn f03_a_repair_that_is_stopped_leaves_nothing_behind() {
    let world = filled();
    let image = world.disk.image();
    for nth in 1.. {
        let disk = SimDisk::from_image(0, &image);
        let options = world.options_on(&disk);
        let mut asked = 0;
        let result = repair(Path::new(STORE), Path::new("/new"), &options, &mut |_| stop_at(nth, &mut asked));
        let Err(error) = result else {
            assert!(nth > 12, "an entry or a piece of a stream each: {nth}");
            break;
        };
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        assert_eq!(asked, nth);
        assert_eq!(disk.image(), image, "stopped at {nth}");
        // The name is free and the damaged store is not locked.
        repair(Path::new(STORE), Path::new("/new"), &options, &mut |_| {}).unwrap();
    }
}

type Answer<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Stops a verification at every place where it asks.
fn each_stop(verify: impl Fn(Answer<'_>) -> Result<VerifyReport>) {
    for nth in 1.. {
        let mut asked = 0;
        match verify(&mut |_| stop_at(nth, &mut asked)) {
            Err(error) => assert_eq!((error.kind(), asked), (ErrorKind::Cancelled, nth), "{error}"),
            Ok(report) => {
                assert!(report.damage.is_empty() && nth > 12, "{nth}: {report:?}");
                return;
            }
        }
    }
}

#[test]
fn f03_a_verification_ends_when_it_is_stopped() {
    let world = filled();
    let options = world.options_on(&world.disk);
    each_stop(|answer| verify(Path::new(STORE), &options, answer));
    let store = options.open(STORE).unwrap();
    each_stop(|answer| store.verify(answer));
}
