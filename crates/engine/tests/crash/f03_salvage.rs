//! F03: any damage after any crashes. Whatever is broken of a store, nothing comes out of it that was not acknowledged:
//! no altered value, and no commit that a recovery had dropped. Where nothing is said to be missing, nothing is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pentad_engine::Durability;
use pentad_engine::seams::sim::{Part, Rng};

use crate::f03_repair::{open_new, repaired};
use crate::harness::images::Image;
use crate::harness::request::Request;
use crate::harness::world::{Cut, World};
use crate::seeds::each_seed;

/// A store with commits behind lost ones, which recoveries dropped, and bytes of which are still in its files; whether it
/// was closed in order. The world is one recovery further.
fn crashed(seed: u64) -> (World, Image, bool) {
    let mut world = World::new(seed);
    world.segment_bytes = 4096 << world.rng.below(3);
    world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    for round in 0..1 + world.rng.below(4) {
        for n in 0..2 + world.rng.below(6) {
            // Its own sectors, so that one commit can be lost alone, and a value that is nowhere else.
            let mut value = vec![0; 600 + world.rng.index(1500)];
            world.rng.fill(&mut value);
            let durability = if world.rng.chance(350) { Durability::Disk } else { Durability::Os };
            let key = format!("key {}", (round + n) % 7);
            let request = Request::put(durability, key, &value);
            world.commit(&request).unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
        }
        if world.rng.chance(250) {
            let floor = world.past.sequence().saturating_sub(world.rng.below(5));
            world.prune(floor).unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
            world.compact().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
        }
        if world.rng.chance(200) {
            world.cut(Cut::Kill);
        } else if world.rng.chance(200) {
            world.close().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
        } else {
            lose_one(&mut world);
        }
        world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
        if world.rng.chance(500) {
            // What recovery tidied up is not on the disk yet, so the dropped bytes are back.
            let nothing_more = world.disk.crash_exact(512, &mut |_| false);
            world.past.lose_power();
            world.put_on(nothing_more);
            world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
        }
    }
    let end = world.rng.below(3);
    let closed = end == 0;
    match end {
        0 => world.close().unwrap_or_else(|stop| panic!("{}: {stop}", world.context())),
        1 => world.cut(Cut::Kill),
        _ => {
            for n in 0..3 {
                let request = Request::put(
                    Durability::Os,
                    format!("key {n}"),
                    &world.rng.bits().to_le_bytes().repeat(90),
                );
                world.commit(&request).unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
            }
            lose_one(&mut world);
        }
    }
    let image = world.disk.image();
    // Only now does the history know which of the commits in doubt count.
    world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    world.close().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    (world, image, closed)
}

/// A power cut that takes one of the unsynced writes and leaves those behind it.
fn lose_one(world: &mut World) {
    let is_data = |part: Part| matches!(part, Part::Data { .. });
    let pending = world.disk.pending(512);
    let writes: Vec<u64> =
        pending.iter().filter(|part| is_data(part.part)).map(|part| part.operation).collect();
    let lost = if writes.is_empty() { None } else { Some(writes[world.rng.index(writes.len())]) };
    let after =
        world.disk.crash_exact(512, &mut |part| !(is_data(part.part) && Some(part.operation) == lost));
    world.past.lose_power();
    world.put_on(after);
}

/// Breaks something, or a few things.
fn damage(rng: &mut Rng, image: &mut Image) {
    let segments: Vec<PathBuf> = image
        .keys()
        .filter(|path| path.extension().is_some_and(|it| it == "log" || it == "compacted"))
        .cloned()
        .collect();
    let catalogs = ["/store/catalog.0", "/store/catalog.1"].map(Path::new);
    for _ in 0..1 + rng.below(4) {
        let Some(segment) = segments.get(rng.index(segments.len())) else { return };
        match rng.below(10) {
            0 => drop(image.remove(segment)),
            1 => catalogs.iter().for_each(|path| drop(image.remove(*path))),
            2 => {
                if let Some(bytes) = image.get_mut(catalogs[rng.index(2)]) {
                    bytes[20] ^= 1;
                }
            }
            3 => {
                if let Some(bytes) = image.get_mut(segment) {
                    bytes.truncate(rng.index(bytes.len()));
                }
            }
            4 => {
                if let Some(bytes) = image.get_mut(segment) {
                    bytes.iter_mut().take(128).for_each(|byte| *byte ^= 1);
                }
            }
            _ => {
                if let Some(bytes) = image.get_mut(segment).filter(|bytes| !bytes.is_empty()) {
                    let used = bytes.iter().rposition(|&byte| byte != 0).unwrap_or(0) + 1;
                    let at = rng.index(used);
                    let end = (at + 1 + rng.index(200)).min(bytes.len());
                    bytes[at..end].iter_mut().for_each(|byte| *byte ^= 0x55);
                }
            }
        }
    }
}

fn salvage(seed: u64) {
    let (world, sound, closed) = crashed(seed);
    let mut rng = Rng::new(seed ^ 0x5a17_a6e0);
    for round in 0..6 {
        let context = format!("seed {seed}, damage {round}");
        let mut image = sound.clone();
        if round > 0 {
            damage(&mut rng, &mut image);
        }
        let (disk, report) = repaired(&world, &image, &context);
        if round == 0 {
            assert!(
                report.skipped.is_empty() && report.is_complete(),
                "{context}: a tear is no damage: {report:?}"
            );
        }
        let store = open_new(&world, &disk);
        let mut seen = BTreeMap::new();
        for row in store.range::<&[u8]>(..) {
            let (key, value) = row.unwrap();
            let was_there = world.past.commits.iter().any(|commit| {
                commit.state.keyed.get(&key[..]).is_some_and(|entry| entry.value[..] == value[..])
            });
            assert!(was_there, "{context}: {key:?} has a value that was dropped or never written");
            seen.insert(key.to_vec(), value.to_vec());
        }
        if report.is_complete() {
            // Behind the last mark rot cannot be told from a tear, so what is left may be an earlier state, but a whole one.
            // A store that was closed has everything behind its mark.
            let states = world.past.commits.iter().rev().map(|commit| &commit.state);
            let possible = if closed { 1 } else { usize::MAX };
            let is_whole = states.take(possible).any(|state| {
                let rows = state.keyed.iter().map(|(key, entry)| (&key[..], &entry.value[..]));
                rows.eq(seen.iter().map(|(key, value)| (&key[..], &value[..])))
            });
            let may_be_empty = !closed || world.past.commits.is_empty();
            let is_whole = is_whole || (seen.is_empty() && may_be_empty);
            assert!(is_whole, "{context}: nothing is said to be missing: {report:?}");
        }
    }
}

#[test]
fn f03_nothing_comes_out_of_a_broken_store_that_was_not_acknowledged() {
    each_seed("f03_salvage::f03_nothing_comes_out_of_a_broken_store_that_was_not_acknowledged", 400, salvage);
}
