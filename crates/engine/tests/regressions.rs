//! Defects that were found in review, each as the story in which it did harm.

use std::sync::Arc;

use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::{SimClock, SimDisk, SimRandom};
use pentad_engine::{ErrorKind, Options, Retention};

const STORE: &str = "/store";
const SECOND: u64 = 1_000_000_000;

/// Options of a store on a simulated disk, without threads and with the smallest segments.
fn simulated(disk: &SimDisk, clock: &SimClock) -> Options {
    let environment = Environment {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(clock.clone()),
        random: Arc::new(SimRandom::new(7)),
        background: false,
    };
    Options::new().environment(environment).segment_bytes(4096).retention(Retention::Commits(1))
}

/// A value in the oldest segment rots, and the store is compacted. The segments behind it were taken in and removed, which
/// left a hole in the log: the next open saw a missing segment and refused the whole store.
#[test]
fn f03_compaction_beside_a_damaged_segment_leaves_no_hole_in_the_log() {
    let disk = SimDisk::new(1);
    let options = simulated(&disk, &SimClock::new(SECOND));
    let store = options.open(STORE).unwrap();
    store.put("rotten", &[b'r'; 1000]).unwrap();
    for n in 0..12 {
        store.put(format!("key {n}"), &[b'v'; 1000]).unwrap();
    }
    store.close().unwrap();
    let first = disk.image().into_keys().find(|path| path.extension().is_some_and(|e| e == "log")).unwrap();
    disk.edit(&first, |bytes| {
        let at = bytes.windows(100).position(|window| window == [b'r'; 100]).unwrap();
        bytes[at] ^= 1;
    });

    let store = options.open(STORE).unwrap();
    let report = store.compact().unwrap();
    assert_eq!(report.damaged_segments, 1);
    store.close().unwrap();
    let store = options.open(STORE).unwrap();
    for n in 0..12 {
        assert_eq!(store.get(format!("key {n}")).unwrap().unwrap(), [b'v'; 1000], "key {n}");
    }
    assert_eq!(store.get("rotten").unwrap_err().kind(), ErrorKind::Damaged);
}
