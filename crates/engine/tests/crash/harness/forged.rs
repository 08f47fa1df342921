//! Stores put together from the files of two: another store's frames behind the log, frames of an earlier epoch, an
//! old copy of the catalog. Each part is valid in itself, and none of it belongs.

use pentad_engine::seams::Clock;
use pentad_engine::seams::sim::SimDisk;
use pentad_engine::{Durability, Sequence};

use super::images::{Image, Written, commit_and_find, edited};
use super::program::{keys, step};
use super::request::Request;
use super::scenarios::{finish, lost_last, small_request, world_of};
use super::world::{STORE, World};

/// Behind the last frame lie the frames that another store, of the same history, has there: they are not this
/// store's, however well they fit.
pub(crate) fn recycled_tail(seed: u64) {
    let build = |nonce: u64| {
        let mut world = World::new(seed);
        world.nonce = nonce;
        world.segment_bytes = 65_536;
        world.probes = keys();
        world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
        for n in 0..3 {
            let request = small_request(&mut world.rng, n);
            world.commit(&request).unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
        }
        world
    };
    let (mut ours, mut other) = (build(1), build(2));
    let request = small_request(&mut other.rng, 100);
    let Some(foreign) = commit_and_find(&mut other, &request) else { return };
    let theirs = other.disk.image();
    let own = small_request(&mut ours.rng, 100);
    let before = ours.disk.image();
    assert!(commit_and_find(&mut ours, &own).is_some_and(|own| own.file == foreign.file));
    let image = grafted(&before, &theirs, &foreign);
    lost_last(&ours, image, &format!("seed {seed}, the tail of another store at {foreign:?}"));
}

/// Puts the bytes of `theirs` at `written` into `ours`, where nothing was written yet.
fn grafted(ours: &Image, theirs: &Image, written: &Written) -> Image {
    edited(ours, &written.file, |bytes| {
        let target = &mut bytes[written.range.clone()];
        assert!(target.iter().all(|&byte| byte == 0), "the graft would cover something: {written:?}");
        target.copy_from_slice(&theirs[&written.file][written.range.clone()]);
    })
}

/// Two runs go on from one closed store. A frame of the first lies behind the tail of the second, in the same segment,
/// with the number that comes next; only its epoch is older.
pub(crate) fn stale_epoch(seed: u64) {
    let must = |stop| panic!("seed {seed}: {stop}");
    let mut base = World::new(seed);
    base.segment_bytes = 65_536;
    base.probes = keys();
    base.open().unwrap_or_else(must);
    for n in 0..1 + base.rng.below(4) {
        let request = small_request(&mut base.rng, n);
        base.commit(&request).unwrap_or_else(must);
    }
    base.close().unwrap_or_else(must);
    let fork = |nonce| {
        let mut world = World::on(seed, base.disk.kill(), base.past.clone(), base.clock.wall_ns());
        world.nonce = nonce;
        world.segment_bytes = base.segment_bytes;
        world.probes = keys();
        world
    };
    let [second, third] =
        [1, 2].map(|n| Request { durability: Durability::Os, ..small_request(&mut base.rng, n) });

    let mut old = fork(1);
    old.open().unwrap_or_else(must);
    // As long as the frame with which the other run closes: a header and nothing else.
    let empty = Request { always: true, ..Request::of(Durability::Os, Vec::new()) };
    old.commit(&empty).unwrap_or_else(must);
    let old_second = commit_and_find(&mut old, &second).expect("it fits in the segment");
    let stale = commit_and_find(&mut old, &third).expect("it fits in the segment");

    let mut new = fork(2);
    new.open().unwrap_or_else(must);
    new.close().unwrap_or_else(must);
    new.open().unwrap_or_else(must);
    let second = Request { durability: Durability::Disk, ..second };
    let new_second = commit_and_find(&mut new, &second).expect("it fits in the segment");
    let aligned =
        new_second.file == old_second.file && new_second.range.start.abs_diff(old_second.range.start) < 8;
    assert!(aligned, "seed {seed}: the runs do not match, {old_second:?} and {new_second:?}");

    let image = grafted(&new.disk.image(), &old.disk.image(), &stale);
    let mut after = World::on(1, SimDisk::from_image(0, &image), new.past.clone(), new.clock.wall_ns());
    after.probes = keys();
    after.look();
    after.open().unwrap_or_else(|stop| panic!("seed {seed}, a frame of an older epoch at {stale:?}: {stop}"));
    finish(&mut after);
}

/// One of the two copies of the catalog is an old one, as when its last replacements were lost. The other one counts.
pub(crate) fn stale_catalog(seed: u64) {
    let (mut world, mix) = world_of(seed);
    let work = |world: &mut World| {
        world.open().unwrap_or_else(|stop| panic!("seed {seed}: {stop}"));
        for _ in 0..25 {
            step(world, mix).unwrap_or_else(|stop| panic!("seed {seed}: {stop}"));
        }
        world.close().unwrap_or_else(|stop| panic!("seed {seed}: {stop}"));
        world.disk.image()
    };
    let (old, mut image) = (work(&mut world), work(&mut world));
    let copy: std::path::PathBuf = format!("{STORE}/catalog.{}", world.rng.below(2)).into();
    assert_ne!(old[&copy], image[&copy], "seed {seed}: a store was worked on and its catalog did not change");
    image.insert(copy.clone(), old[&copy].clone());
    let mut after = World::on(1, SimDisk::from_image(0, &image), world.past.clone(), world.clock.wall_ns());
    after.window = world.window;
    after.segment_bytes = world.segment_bytes;
    after.probes = keys();
    after.open().unwrap_or_else(|stop| panic!("seed {seed}, {} is an old copy: {stop}", copy.display()));
    assert_eq!(after.store().sequence(), Sequence(world.past.sequence()));
    finish(&mut after);
}
