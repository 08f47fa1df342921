//! Defects that were found in review, each as the story in which it did harm.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pentad_engine::seams::sim::{SimClock, SimDisk, SimRandom};
use pentad_engine::seams::{Access, Disk, Environment, File, Lock, LockMode, PathKind, RealDisk};
use pentad_engine::{Batch, ErrorKind, Expiry, Options, Retention, StagedStream, Store};

const STORE: &str = "/store";
const SECOND: u64 = 1_000_000_000;

/// Options of a store on a simulated disk, without threads and with the smallest segments.
fn simulated(disk: &SimDisk, clock: &SimClock) -> Options {
    static SEED: AtomicU64 = AtomicU64::new(100);
    // Two processes never draw the same names.
    let seed = SEED.fetch_add(1, Ordering::Relaxed);
    let environment = Environment {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(clock.clone()),
        random: Arc::new(SimRandom::new(seed)),
        background: false,
    };
    Options::new().environment(environment).segment_bytes(4096).retention(Retention::Commits(1))
}

fn staged(store: &Store, value: &[u8]) -> StagedStream {
    let mut stream = store.stream().unwrap();
    stream.write_all(value).unwrap();
    stream.finish().unwrap()
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

/// A clone of a staged stream is kept. Its first entry is deleted, compaction removes the stream as unused, and then the
/// clone is put again: the commit was acknowledged, and its value was gone.
#[test]
fn a_staged_stream_can_be_put_again_after_compaction() {
    let disk = SimDisk::new(1);
    let options = simulated(&disk, &SimClock::new(SECOND));
    let store = options.open(STORE).unwrap();
    let stream = staged(&store, b"streamed");
    store.put("first", stream.clone()).unwrap();
    store.delete("first").unwrap();
    store.put("other", "value").unwrap();
    store.prune(store.sequence().next()).unwrap();
    store.compact().unwrap();
    store.put("second", stream).unwrap();
    assert_eq!(store.get("second").unwrap().unwrap(), b"streamed");
    store.close().unwrap();
    let store = options.open(STORE).unwrap();
    assert_eq!(store.get("second").unwrap().unwrap(), b"streamed");
    store.delete("second").unwrap();
    store.prune(store.sequence().next()).unwrap();
    store.compact().unwrap();
    assert_eq!(store.stats().stream_segments, 0, "nothing holds it any more");
}

/// A stream is staged, the store is closed and opened again, which removes the file that no commit refers to. The staged
/// stream was taken by the new store all the same, and the commit was acknowledged without a value.
#[test]
fn a_staged_stream_does_not_outlive_its_open_store() {
    let disk = SimDisk::new(1);
    let options = simulated(&disk, &SimClock::new(SECOND));
    let store = options.open(STORE).unwrap();
    let stream = staged(&store, b"streamed");
    store.close().unwrap();
    let store = options.open(STORE).unwrap();
    let refused = store.put("key", stream).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
    assert!(store.get("key").unwrap().is_none());
}

/// An entry expires while its store is closed. The next open sees it expired, and says so to everyone, but did not record the
/// time: after a kill and with the clock set back the entry was there again.
#[test]
fn f17_what_expired_before_an_open_stays_expired() {
    let disk = SimDisk::new(1);
    let clock = SimClock::new(SECOND);
    let options = simulated(&disk, &clock);
    let store = options.open(STORE).unwrap();
    let mut batch = Batch::new();
    batch.put_expiring("key", "value", Expiry::After(Duration::from_secs(10)));
    store.commit(batch).unwrap();
    store.close().unwrap();

    clock.advance(100 * SECOND);
    let store = options.open(STORE).unwrap();
    assert!(store.get("key").unwrap().is_none());
    store.maintain().unwrap();
    let killed = disk.crash(2);
    let store = simulated(&killed, &SimClock::new(2 * SECOND)).open(STORE).unwrap();
    assert!(store.get("key").unwrap().is_none(), "it was seen expired");
}

/// A limit on the number of keys is the first to count an entry as expired. The commit is refused, and nothing recorded the
/// time by which it had been.
#[test]
fn f17_what_a_limit_on_keys_counts_as_expired_stays_expired() {
    let disk = SimDisk::new(1);
    let clock = SimClock::new(SECOND);
    let store = simulated(&disk, &clock).open(STORE).unwrap();
    let mut batch = Batch::new();
    batch.put_expiring("key", "value", Expiry::After(Duration::from_secs(10))).put("other", "value");
    store.commit(batch).unwrap();
    clock.advance(100 * SECOND);
    let mut refused = Batch::new();
    refused.put("a", "1").put("b", "2").limit_keys(2);
    assert_eq!(store.commit(refused).unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert!(store.get("key").unwrap().is_none());
    store.maintain().unwrap();
    let killed = disk.crash(2);
    let store = simulated(&killed, &SimClock::new(2 * SECOND)).open(STORE).unwrap();
    assert!(store.get("key").unwrap().is_none(), "it was seen expired");
}

/// Compaction notes the time in the catalog, because what had expired by then is gone. The next roll of the log wrote the
/// time of the last frame over it, which can be long before: a power cut then put store time back.
#[test]
fn f17_a_roll_does_not_put_the_recorded_time_back() {
    let disk = SimDisk::new(1);
    let clock = SimClock::new(SECOND);
    let store = simulated(&disk, &clock).open(STORE).unwrap();
    for n in 0..6 {
        store.put(format!("key {n}"), &[b'v'; 1000]).unwrap();
    }
    clock.advance(100 * SECOND);
    assert!(store.compact().unwrap().segments_before > 0);
    let mut rolling = Batch::new();
    rolling.put("big", &[b'v'; 4000]).durability(pentad_engine::Durability::Os);
    store.commit(rolling).unwrap();
    let cut = disk.crash_exact(512, &mut |_| false);
    let store = simulated(&cut, &SimClock::new(2 * SECOND)).open(STORE).unwrap();
    assert!(store.now().0 >= 101 * SECOND, "store time went back to {}", store.now());
}

/// What someone else does, and the store that he keeps open.
type Meanwhile = fn(&SimDisk) -> Option<Store>;

/// A disk on which someone else comes first: just before the first file is created, `meanwhile` happens.
#[derive(Debug)]
struct Raced {
    disk: SimDisk,
    meanwhile: Meanwhile,
    begun: AtomicBool,
    alive: Mutex<Option<Store>>,
}

impl Disk for Raced {
    fn kind(&self, path: &Path) -> io::Result<Option<PathKind>> {
        self.disk.kind(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        self.disk.list(dir)
    }
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.disk.canonicalize(path)
    }
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir(dir)
    }
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn File>> {
        if access == Access::CreateNew && !self.begun.swap(true, Ordering::Relaxed) {
            *self.alive.lock().unwrap() = (self.meanwhile)(&self.disk);
        }
        self.disk.open(path, access)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_file(path)
    }
    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.remove_dir(dir)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }
    fn lock(&self, path: &Path, mode: LockMode) -> io::Result<Option<Box<dyn Lock>>> {
        self.disk.lock(path, mode)
    }
}

