//! F04: what is kept twice. A copy that rots is made up for by the other one, is told by `verify`, and is mended by the next
//! open for writing where it can be; with neither left nothing is guessed.

use std::path::{Path, PathBuf};

use pentad_engine::seams::sim::SimDisk;
use pentad_engine::{Durability, ErrorKind, verify};

use crate::harness::images::{edited, refused};
use crate::harness::request::{Change, Request};
use crate::harness::world::{STORE, World};

const CATALOGS: [&str; 2] = ["catalog.0", "catalog.1"];

/// A closed store with segments of every kind.
fn closed() -> World {
    let mut world = World::new(3);
    world.window = 2;
    world.open().unwrap();
    for number in 0..12 {
        world.commit(&Request::put(Durability::Disk, format!("{number}"), &[b'v'; 1000])).unwrap();
    }
    let streamed = Change::PutStreamed { key: b"s".to_vec(), value: vec![b's'; 70_000].into() };
    world.commit(&Request::of(Durability::Disk, vec![streamed])).unwrap();
    world.store().compact().unwrap();
    for number in 12..20 {
        world.commit(&Request::put(Durability::Disk, format!("{number}"), &[b'v'; 1000])).unwrap();
    }
    world.close().unwrap();
    world
}

fn file(name: &str) -> PathBuf {
    Path::new(STORE).join(name)
}

#[test]
fn f04_the_header_of_a_segment_of_any_kind_is_made_up_for_by_the_catalog() {
    let world = closed();
    let image = world.disk.image();
    let mut kinds = std::collections::BTreeSet::new();
    for segment in image.keys().filter(|path| path.extension().is_some_and(|kind| kind.len() > 1)) {
        kinds.insert(segment.extension().unwrap().to_owned());
        for at in 0..128 {
            let context = format!("byte {at} of {}", segment.display());
            let disk = SimDisk::from_image(1, &edited(&image, segment, |bytes| bytes[at] ^= 4));
            let report = verify(Path::new(STORE), &world.options_on(&disk), &mut |_| {}).unwrap();
            let [damage] = &report.damage[..] else { panic!("{context}: {report:?}") };
            assert_eq!((&damage.file, damage.offset), (segment, 0), "{context}");
            let store = world.options_on(&disk).open(STORE).unwrap();
            for number in 0..20 {
                let value = store.get(format!("{number}")).unwrap();
                assert_eq!(value.as_deref(), Some(&[b'v'; 1000][..]), "{context}");
            }
            let streamed = store.get("s").unwrap().unwrap();
            assert!(streamed.len() == 70_000 && streamed.iter().all(|byte| *byte == b's'), "{context}");
        }
    }
    assert_eq!(kinds.len(), 3, "{kinds:?}");
}

#[test]
fn f04_a_copy_of_the_catalog_that_rots_or_goes_is_told_and_mended_by_the_next_open() {
    let world = closed();
    let image = world.disk.image();
    for name in CATALOGS {
        for is_gone in [false, true] {
            let mut bad = edited(&image, &file(name), |bytes| bytes[100] ^= 1);
            if is_gone {
                bad.remove(&file(name));
            }
            let context = format!("{name}, gone: {is_gone}");
            let disk = SimDisk::from_image(1, &bad);
            let options = world.options_on(&disk);
            let report = verify(Path::new(STORE), &options, &mut |_| {}).unwrap();
            let [damage] = &report.damage[..] else { panic!("{context}: {report:?}") };
            assert_eq!(damage.file, file(name), "{context}");
            let reader = options.open_read_only(STORE).unwrap();
            assert_eq!(reader.len(), 21, "{context}");
            assert_eq!(
                reader.verify(&mut |_| {}).unwrap().damage,
                report.damage,
                "{context}: also while it is open"
            );
            drop(reader);
            let damaged = options.open_damaged(STORE).unwrap();
            let [skipped] = damaged.skipped() else { panic!("{context}: {:?}", damaged.skipped()) };
            assert!(skipped.made_up_for && skipped.file == file(name), "{context}: {skipped:?}");
            drop(damaged);
            options.open(STORE).unwrap().close().unwrap();
            assert_eq!(
                verify(Path::new(STORE), &options, &mut |_| {}).unwrap().damage,
                [],
                "{context}: mended"
            );
        }
    }
}

#[test]
fn f04_without_either_copy_of_the_catalog_the_open_refuses_and_changes_nothing() {
    let world = closed();
    let mut image = world.disk.image();
    image = edited(&image, &file(CATALOGS[0]), |bytes| bytes[100] ^= 1);
    image.remove(&file(CATALOGS[1]));
    let disk = SimDisk::from_image(1, &image);
    let options = world.options_on(&disk);
    for error in [options.open(STORE).unwrap_err(), options.open_read_only(STORE).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
        assert!(error.to_string().contains("both copies"), "{error}");
    }
    assert_eq!(disk.image(), image);
}

/// With both catalogs of an earlier day the store was opened, and gave its frames an epoch that others had already.
#[test]
fn f04_catalogs_that_are_older_than_the_frames_are_refused_by_name() {
    let mut world = World::opened(6);
    world.commit(&Request::put(Durability::Disk, "before", b"1")).unwrap();
    world.close().unwrap();
    let before = world.disk.image();
    world.open().unwrap();
    world.commit(&Request::put(Durability::Disk, "after", b"2")).unwrap();
    for closed in [false, true] {
        if closed {
            world.close().unwrap();
        }
        let mut image = world.disk.image();
        for name in CATALOGS {
            image.insert(file(name), before[&file(name)].clone());
        }
        let error = refused(&world, &image, &[ErrorKind::Damaged], "both catalogs are old");
        assert!(error.to_string().contains("catalog.0") && error.to_string().contains("epoch"), "{error}");
        let disk = SimDisk::from_image(1, &image);
        let report = verify(Path::new(STORE), &world.options_on(&disk), &mut |_| {}).unwrap();
        assert!(report.damage.iter().any(|damage| damage.what.contains("epoch")), "{report:?}");
        let store = world.options_on(&disk).open_damaged(STORE).unwrap();
        assert!(store.is_damaged() && store.get("after").unwrap().is_some(), "{:?}", store.skipped());
        // One copy of now is enough.
        image.insert(file(CATALOGS[1]), world.disk.image()[&file(CATALOGS[1])].clone());
        let store = world.options_on(&SimDisk::from_image(1, &image)).open(STORE).unwrap();
        assert!(store.get("after").unwrap().is_some());
    }
}
