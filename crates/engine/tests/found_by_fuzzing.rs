//! Defects that the fuzz targets found, each as the story in which it did harm.

use std::path::Path;
use std::sync::Arc;

use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::{SimClock, SimDisk, SimRandom};
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
