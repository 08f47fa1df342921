//! What an open refuses, or counts, that no session of a store can bring about.

use std::path::Path;
use std::sync::Arc;

use crate::error::ErrorKind;
use crate::log::catalog_file;
use crate::options::Options;
use crate::seams::Environment;
use crate::seams::sim::{SimClock, SimDisk, SimRandom};

fn options(disk: &SimDisk) -> Options {
    let environment = Environment {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(SimClock::new(1)),
        random: Arc::new(SimRandom::new(1)),
        background: false,
    };
    Options::new().segment_bytes(4096).environment(environment)
}

#[test]
fn f14_a_store_that_was_opened_as_often_as_can_be_counted_is_refused_as_that() {
    let disk = SimDisk::new(1);
    let options = options(&disk);
    options.open("/store").unwrap().close().unwrap();
    let mut catalog = catalog_file::load(&disk, Path::new("/store")).unwrap().catalog.unwrap();
    catalog.generation += 1;
    catalog.epoch = u32::MAX;
    catalog_file::replace(&disk, Path::new("/store"), &catalog).unwrap();
    let error = options.open("/store").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
    assert!(error.to_string().contains("/store was opened for writing 2^32 times"), "{error}");
    options.open_read_only("/store").unwrap();
}

#[test]
fn the_reserve_counts_as_disk_in_a_store_open_for_writing_and_for_reading() {
    let disk = SimDisk::new(1);
    let options = options(&disk);
    let store = options.open("/store").unwrap();
    store.put("key", "value").unwrap();
    store.compact().unwrap();
    let held = disk.image()[Path::new("/store/reserve")].len() as u64;
    let counted = |store: &crate::Store| {
        let stats = store.stats();
        assert_eq!((stats.reserve_bytes, stats.disk_bytes), (held, store.disk_bytes()));
        stats.disk_bytes
    };
    assert!(held > 0 && counted(&store) > held);
    store.close().unwrap();
    let files: u64 = disk.image().values().map(|bytes| bytes.len() as u64).sum();
    assert_eq!(counted(&options.open_read_only("/store").unwrap()), files, "all that a closed store takes");
}
