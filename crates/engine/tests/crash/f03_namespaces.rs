//! F03: the entries that say which namespaces there are rot, and with them the names of what others hold.

use std::path::Path;

use pentad_engine::ErrorKind;
use pentad_engine::seams::sim::SimDisk;

use crate::harness::images::edited;
use crate::harness::namespace_rot::{Fate, Named, namespace_rot};
use crate::harness::world::{STORE, World};
use crate::seeds::each_seed;

#[test]
fn f03_rot_in_what_names_namespaces_gives_none_what_another_holds() {
    let test = "f03_namespaces::f03_rot_in_what_names_namespaces_gives_none_what_another_holds";
    each_seed(test, 100, namespace_rot);
}

#[test]
fn f03_a_flip_in_every_byte_about_namespaces_leaves_the_others_and_a_repair_of_all() {
    for (seed, is_covered) in [(1, true), (4, false)] {
        let named = Named::new(seed);
        let fates: Vec<Fate> =
            named.places().iter().map(|(path, at)| named.flipped(path, *at, *at as u64 % 8)).collect();
        let count = |fate: Fate| fates.iter().filter(|other| **other == fate).count();
        assert_eq!(count(Fate::Refused) == 0, is_covered, "a checkpoint covers everything, or there is none");
        assert!(count(Fate::Partly) > 3 && fates.len() > 100, "{} of {}", count(Fate::Partly), fates.len());
    }
}

/// A store with the namespaces `lost` and `kept`, and `gone`, which was dropped; closed, and covered by a checkpoint.
fn world() -> World {
    let mut world = World::new(21);
    world.checkpoint_bytes = 0;
    world.open().unwrap();
    let store = world.store();
    for name in ["gone", "kept", "lost"] {
        store.namespace(name).unwrap().put("key", name).unwrap();
    }
    store.drop_namespace("gone").unwrap();
    store.put("own", "value").unwrap();
    store.close().unwrap();
    world
}

/// A rotten key was passed over, and the next namespace that was made got the number, and showed what the lost one held. A
/// rotten value kept the store from being opened, after the open had changed it.
#[test]
fn f03_a_registration_that_rots_is_missed_and_its_number_given_to_none() {
    let world = world();
    let image = world.disk.image();
    let find = |needle: &[u8]| {
        let at = |bytes: &Vec<u8>| bytes.windows(needle.len()).rposition(|window| window == needle);
        image.iter().find_map(|(path, bytes)| Some((path.clone(), at(bytes)?))).expect("it is there")
    };
    let name = b"pentad/namespace/lost";
    let (path, at) = find(name);
    // The value follows the key at the next multiple of 8.
    let value = (at + name.len()).next_multiple_of(8);
    let gone = find(b"pentad/dropped/");
    for (what, path, at) in
        [("key", &path, at + 19), ("value", &path, value), ("the key of a drop", &gone.0, gone.1 + 16)]
    {
        let disk = SimDisk::from_image(3, &edited(&image, path, |bytes| bytes[at] ^= 1));
        for _ in 0..2 {
            let store = world.options_on(&disk).open(STORE).unwrap();
            assert!(store.stats().namespaces_fault.is_some(), "{what}");
            for unknown in ["new", "gone"] {
                let error = store.namespace(unknown).unwrap_err();
                assert!(
                    error.kind() == ErrorKind::Damaged && error.to_string().contains("pentad repair"),
                    "{error}"
                );
                assert_eq!(store.find_namespace(unknown).unwrap_err().kind(), ErrorKind::Damaged, "{what}");
                assert_eq!(store.drop_namespace(unknown).unwrap_err().kind(), ErrorKind::Damaged, "{what}");
            }
            assert_eq!(store.find_namespace("lost").is_err(), !what.ends_with("drop"), "{what}");
            assert_eq!(store.system_entries("pentad/").unwrap_err().kind(), ErrorKind::Damaged, "{what}");
            let kept = store.namespace("kept").unwrap();
            assert_eq!(kept.get("key").unwrap().unwrap(), b"kept", "{what}");
            kept.put("more", "value").unwrap();
            assert_eq!(store.get("own").unwrap().unwrap(), b"value", "{what}");
            store.put("more", "value").unwrap();
            store.close().unwrap();
        }
    }
}

/// That a namespace was dropped is certain when its number can be read; only the commit is not known any more.
#[test]
fn f03_a_drop_of_which_the_commit_has_rotted_is_one_all_the_same() {
    let world = world();
    let image = world.disk.image();
    let key = [&b"pentad/dropped/"[..], &[0, 0, 0, 1]].concat();
    let at = |bytes: &Vec<u8>| bytes.windows(key.len()).position(|window| window == key);
    let (path, at) = image.iter().find_map(|(path, bytes)| Some((path, at(bytes)?))).expect("it is there");
    let value = (at + key.len()).next_multiple_of(8);
    let disk = SimDisk::from_image(3, &edited(&image, path, |bytes| bytes[value] ^= 1));
    let store = world.options_on(&disk).open(STORE).unwrap();
    assert_eq!(store.namespaces(), ["kept", "lost"]);
    assert!(store.find_namespace("gone").unwrap().is_none());
    let again = store.namespace("gone").unwrap();
    assert_eq!(again.len(), 0, "what was dropped is back");
    again.put("key", "new").unwrap();
    store.close().unwrap();
    let report =
        pentad_engine::repair(Path::new(STORE), Path::new("/new"), &world.options_on(&disk), &mut |_| {})
            .unwrap();
    let store = world.options_on(&disk).open("/new").unwrap();
    assert_eq!(store.namespaces(), ["gone", "kept", "lost"], "{report:?}");
    assert_eq!(store.namespace("gone").unwrap().get("key").unwrap().unwrap(), b"new");
}
