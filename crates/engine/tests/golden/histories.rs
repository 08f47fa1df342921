//! What was done to the stores in the images. A history is never changed, or its image would have to be.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::{SimClock, SimDisk, SimRandom};
use pentad_engine::{Alignment, Batch, Durability, Expiry, Options, Retention, Sequence, Store, key_hash};

pub(crate) const STORE: &str = "/store";
/// When the histories begin, in nanoseconds since 1970.
pub(crate) const START_NS: u64 = 1_700_000_000_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// How one image came to be.
pub(crate) struct History {
    pub(crate) name: &'static str,
    /// Keys by whose hashes it is looked for entries.
    pub(crate) probes: &'static [&'static str],
    pub(crate) write: fn() -> BTreeMap<PathBuf, Vec<u8>>,
}

pub(crate) const HISTORIES: &[History] = &[
    History { name: "closed", probes: &["alpha", "bare", "none"], write: closed },
    History { name: "killed", probes: &["k3"], write: killed },
    History { name: "compacted", probes: &["bare", "gone", "stays"], write: compacted },
    History { name: "aligned", probes: &["odd"], write: aligned },
    History { name: "named", probes: &["odd"], write: named },
];

pub(crate) fn environment(disk: &SimDisk, clock: &SimClock) -> Environment {
    Environment {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(clock.clone()),
        random: Arc::new(SimRandom::new(1)),
        background: false,
    }
}

/// The files that say something: the reserve of disk is as long as the others together, and its bytes have no meaning.
fn files(disk: &SimDisk) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut image = disk.image();
    let reserve = image.remove(&PathBuf::from(STORE).join("reserve"));
    assert_eq!(reserve.map(|bytes| bytes.len()), Some(4 * 4096), "four segments");
    image
}

fn create(options: Options) -> (Store, SimDisk, SimClock) {
    let (disk, clock) = (SimDisk::new(0), SimClock::new(START_NS));
    let options = options.segment_bytes(4096).auto_compact(false).environment(environment(&disk, &clock));
    (options.open(STORE).unwrap(), disk, clock)
}

/// Closed in order.
fn closed() -> BTreeMap<PathBuf, Vec<u8>> {
    let (store, disk, clock) = create(Options::new().retention(Retention::All));
    store.put("alpha", "1").unwrap();
    clock.advance(SECOND_NS);
    let mut batch = Batch::new();
    batch.put("beta", "two").put("", "the empty key").put("empty", "").delete("alpha").put("alpha", "again");
    store.commit(batch).unwrap();
    let mut batch = Batch::new();
    batch.put_hashed(key_hash(b"bare"), "known by its hash").increment("count", -7);
    store.commit(batch).unwrap();
    store.delete("beta").unwrap();
    store.close().unwrap();
    files(&disk)
}

/// Killed: two commits are durable, the two behind them have no successor that says so.
fn killed() -> BTreeMap<PathBuf, Vec<u8>> {
    let (store, disk, clock) = create(Options::new().retention(Retention::All));
    for (key, durability) in
        [("k1", Durability::Disk), ("k2", Durability::Disk), ("k3", Durability::Os), ("k4", Durability::Os)]
    {
        clock.advance(SECOND_NS);
        let mut batch = Batch::new();
        batch.put(key, format!("value of {key}")).durability(durability);
        store.commit(batch).unwrap();
    }
    files(&disk.kill())
}

/// Several segments, pruned and compacted: a stream, hash-only entries, deadlines, tombstones, a retained tail.
fn compacted() -> BTreeMap<PathBuf, Vec<u8>> {
    let (store, disk, clock) = create(Options::new().retention(Retention::All));
    let mut stream = store.stream().unwrap();
    stream.write_all(&(0..1500u32).map(|i| u8::try_from(i % 251).unwrap()).collect::<Vec<_>>()).unwrap();
    let mut batch = Batch::new();
    batch.put("stream", stream.finish().unwrap()).put("stays", "from the first commit");
    store.commit(batch).unwrap();
    let mut batch = Batch::new();
    batch
        .put_expiring("ends late", "still there", Expiry::After(std::time::Duration::from_secs(3600)))
        .put_expiring("ends soon", "not any more", Expiry::After(std::time::Duration::from_secs(5)))
        .put_hashed(key_hash(b"bare"), "known by its hash")
        .put_hashed(key_hash(b"gone"), "deleted below");
    store.commit(batch).unwrap();
    for round in 0..6u8 {
        clock.advance(SECOND_NS);
        store.put("rewritten", vec![b'a' + round; 900]).unwrap();
    }
    let mut batch = Batch::new();
    batch.delete_hashed(key_hash(b"gone")).rename("stream", "renamed stream");
    store.commit(batch).unwrap();
    store.prune(Sequence(9)).unwrap();
    let report = store.compact().unwrap();
    assert!(report.segments_after > 0 && report.entries > 0, "{report:?}");
    store.delete("rewritten").unwrap();
    store.put("tail", "after the compaction").unwrap();
    store.close().unwrap();
    files(&disk)
}

/// System entries and namespaces, one of them dropped; of some the newest version has been moved.
fn named() -> BTreeMap<PathBuf, Vec<u8>> {
    let (store, disk, clock) = create(Options::new().retention(Retention::Commits(0)));
    let (kept, dropped) = (store.namespace("kept").unwrap(), store.namespace("dropped").unwrap());
    let mut batch = Batch::new();
    batch.put("own", "1").put_system("applied", "1").put_system("gone", "soon");
    batch.within(&kept).put("odd", "in a namespace").put_hashed(key_hash(b"bare"), "known by its hash");
    batch.put_expiring("ends late", "there", Expiry::After(std::time::Duration::from_secs(3600)));
    batch.within(&dropped).put("odd", "not for long");
    store.commit(batch).unwrap();
    clock.advance(SECOND_NS);
    let mut batch = Batch::new();
    batch.put_system("applied", "2").delete_system("gone");
    assert_eq!(store.commit(batch).unwrap().sequence, None);
    store.drop_namespace("dropped").unwrap();
    let report = store.compact().unwrap();
    assert!(report.segments_after > 0 && report.entries > 0, "{report:?}");
    let mut batch = Batch::new();
    batch.within(&kept).put("odd", "again").delete("never").put_system("applied", "3");
    store.commit(batch).unwrap();
    store.close().unwrap();
    files(&disk)
}

/// Payloads on multiples of 64 bytes.
fn aligned() -> BTreeMap<PathBuf, Vec<u8>> {
    let (store, disk, _) = create(Options::new().alignment(Alignment::CacheLine).retention(Retention::All));
    let mut batch = Batch::new();
    batch.put("odd", "1").put("an odd length", vec![7; 67]).put("none", "").delete("none");
    store.commit(batch).unwrap();
    store.put("next", vec![9; 128]).unwrap();
    store.close().unwrap();
    files(&disk)
}
