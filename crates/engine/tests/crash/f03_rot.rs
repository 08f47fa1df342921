//! F03: bits flip in what was acknowledged. Altered data is never returned: the open refuses and changes nothing, or
//! the read of that entry fails, naming file, offset and sequence, and everything else is as it was.

use std::path::Path;

use pentad_engine::seams::sim::{Rng, SimDisk};
use pentad_engine::{Durability, ErrorKind};

use crate::harness::collisions::colliding_key;
use crate::harness::images::{Image, Reaction, edited, react};
use crate::harness::request::{Change, End, Request};
use crate::harness::scenarios::rot;
use crate::harness::world::{STORE, World};
use crate::seeds::each_seed;

const MARKER: &[u8] = b"a value that is nowhere else in the files";

/// A store with every kind of entry in it.
fn store() -> World {
    let mut world = World::opened(3);
    let put =
        |key: &[u8], value: &[u8]| Change::Put { key: key.into(), value: value.into(), end: End::Never };
    let hour = 3_600_000_000_000;
    let requests = [
        vec![put(b"a", b"first")],
        vec![put(b"marked", MARKER)],
        vec![put(b"b", b"x"), put(&colliding_key(1), b"one"), put(&colliding_key(2), b"two"), put(b"", b"")],
        vec![Change::Put { key: b"t".to_vec(), value: (*b"ends").into(), end: End::AfterNs(hour) }],
        vec![Change::PutHashed { hash: 77, value: (*b"hashed").into() }],
        vec![Change::Delete { key: b"b".to_vec() }],
        vec![Change::Rename { from: b"a".to_vec(), to: b"z".to_vec() }],
        vec![put(b"last", b"value")],
    ];
    for changes in requests {
        world.commit(&Request::of(Durability::Disk, changes)).unwrap();
    }
    world
}

/// Every file with something in it, with its used bytes: a zero tail was never written.
fn used(image: &Image) -> Vec<(&Path, usize)> {
    let used = image.iter().map(|(path, bytes)| {
        let last = bytes.iter().rposition(|&byte| byte != 0);
        (path.as_path(), last.map_or(0, |last| last + 1))
    });
    used.filter(|(_, length)| *length > 0).collect()
}

#[test]
fn f03_f04_a_flip_in_every_byte_of_a_closed_store_is_found_and_never_returned() {
    let mut world = store();
    world.close().unwrap();
    let image = world.disk.image();
    let mut rng = Rng::new(1);
    let (mut refused, mut read_failed) = (0, 0);
    for (file, length) in used(&image) {
        for at in 0..length {
            let bit = rng.below(8);
            let context = format!("bit {bit} of byte {at} of {}", file.display());
            let rotten = edited(&image, file, |bytes| bytes[at] ^= 1 << bit);
            match react(&world, &rotten, file, &world.past, true, &context) {
                Reaction::Refused => refused += 1,
                Reaction::ReadFailed => read_failed += 1,
                Reaction::Unharmed => {}
            }
        }
    }
    assert!(refused > 100, "headers and keys: {refused}");
    assert!(read_failed >= MARKER.len(), "payloads: {read_failed}");
}

#[test]
fn f03_every_bit_of_a_payload_fails_its_read_alone() {
    let mut world = store();
    world.close().unwrap();
    let image = world.disk.image();
    let places: Vec<_> = image
        .iter()
        .filter_map(|(path, bytes)| {
            Some((path.clone(), bytes.windows(MARKER.len()).position(|window| window == MARKER)?))
        })
        .collect();
    let [(file, start)] = &places[..] else { panic!("the value is in one place: {places:?}") };
    for bit in 0..MARKER.len() * 8 {
        let at = start + bit / 8;
        let context = format!("bit {} of byte {at} of {}", bit % 8, file.display());
        let rotten = edited(&image, file, |bytes| bytes[at] ^= 1 << (bit % 8));
        let reaction = react(&world, &rotten, file, &world.past, true, &context);
        assert_eq!(reaction, Reaction::ReadFailed, "{context}");
        let disk = SimDisk::from_image(0, &rotten);
        let store = world.options_on(&disk).open(STORE).unwrap();
        let error = store.get("marked").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{context}");
        let text = error.to_string();
        let name = file.file_name().unwrap().to_string_lossy();
        assert!(text.contains(&*name) && text.contains("offset"), "{context}: {text}");
        assert!(text.contains("sequence 2") || text.contains("commit 2"), "{context}: {text}");
        assert_eq!(
            store.get("z").unwrap().as_deref(),
            Some(&b"first"[..]),
            "{context}: the others are readable"
        );
    }
}

#[test]
fn f03_a_flip_below_the_last_frame_of_a_killed_store_is_found_and_never_returned() {
    let mut world = store();
    let before = world.disk.image();
    world.commit(&Request::put(Durability::Disk, "covers", b"all before it")).unwrap();
    let image = world.disk.image();
    let (file, old) = before.iter().find(|(path, bytes)| image[*path] != **bytes).expect("the log grew");
    let end = (0..old.len()).find(|&at| old[at] != image[file][at]).expect("it was written to");
    let start =
        old[..end].windows(5).position(|window| window == b"first").expect("the first value is there");
    for at in start..end {
        let context = format!("byte {at} of {}, which {end} bytes are synced of", file.display());
        let rotten = edited(&image, file, |bytes| bytes[at] ^= 0x10);
        // Padding before the last frame is covered as well, so none of it goes unnoticed.
        react(&world, &rotten, file, &world.past, true, &context);
    }
}

#[test]
fn f03_nothing_that_looks_like_a_length_is_believed() {
    let mut world = store();
    world.close().unwrap();
    let image = world.disk.image();
    for (file, length) in used(&image) {
        for at in 0..length {
            for fill in [0xff, 0x7f, 0x00] {
                let end = (at + 4).min(length);
                if image[file][at..end].iter().all(|&byte| byte == fill) {
                    continue;
                }
                let context = format!("bytes {at} to {end} of {} are {fill:#x}", file.display());
                let hostile = edited(&image, file, |bytes| bytes[at..end].fill(fill));
                react(&world, &hostile, file, &world.past, true, &context);
            }
        }
    }
}

#[test]
fn f03_random_flips_are_found_and_never_returned() {
    each_seed("f03_rot::f03_random_flips_are_found_and_never_returned", 150, rot);
}

/// Such a frame cannot be told from a damaged one, so both are named.
#[test]
fn f03_f05_entries_with_unknown_flags_are_told_to_be_of_a_newer_version_or_damaged() {
    let mut world = store();
    world.close().unwrap();
    let image = world.disk.image();
    let key = b"marked";
    let (file, at) = image
        .iter()
        .find_map(|(path, bytes)| Some((path, bytes.windows(key.len()).position(|found| found == key)?)))
        .unwrap();
    // The head of a plain entry is 12 bytes, flags first.
    let strange = edited(&image, file, |bytes| bytes[at - 11] |= 0x80);
    let disk = SimDisk::from_image(0, &strange);
    let error = world.options_on(&disk).open(STORE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    let newer = "flags that this program does not know: a newer Pentad wrote them, or they are damaged";
    assert!(error.to_string().contains(newer), "{error}");
    let report = pentad_engine::verify(Path::new(STORE), &world.options_on(&disk), &mut |_| {}).unwrap();
    assert!(report.damage.iter().any(|damage| damage.what.contains(newer)), "{report:?}");
}
