//! Defects that the fuzz targets found, each as the story in which it did harm.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::{Fault, Op, SimClock, SimDisk, SimRandom};
use pentad_engine::{ErrorKind, Options, Store, repair, verify};

const STORE: &str = "/store";

/// Options of a store on `disk`, without threads and with the smallest segments.
fn on(disk: &SimDisk) -> Options {
    let environment = Environment {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(SimClock::new(1_000_000_000)),
        random: Arc::new(SimRandom::new(3)),
        background: false,
    };
    Options::new().environment(environment).segment_bytes(4096)
}

/// A disk with a closed store on it, in which "key" is "value".
fn closed() -> SimDisk {
    let disk = SimDisk::new(1);
    let store: Store = on(&disk).open(STORE).unwrap();
    store.put("key", "value").unwrap();
    store.close().unwrap();
    disk
}

/// The files of a closed store of which both catalogs hold `number` at `offset`, with the right checksum.
fn with_catalog_field(offset: usize, number: u64) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut image = closed().image();
    for copy in ["/store/catalog.0", "/store/catalog.1"] {
        let bytes = image.get_mut(Path::new(copy)).unwrap();
        bytes[offset..offset + 8].copy_from_slice(&number.to_le_bytes());
        let end = bytes.len() - 4;
        let sum = crc32fast::hash(&bytes[..end]);
        bytes[end..].copy_from_slice(&sum.to_le_bytes());
    }
    image
}

/// A program that copies trees left the empty `lock` out. Opening the copy failed as if the operating system had refused
/// something that may pass, and `verify`, which was to say what is wrong, failed in the same way.
#[test]
fn f10_a_store_without_its_lock_is_damaged_and_verify_names_the_file() {
    let mut image = closed().image();
    image.remove(Path::new("/store/lock"));
    let disk = SimDisk::from_image(1, &image);
    for result in [on(&disk).open(STORE), on(&disk).open_read_only(STORE)] {
        let error = result.expect_err("without the lock nobody is kept out");
        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
        assert!(
            error.to_string().contains("/store/lock") && error.to_string().contains("empty file"),
            "{error}"
        );
    }
    let report = verify(Path::new(STORE), &on(&disk), &mut |_| {}).unwrap();
    let [damage] = &report.damage[..] else { panic!("{:?}", report.damage) };
    assert_eq!(damage.file, Path::new("/store/lock"));
    assert!(report.entries > 0, "the rest is read all the same: {report:?}");
    assert_eq!(disk.image(), image);
    repair(Path::new(STORE), Path::new("/new"), &on(&disk), &mut |_| {}).unwrap();
    let store = on(&disk).open("/new").unwrap();
    assert_eq!(store.get("key").unwrap().unwrap(), b"value");
}

/// The disk failed to make the name of a new segment durable. The commit that needed the segment failed as if that might
/// pass, and the store called itself sound, but no later commit that needed a segment could succeed until the store was
/// opened again, which nothing told its owner to do.
#[test]
fn f07_a_failed_sync_of_the_directory_poisons_the_store() {
    let disk = SimDisk::new(1);
    let store = on(&disk).open(STORE).unwrap();
    disk.inject(Fault::error(Op::SyncDir, 1, io::ErrorKind::Other));
    store.put("wide", vec![b'w'; 6_000]).expect_err("it needs a segment of its own");
    assert!(store.stats().poisoned);
    let error = store.put("key", "value").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Poisoned, "{error}");
    assert!(error.to_string().contains("open it again") && error.to_string().contains(STORE), "{error}");
    assert_eq!(store.get("wide").unwrap(), None);
    store.close().expect_err("closed after a failure");
    let store = on(&disk).open(STORE).unwrap();
    store.put("wide", vec![b'w'; 6_000]).unwrap();
}

/// A catalog said that the batch log begins behind the last commit. A reader was refused and so was a writer, but the writer
/// only after it had taken a new epoch, so the refused open had changed both catalogs.
#[test]
fn f04_a_floor_behind_the_last_commit_is_refused_untouched() {
    let image = with_catalog_field(216, 1 << 32);
    let disk = SimDisk::from_image(1, &image);
    for result in [on(&disk).open(STORE), on(&disk).open_read_only(STORE)] {
        let error = result.expect_err("no prune goes that far");
        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
        assert!(error.to_string().contains("4294967296") && error.to_string().contains("repair"), "{error}");
    }
    assert_eq!(disk.image(), image, "the refused open changed a file");
    let store = on(&disk).open_damaged(STORE).unwrap();
    assert_eq!(store.get("key").unwrap().unwrap(), b"value");
}

/// A catalog's numbers were the last that there are. The open succeeded, and the first step on from there was an overflow, or
/// a catalog that its own reader would refuse; both ended the process.
#[test]
fn f04_numbers_with_nothing_behind_them_are_refused_untouched() {
    // Where in the catalog: the generation, twice, and the next segment id.
    let fields = [(24, u64::MAX), (24, 1 << 62), (224, (1 << 62) - 1)];
    for (offset, number) in fields {
        let image = with_catalog_field(offset, number);
        let disk = SimDisk::from_image(1, &image);
        let error = on(&disk).open(STORE).expect_err("there is no number to go on with");
        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
        assert!(
            error.to_string().contains(STORE) && error.to_string().contains(&number.to_string()),
            "{error}"
        );
        assert_eq!(disk.image(), image, "the refused open changed a file");
        let store = on(&disk).open_read_only(STORE).expect("a reader needs no further numbers");
        assert_eq!(store.get("key").unwrap().unwrap(), b"value");
    }
}