/// Two processes open a store in the same empty directory. Both see that nothing is there; one makes the store, writes and
/// closes it, or still has it open, and then the other goes on: it removed all of that and made a store of its own.
#[test]
fn f06_two_that_make_one_store_do_not_wipe_each_others() {
    fn put(disk: &SimDisk) -> Store {
        let store = simulated(disk, &SimClock::new(SECOND)).open(STORE).unwrap();
        store.put("key", "acknowledged").unwrap();
        store
    }
    let put_and_close: Meanwhile = |disk| {
        put(disk).close().unwrap();
        None
    };
    let put_and_stay: Meanwhile = |disk| Some(put(disk));
    for (meanwhile, closes) in [(put_and_close, true), (put_and_stay, false)] {
        let disk = SimDisk::new(1);
        disk.create_dir(Path::new(STORE)).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        let raced =
            Raced { disk: disk.clone(), meanwhile, begun: AtomicBool::new(false), alive: Mutex::new(None) };
        let mut options = simulated(&disk, &SimClock::new(SECOND));
        let environment = Environment {
            disk: Arc::new(raced),
            clock: Arc::new(SimClock::new(SECOND)),
            random: Arc::new(SimRandom::new(8)),
            background: false,
        };
        options = options.environment(environment);
        match options.open(STORE) {
            Ok(store) => {
                assert!(closes);
                assert_eq!(store.get("key").unwrap().unwrap(), b"acknowledged");
            }
            Err(refused) => {
                assert!(!closes, "{refused}");
                assert_eq!(refused.kind(), ErrorKind::Locked, "{refused}");
            }
        }
        let killed = disk.crash(3);
        let store = simulated(&killed, &SimClock::new(SECOND)).open(STORE).unwrap();
        assert_eq!(store.get("key").unwrap().unwrap(), b"acknowledged");
    }
}

