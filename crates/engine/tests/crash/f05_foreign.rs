//! F05: what is not a store, or not one that this version can read, is refused by name, and not one byte of it
//! changes, nor does a file appear.
#![expect(clippy::disallowed_methods, reason = "foreign files are made behind the engine's back")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pentad_engine::seams::sim::{Op, SimDisk};
use pentad_engine::{ErrorKind, Options, Store};

use crate::harness::images::Image;
use crate::harness::world::{STORE, World};

/// Everything under a directory of the real disk, directories as `None`.
fn tree(dir: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.insert(path.clone(), None);
            found.extend(tree(&path));
        } else {
            found.insert(path.clone(), Some(fs::read(&path).unwrap()));
        }
    }
    found
}

fn refused_on_disk(root: &Path, path: &Path) {
    let before = tree(root);
    for result in [Store::open(path), Store::open_read_only(path)] {
        let error = result.expect_err("what is not a store must not open");
        assert_eq!(error.kind(), ErrorKind::NotAStore, "{error}");
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(error.to_string().contains(&*name), "the message names {name}: {error}");
    }
    assert_eq!(tree(root), before, "a refused open changed something");
}

#[test]
fn f05_text_file_is_refused_untouched() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("notes.txt");
    fs::write(&path, "this is no store\n").unwrap();
    refused_on_disk(root.path(), &path);
}

#[test]
fn f05_empty_file_is_refused_untouched() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("empty");
    fs::write(&path, "").unwrap();
    refused_on_disk(root.path(), &path);
}

#[test]
fn f05_strange_directory_is_refused_untouched() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("project");
    fs::create_dir_all(path.join("src")).unwrap();
    fs::write(path.join("src/main.rs"), "fn main() {}\n").unwrap();
    fs::write(path.join("lock"), "4711\n").unwrap();
    refused_on_disk(root.path(), &path);
}

#[test]
fn f05_other_database_is_refused_untouched() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("other");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("CURRENT"), "MANIFEST-000001\n").unwrap();
    fs::write(path.join("000003.log"), [0; 64]).unwrap();
    fs::write(path.join("LOCK"), "").unwrap();
    refused_on_disk(root.path(), &path);
}

#[test]
fn f05_directory_with_one_empty_directory_in_it_is_refused_untouched() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("nearly-empty");
    fs::create_dir_all(path.join("inner")).unwrap();
    refused_on_disk(root.path(), &path);
}

#[test]
fn f05_missing_store_is_not_created_by_reading() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("missing");
    for result in [Store::open_read_only(&path), Options::new().create(false).open(&path)] {
        let error = result.expect_err("there is no store");
        assert_eq!(error.kind(), ErrorKind::StoreNotFound, "{error}");
        assert!(error.to_string().contains("missing"), "{error}");
    }
    assert_eq!(tree(root.path()), BTreeMap::new());
}

#[test]
fn f05_empty_directory_becomes_a_store() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    store.put("a", "b").unwrap();
    store.close().unwrap();
    assert_eq!(Store::open(root.path()).unwrap().get("a").unwrap().as_deref(), Some(&b"b"[..]));
}

/// A store as a later version would leave it: everything is sound, and the identity says that there is more to know.
#[test]
fn f05_newer_version_on_a_real_disk_is_refused_by_name_untouched() {
    // Offset and width of the fields, and what the message has to name.
    let cases: [(usize, &[u8], &str); 3] = [
        (16, &3_u32.to_le_bytes(), "version is 3"),
        (16, &u32::MAX.to_le_bytes(), "4294967295"),
        (40, &[0, 1], "feature"),
    ];
    for (at, bytes, named) in cases {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("newer");
        let store = Store::open(&path).unwrap();
        store.put("a", "b").unwrap();
        store.close().unwrap();
        let mut identity = fs::read(path.join("identity")).unwrap();
        identity[at..at + bytes.len()].copy_from_slice(bytes);
        let checksum = crc32fast::hash(&identity[..124]);
        identity[124..].copy_from_slice(&checksum.to_le_bytes());
        fs::write(path.join("identity"), identity).unwrap();
        refused_on_disk(root.path(), &path);
        let error = Store::open(&path).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
}

fn foreign(files: &[(&str, &[u8])]) -> Image {
    files.iter().map(|(path, bytes)| (PathBuf::from(path), bytes.to_vec())).collect()
}

#[test]
fn f05_a_refusal_asks_the_disk_for_no_change_at_all() {
    let images = [
        foreign(&[("/store", b"a file")]),
        foreign(&[("/store/notes", b"a file")]),
        foreign(&[("/store/a/b/c", b"deep")]),
    ];
    for image in images {
        let world = World::new(1);
        let disk = SimDisk::from_image(1, &image);
        let error = world.options_on(&disk).open(STORE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotAStore, "{error}");
        assert_eq!(disk.image(), image);
        let changes: Vec<_> = disk.trace().into_iter().filter(|traced| traced.op.is_mutating()).collect();
        assert_eq!(changes, [], "only looked at: {error}");
        assert_eq!(disk.operations(), 0);
    }
}

/// A store in which a file lies that is not the store's: whoever put it there still finds it.
#[test]
fn f05_unknown_files_in_a_store_are_left_alone() {
    let mut world = World::opened(1);
    world.close().unwrap();
    let mut image = world.disk.image();
    image.insert("/store/README.mine".into(), b"notes of the operator".to_vec());
    let disk = SimDisk::from_image(1, &image);
    if let Ok(store) = world.options_on(&disk).open(STORE) {
        store.put("a", "b").unwrap();
        store.compact().unwrap();
        store.close().unwrap();
    }
    assert_eq!(disk.image()[Path::new("/store/README.mine")], b"notes of the operator");
}

/// Whatever a newer version writes, it says so in the identity, which this version then does not understand; no
/// change of a byte of a file that holds it may lead to a write.
#[test]
fn f05_store_with_an_altered_identity_is_refused_untouched() {
    let mut world = World::opened(1);
    let created: Vec<PathBuf> = world.disk.image().into_keys().collect();
    world.close().unwrap();
    let image = world.disk.image();
    let mut refusals = 0;
    for file in created {
        for at in 0..image.get(&file).map_or(0, |bytes| bytes.len().min(256)) {
            let altered =
                crate::harness::images::edited(&image, &file, |bytes| bytes[at] = bytes[at].wrapping_add(1));
            let disk = SimDisk::from_image(1, &altered);
            if let Err(error) = world.options_on(&disk).open(STORE) {
                let known = matches!(error.kind(), ErrorKind::NotAStore | ErrorKind::Damaged);
                assert!(known, "byte {at} of {}: {error}", file.display());
                assert_eq!(disk.image(), altered, "byte {at} of {}", file.display());
                let mutated =
                    disk.trace().iter().any(|traced| traced.op.is_mutating() && traced.op != Op::SyncDir);
                assert!(!mutated, "byte {at} of {}: {:?}", file.display(), disk.trace());
                refusals += 1;
            }
        }
    }
    assert!(refusals > 0, "no byte of the files matters");
}
