//! The disk while it has power: what any file system does.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::super::{Rng, SimClock, SimDisk, SimRandom};
use super::shorthand::{content, create, paths, settle};
use crate::seams::{Access, Clock, Disk, PathKind, Random};

#[test]
fn sparse_files_read_as_a_plain_array_of_bytes_would() {
    let disk = SimDisk::new(1);
    let file = create(&disk, "/a", b"");
    let mut model: Vec<u8> = Vec::new();
    let mut rng = Rng::new(7);
    for _ in 0..2000 {
        let offset = rng.below(40_000);
        let at = usize::try_from(offset).unwrap();
        match rng.below(10) {
            0 => {
                file.set_length(offset).unwrap();
                model.resize(at, 0);
            }
            1 => {
                file.allocate(offset).unwrap();
                model.resize(model.len().max(at), 0);
            }
            _ => {
                let mut bytes = vec![0; rng.index(9000)];
                rng.fill(&mut bytes);
                file.write_all_at(&bytes, offset).unwrap();
                if !bytes.is_empty() {
                    model.resize(model.len().max(at + bytes.len()), 0);
                    model[at..at + bytes.len()].copy_from_slice(&bytes);
                }
            }
        }
        if rng.chance(100) {
            file.sync().unwrap();
        }
        let mut seen = vec![0xaa; 50_000];
        let length = file.read_full_at(&mut seen, 0).unwrap();
        assert_eq!(seen[..length], model);
        assert_eq!(file.length().unwrap(), model.len() as u64);
    }
    file.sync().unwrap();
    assert_eq!(content(&disk.crash_exact(512, &mut |_| false), "/a"), None, "its directory was never synced");
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(content(&disk.crash_exact(512, &mut |_| false), "/a").unwrap(), model);
}

#[test]
fn a_map_shows_later_writes_and_outlives_the_file() {
    let disk = SimDisk::new(1);
    let file = create(&disk, "/a", b"head");
    file.allocate(8192).unwrap();
    let map = file.map(8192).unwrap();
    assert_eq!((map.length(), map.slice(0, 4).unwrap()), (8192, &b"head"[..]));
    file.write_all_at(b"tail", 8188).unwrap();
    assert_eq!(map.slice(8188, 4).unwrap(), b"tail");
    assert_eq!(map.slice(8190, 4), None);
    let small = file.map(4096).unwrap();
    file.write_all_at(&[5; 4096], 2048).unwrap();
    assert_eq!(small.slice(2048, 2048).unwrap(), [5; 2048]);
    assert_eq!(file.map(8193).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    drop(file);
    disk.remove_file(Path::new("/a")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(map.slice(0, 4).unwrap(), b"head");
}

#[test]
fn what_is_cut_off_reads_as_zeros_in_a_map() {
    let disk = SimDisk::new(1);
    let file = create(&disk, "/a", &[1; 8192]);
    let map = file.map(8192).unwrap();
    file.set_length(100).unwrap();
    file.set_length(8192).unwrap();
    assert_eq!(map.slice(0, 100).unwrap(), [1; 100]);
    assert_eq!(map.slice(100, 8092).unwrap(), [0; 8092]);
}

#[test]
fn names_are_created_found_renamed_and_removed() {
    let disk = SimDisk::new(1);
    let at = |path: &str| PathBuf::from(path);
    assert_eq!(disk.kind(&at("/d")).unwrap(), None);
    disk.create_dir(&at("/d")).unwrap();
    assert_eq!(disk.create_dir(&at("/d")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    create(&disk, "/d/a", b"a");
    assert_eq!(disk.kind(&at("/d")).unwrap(), Some(PathKind::Directory));
    assert_eq!(disk.kind(&at("d/a")).unwrap(), Some(PathKind::File));
    assert_eq!(disk.canonicalize(&at("d/./x/../a")).unwrap(), at("/d/a"));
    assert_eq!(disk.open(&at("/d/a"), Access::CreateNew).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(disk.open(&at("/d/b"), Access::Write).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(disk.open(&at("/d"), Access::Read).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    assert_eq!(disk.kind(&at("/d/a/b")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    assert_eq!(disk.list(&at("/d")).unwrap(), ["a"]);
    assert_eq!(disk.remove_dir(&at("/d")).unwrap_err().kind(), io::ErrorKind::DirectoryNotEmpty);
    create(&disk, "/d/b", b"b");
    disk.rename(&at("/d/a"), &at("/d/b")).unwrap();
    assert_eq!(content(&disk, "/d/b").unwrap(), b"a");
    create(&disk, "/f", b"");
    assert_eq!(disk.rename(&at("/d"), &at("/f")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    assert_eq!(disk.rename(&at("/f"), &at("/d/f")).unwrap_err().kind(), io::ErrorKind::CrossesDevices);
    disk.remove_file(&at("/d/b")).unwrap();
    disk.remove_dir(&at("/d")).unwrap();
    assert_eq!(paths(&disk), [at("/f")]);
}

#[test]
fn a_file_opened_for_reading_takes_no_writes() {
    let disk = SimDisk::new(1);
    settle(&disk, "/a", b"x");
    let file = disk.open(Path::new("/a"), Access::Read).unwrap();
    assert_eq!(file.write_at(b"y", 0).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(file.allocate(9).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(file.set_length(0).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(content(&disk, "/a").unwrap(), b"x");
}

#[test]
fn an_image_is_put_back_as_it_was_taken() {
    let image: BTreeMap<PathBuf, Vec<u8>> =
        [("/s/a".into(), b"one".to_vec()), ("/s/t/b".into(), vec![2; 10_000])].into();
    let disk = SimDisk::from_image(1, &image);
    assert_eq!(disk.image(), image);
    assert_eq!(disk.crash(9).image(), image, "all of it is durable");
    disk.edit("/s/a", |bytes| bytes[1] ^= 1);
    disk.truncate("/s/t/b", 5);
    assert_eq!(content(&disk, "/s/a").unwrap(), b"ooe");
    assert_eq!(content(&disk.crash(9), "/s/t/b").unwrap(), [2; 5]);
}

#[test]
fn rot_shows_through_an_open_map() {
    let disk = SimDisk::new(1);
    let file = settle(&disk, "/a", b"word");
    let map = file.map(4).unwrap();
    disk.edit("/a", |bytes| bytes[0] = b'W');
    assert_eq!(map.slice(0, 4).unwrap(), b"Word");
}

#[test]
fn the_clock_moves_when_it_is_told_to() {
    let clock = SimClock::new(1000);
    let shared = clock.clone();
    clock.advance(5);
    assert_eq!((shared.wall_ns(), shared.monotonic_ns()), (1005, 5));
    clock.set_wall(3);
    assert_eq!((shared.wall_ns(), shared.monotonic_ns()), (3, 5));
    clock.advance(u64::MAX);
    assert_eq!(shared.wall_ns(), u64::MAX);
    clock.set_monotonic(0);
    assert_eq!(shared.monotonic_ns(), 0);
}

#[test]
fn randomness_repeats_with_its_seed() {
    let draw = |seed| {
        let mut bytes = [0; 20];
        SimRandom::new(seed).fill(&mut bytes).unwrap();
        bytes
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let mut rng = Rng::new(3);
    let mut order: Vec<u32> = (0..50).collect();
    rng.shuffle(&mut order);
    assert_ne!(order, (0..50).collect::<Vec<_>>());
    order.sort_unstable();
    assert_eq!(order, (0..50).collect::<Vec<_>>());
}