/// Someone makes a directory, and a store in it acknowledges a commit as durable. A power cut took the directory's own name,
/// which nobody had synced, and the store with it.
#[test]
fn f01_a_store_in_a_new_directory_outlives_a_power_cut() {
    let disk = SimDisk::new(1);
    disk.create_dir(Path::new(STORE)).unwrap();
    let store = simulated(&disk, &SimClock::new(SECOND)).open(STORE).unwrap();
    store.put("key", "acknowledged").unwrap();
    let cut = disk.crash_exact(512, &mut |_| false);
    let store = simulated(&cut, &SimClock::new(SECOND)).open(STORE).unwrap();
    assert_eq!(store.get("key").unwrap().unwrap(), b"acknowledged");
}

/// The file of an unrelated program is called `identity` and very long. All of it was read into memory before a look at
/// its first bytes told that it is not ours.
#[test]
fn f14_a_huge_foreign_identity_is_refused_without_reading_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = RealDisk.open(&dir.path().join("identity"), Access::CreateNew).unwrap();
    file.set_length(1 << 42).unwrap();
    let refused = Store::open(dir.path()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotAStore, "{refused}");
}

/// Recomputes the checksum at the end of a catalog after `change`.
fn forge_catalogs(disk: &SimDisk, change: impl Fn(&mut Vec<u8>)) {
    for copy in ["catalog.0", "catalog.1"] {
        disk.edit(Path::new(STORE).join(copy), |bytes| {
            change(bytes);
            let end = bytes.len() - 4;
            let sum = crc32(&bytes[..end]);
            bytes[end..].copy_from_slice(&sum.to_le_bytes());
        });
    }
}

/// CRC-32 as in zlib, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

/// Where the fields of the first segment record stand in a catalog.
const RECORD: usize = 256;

/// A catalog whose checksum holds says things that no store says. Numbers of it were added to and subtracted from before
/// anyone looked whether they can be: the open panicked, or wrapped, or allocated what a length of 2^60 asks for.
#[test]
fn f14_a_forged_catalog_is_refused_as_damaged() {
    let forgeries: &[(&str, usize, u64)] = &[
        ("first frame 0", RECORD + 48, 0),
        ("first frame of the end of time", RECORD + 48, u64::MAX),
        ("base of the end of the log", RECORD + 40, u64::MAX - 64),
        ("last sequence", 184, u64::MAX),
        ("last frame", 176, u64::MAX),
        ("next segment", 224, u64::MAX),
        ("floor", 216, u64::MAX),
    ];
    for &(what, at, number) in forgeries {
        let disk = SimDisk::new(1);
        let options = simulated(&disk, &SimClock::new(SECOND));
        options.open(STORE).unwrap().close().unwrap();
        forge_catalogs(&disk, |bytes| bytes[at..at + 8].copy_from_slice(&number.to_le_bytes()));
        let read_only = options.open_read_only(STORE).map(drop).unwrap_err();
        assert_eq!(read_only.kind(), ErrorKind::Damaged, "{what}: {read_only}");
        let refused = options.open(STORE).map(drop).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Damaged, "{what}: {refused}");
        let verified = pentad_engine::verify(Path::new(STORE), &options, &mut |_| {});
        assert_eq!(verified.unwrap_err().kind(), ErrorKind::Damaged, "{what}");
    }
}

