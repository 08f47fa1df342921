//! F04: checkpoints of the indexes that are damaged, cut, of another time or of another store. The log has everything, so
//! nothing may be missing and nothing may be false, whatever they say.

use std::path::{Path, PathBuf};

use pentad_engine::seams::Clock;
use pentad_engine::seams::sim::{Rng, SimDisk};
use pentad_engine::{Durability, verify};

use crate::harness::collisions::colliding_key;
use crate::harness::images::{Image, Reaction, edited, react};
use crate::harness::request::{Change, End, Request};
use crate::harness::scenarios::rotten_checkpoint;
use crate::harness::world::{Cut, STORE, World};
use crate::seeds::each_seed;

/// A closed store with every kind of entry, all of it covered by a checkpoint.
fn covered() -> World {
    let mut world = World::new(5);
    world.checkpoint_bytes = 0;
    world.open().unwrap();
    let put =
        |key: &[u8], value: &[u8]| Change::Put { key: key.into(), value: value.into(), end: End::Never };
    let hour = 3_600_000_000_000;
    let requests = [
        vec![put(b"a", b"first")],
        vec![put(b"b", b"x"), put(&colliding_key(1), b"one"), put(&colliding_key(2), b"two"), put(b"", b"")],
        vec![Change::Put { key: b"t".to_vec(), value: (*b"ends").into(), end: End::AfterNs(hour) }],
        vec![Change::PutHashed { hash: 77, value: (*b"hashed").into() }],
        vec![Change::Delete { key: b"b".to_vec() }],
        vec![Change::Rename { from: b"a".to_vec(), to: b"z".to_vec() }],
    ];
    for changes in requests {
        world.commit(&Request::of(Durability::Disk, changes)).unwrap();
    }
    world.close().unwrap();
    world
}

fn is_checkpoint(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "checkpoint")
}

/// The one checkpoint of an image.
fn checkpoint(image: &Image) -> PathBuf {
    let found: Vec<_> = image.keys().filter(|path| is_checkpoint(path)).collect();
    let [path] = found[..] else { panic!("one checkpoint: {found:?}") };
    path.clone()
}

/// Opens a copy of an image in the place of a world's disk, and compares everything with its past.
fn must_open(world: &World, image: &Image, context: &str) {
    let disk = SimDisk::from_image(9, image);
    let mut after = World::on(9, disk, world.past.clone(), world.clock.wall_ns());
    (after.checkpoint_bytes, after.window) = (world.checkpoint_bytes, world.window);
    after.probes = vec![b"a".to_vec(), b"b".to_vec(), b"nothing".to_vec()];
    after.open().unwrap_or_else(|stop| panic!("{context}: {stop}"));
    after.check();
    after.close().unwrap();
    after.open().unwrap_or_else(|stop| panic!("{context}, again: {stop}"));
    after.check();
}

#[test]
fn f03_f04_a_flip_in_every_byte_of_a_store_with_a_checkpoint_is_found_and_never_returned() {
    let world = covered();
    let image = world.disk.image();
    let mut rng = Rng::new(1);
    let (mut refused, mut read_failed, mut of_checkpoint) = (0, 0, 0);
    for (file, bytes) in &image {
        let used = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        if file.ends_with("reserve") {
            continue;
        }
        for at in 0..used {
            let bit = rng.below(8);
            let context = format!("bit {bit} of byte {at} of {}", file.display());
            let rotten = edited(&image, file, |bytes| bytes[at] ^= 1 << bit);
            let reaction = react(&world, &rotten, file, &world.past, true, &context);
            if is_checkpoint(file) {
                assert_eq!(reaction, Reaction::Unharmed, "{context}: the log has everything");
                of_checkpoint += 1;
            } else if file.extension().is_some_and(|extension| extension == "log") {
                assert_ne!(reaction, Reaction::Refused, "{context}: the checkpoint covers it");
            }
            match reaction {
                Reaction::Refused => refused += 1,
                Reaction::ReadFailed => read_failed += 1,
                Reaction::Unharmed => {}
            }
        }
    }
    assert!(of_checkpoint > 500 && read_failed > 300, "{of_checkpoint}, {read_failed}, {refused}");
}

#[test]
fn f04_a_checkpoint_cut_anywhere_or_lost_is_rebuilt_from_the_log() {
    let world = covered();
    let image = world.disk.image();
    let path = checkpoint(&image);
    for length in (0..image[&path].len()).step_by(7) {
        must_open(
            &world,
            &edited(&image, &path, |bytes| bytes.truncate(length)),
            &format!("cut at {length}"),
        );
    }
    must_open(&world, &edited(&image, &path, |bytes| bytes.push(0)), "longer by a byte");
    let mut without = image.clone();
    without.remove(&path);
    must_open(&world, &without, "lost");
}