/// The catalog gives a stream of eight bytes a length of 2^60. Opening set aside memory in proportion, and verification
/// went through 2^44 pieces, each of which it reported.
#[test]
fn f14_a_stream_length_in_the_catalog_is_compared_with_the_file() {
    let disk = SimDisk::new(1);
    let options = simulated(&disk, &SimClock::new(SECOND));
    let store = options.open(STORE).unwrap();
    store.put("key", staged(&store, b"streamed")).unwrap();
    store.put("other", "value").unwrap();
    store.close().unwrap();
    let payload = 1u64 << 60;
    forge_catalogs(&disk, |bytes| {
        let record = bytes[RECORD..].chunks_exact_mut(96).find(|record| record[8] == 2).unwrap();
        record[16..24].copy_from_slice(&(128 + payload + payload / 65_536 * 4).to_le_bytes());
        record[80..88].copy_from_slice(&payload.to_le_bytes());
    });
    let report = pentad_engine::verify(Path::new(STORE), &options, &mut |_| {}).unwrap();
    assert!((1..10).contains(&report.damage.len()), "{} places", report.damage.len());
    let store = options.open(STORE).unwrap();
    assert_eq!(store.get("key").unwrap_err().kind(), ErrorKind::Damaged);
    assert_eq!(store.get("other").unwrap().unwrap(), b"value");
    assert!(store.stats().index_bytes < 1 << 20);
}

/// A file that no store made has the highest number that a segment's name can have. The next number was one more.
#[test]
fn f14_a_segment_file_of_the_highest_number_is_refused() {
    let disk = SimDisk::new(1);
    let options = simulated(&disk, &SimClock::new(SECOND));
    options.open(STORE).unwrap().close().unwrap();
    disk.open(&Path::new(STORE).join("ffffffffffffffff.log"), Access::CreateNew).unwrap();
    let refused = options.open(STORE).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Damaged, "{refused}");
}

/// The disk is full but for a few blocks, so an open goes on in the rest of the segment that is there, which is none. Closing
/// had no room for its mark frame and failed, and the next open, which had to take the store for a killed one, failed too.
#[test]
fn f09_a_store_on_a_full_disk_is_opened_and_closed_again_and_again() {
    let disk = SimDisk::new(1);
    let clock = SimClock::new(SECOND);
    let options = simulated(&disk, &clock).segment_bytes(256 << 10);
    let store = options.open(STORE).unwrap();
    store.put("key", "value").unwrap();
    store.close().unwrap();
    disk.set_capacity(Some(disk.used_bytes() + (8 << 10)));
    for _ in 0..3 {
        clock.advance(100 * SECOND);
        let store = options.open(STORE).unwrap();
        assert_eq!(store.get("key").unwrap().unwrap(), b"value");
        let refused = (0..1000).find_map(|n: u32| store.put(n.to_le_bytes(), &[b'v'; 1000]).err());
        assert_eq!(refused.expect("a megabyte does not fit into 8 KiB").kind(), ErrorKind::DiskFull);
        store.close().unwrap();
        let reader = simulated(&disk, &SimClock::new(SECOND)).open_read_only(STORE).unwrap();
        assert!(reader.now() >= store.now(), "closing records the time");
    }
}

/// Making a store is interrupted by a kill between the rename and the sync of the directory above. The next open finds the
/// store and acknowledges a commit; a power cut then took the name that was never synced, and all of the store.
#[test]
fn f01_a_store_whose_making_was_killed_outlives_a_power_cut() {
    let whole = SimDisk::new(1);
    simulated(&whole, &SimClock::new(SECOND)).open(STORE).unwrap();
    for operations in 0..whole.operations() {
        let disk = SimDisk::new(1);
        disk.fail_after(operations);
        drop(simulated(&disk, &SimClock::new(SECOND)).open(STORE));
        let killed = disk.kill();
        let store = simulated(&killed, &SimClock::new(SECOND)).open(STORE).unwrap();
        store.put("key", "acknowledged").unwrap();
        let cut = killed.crash_exact(512, &mut |_| false);
        let store = simulated(&cut, &SimClock::new(SECOND)).open(STORE).unwrap();
        assert!(store.get("key").unwrap().is_some(), "killed after {operations} operations");
    }
}