#[test]
fn f04_an_older_checkpoint_beside_a_newer_log_is_gone_on_from() {
    let mut world = covered();
    let before = world.disk.image();
    let old = checkpoint(&before);
    world.open().unwrap();
    for n in 0..30 {
        let request = if n % 3 == 0 {
            Request::delete(Durability::Disk, "z")
        } else {
            Request::put(Durability::Disk, if n % 3 == 1 { "z" } else { "new" }, &[b'v'; 400])
        };
        world.commit(&request).unwrap();
    }
    world.close().unwrap();
    let mut image = world.disk.image();
    let new = checkpoint(&image);
    assert_ne!(old, new);
    image.insert(old.clone(), before[&old].clone());
    must_open(&world, &image, "both, the newer one is used");
    let rotten = edited(&image, &new, |bytes| bytes[300] ^= 1);
    must_open(&world, &rotten, "the newer one is damaged");
    image.remove(&new);
    must_open(&world, &image, "the older one alone");
}

#[test]
fn f04_a_checkpoint_from_before_a_compaction_is_not_believed() {
    let mut world = World::new(8);
    (world.checkpoint_bytes, world.window) = (0, 1);
    world.open().unwrap();
    for n in 0..20 {
        world.commit(&Request::put(Durability::Disk, format!("{}", n % 4), &[b'v'; 900])).unwrap();
    }
    world.checkpoint().unwrap();
    let before = world.disk.image();
    let old = checkpoint(&before);
    let compacted = world.store().compact().unwrap();
    assert!(compacted.segments_after > 0, "{compacted:?}");
    world.close().unwrap();
    let mut image = world.disk.image();
    let new = checkpoint(&image);
    image.insert(old.clone(), before[&old].clone());
    image.remove(&new);
    must_open(&world, &image, "the one from before");
    let report = verify(Path::new(STORE), &world.options_on(&SimDisk::from_image(0, &image)), &mut |_| {});
    assert!(report.unwrap().damage.is_empty(), "a checkpoint that does not fit is no damage");
}

#[test]
fn f05_a_checkpoint_of_another_store_is_none() {
    let world = covered();
    let mut other = World::new(6);
    other.checkpoint_bytes = 0;
    other.open().unwrap();
    other.commit(&Request::put(Durability::Disk, "a", b"other")).unwrap();
    other.close().unwrap();
    let foreign = other.disk.image();
    let mut image = world.disk.image();
    let path = checkpoint(&image);
    image.insert(path, foreign[&checkpoint(&foreign)].clone());
    must_open(&world, &image, "another store's");
}

/// What a frame that is covered says is believed only after its checksum was looked at, also where nothing reads the frame
/// before: in the checks of conditions, in counts, in deletes, and in what compaction copies.
#[test]
fn f03_a_covered_key_that_rots_is_never_copied_by_a_compaction() {
    let mut world = World::new(12);
    (world.checkpoint_bytes, world.window) = (0, 1);
    world.open().unwrap();
    for n in 0..20 {
        world.commit(&Request::put(Durability::Disk, format!("key {n}"), &[b'v'; 900])).unwrap();
    }
    world.close().unwrap();
    let image = world.disk.image();
    let holds_it = |bytes: &Vec<u8>| bytes.windows(6).position(|window| window == b"key 3\0");
    let (file, at) =
        image.iter().find_map(|(path, bytes)| Some((path, holds_it(bytes)?))).expect("it is there");
    let disk = SimDisk::from_image(1, &edited(&image, file, |bytes| bytes[at + 4] = b'X'));
    let store = world.options_on(&disk).open(STORE).unwrap();
    let report = store.compact().unwrap();
    assert_eq!(report.damaged_segments, 1, "{report:?}");
    assert!(store.get("key X").unwrap_or(None).is_none(), "a key that nobody wrote");
    assert!(store.get("key 3").is_err());
    for n in (0..20).filter(|n| *n != 3) {
        assert!(store.get(format!("key {n}")).unwrap().is_some(), "key {n}");
    }
}

#[test]
fn f09_a_checkpoint_that_finds_the_disk_full_harms_nothing_and_is_told() {
    let mut world = World::new(13);
    world.checkpoint_bytes = u64::MAX;
    world.open().unwrap();
    for n in 0..40 {
        world.commit(&Request::put(Durability::Disk, format!("key {n}"), &[b'v'; 100])).unwrap();
    }
    let used = world.disk.used_bytes();
    world.disk.set_capacity(Some(used));
    world.store().checkpoint().unwrap_err();
    let stats = world.store().stats();
    assert!(stats.checkpoint_failure.is_some() && stats.checkpoint_bytes == 0, "{stats:?}");
    assert!(world.disk.image().keys().all(|path| !is_checkpoint(path) && !path.ends_with("checkpoint.new")));
    world.check();
    world.disk.set_capacity(None);
    world.checkpoint().unwrap();
    let stats = world.store().stats();
    assert!(stats.checkpoint_failure.is_none() && stats.checkpoint_bytes > 0, "{stats:?}");
    assert_eq!(stats.checkpoint_age_bytes, 0, "{stats:?}");
    world.commit(&Request::put(Durability::Disk, "behind", b"it")).unwrap();
    assert!(world.store().stats().checkpoint_age_bytes > 0);
    world.cut(Cut::Power);
    world.open().unwrap();
    world.check();
}

#[test]
fn f04_random_flips_in_checkpoints_change_nothing() {
    let test = "f04_checkpoints::f04_random_flips_in_checkpoints_change_nothing";
    each_seed(test, 40, rotten_checkpoint);
}
