//! The scrub on a thread of its own and on a real disk: nobody waits for it, and it finds nothing where nothing is.
#![expect(clippy::disallowed_methods, reason = "the thread runs in real time")]

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use pentad_engine::seams::{Access, Disk, Environment, File, Lock, LockMode, Map, PathKind, RealDisk};
use pentad_engine::{Batch, Durability, Options, Retention, Store};

/// Waits until `what` holds, which it does soon unless something is wrong.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn done_bytes(store: &Store) -> u64 {
    store.stats().scrub.unwrap().done_bytes
}

#[test]
fn closing_does_not_wait_for_the_next_read_of_a_slow_scrub() {
    let root = tempfile::tempdir().unwrap();
    let store = Options::new().scrub(1).open(root.path().join("store")).unwrap();
    for number in 0..10u32 {
        store.put(number.to_be_bytes(), vec![7; 10_000]).unwrap();
    }
    eventually("the first read", || done_bytes(&store) > 0);
    let begun = Instant::now();
    store.close().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "the next read is due in hours: {:?}", begun.elapsed());
}

#[test]
fn a_scrub_finds_nothing_while_writers_prune_and_compaction_run() {
    let root = tempfile::tempdir().unwrap();
    let options = Options::new().segment_bytes(64 << 10).retention(Retention::Commits(100)).scrub(1 << 30);
    let store = options.open(root.path().join("store")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..2u64 {
            let (store, stop) = (&store, &stop);
            scope.spawn(move || {
                for number in 0u64.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let mut batch = Batch::new();
                    batch.put(format!("{writer}/{}", number % 300), vec![7; 100 + (number % 900) as usize]);
                    batch.delete(format!("{writer}/{}", (number + 7) % 300)).durability(Durability::Os);
                    store.commit(batch).unwrap();
                    if number % 500 == 0 {
                        store.prune(store.sequence()).unwrap();
                        store.compact().unwrap();
                    }
                }
            });
        }
        // From its first read on, to the end of the pass.
        eventually("a pass", || store.stats().scrub.unwrap().passes > 0);
        stop.store(true, Ordering::Relaxed);
    });
    let stats = store.stats();
    let scrub = stats.scrub.unwrap();
    assert_eq!((scrub.found, scrub.findings), (0, Vec::new()));
    assert!(scrub.last_pass.is_some() && stats.upkeep_failures.is_empty(), "{:?}", stats.upkeep_failures);
    store.close().unwrap();
}

#[test]
fn commits_prunes_and_compaction_go_on_while_a_read_of_the_scrub_hangs() {
    let root = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let environment = Environment { disk: Arc::new(GatedDisk { gate: gate.clone() }), ..Environment::real() };
    let options = Options::new().scrub(1 << 30).retention(Retention::Commits(1)).environment(environment);
    let store = options.open(root.path().join("store")).unwrap();
    for number in 0..10u32 {
        store.put(number.to_be_bytes(), vec![7; 1000]).unwrap();
    }
    gate.shut();
    let _opened_at_last = OpenedAtLast(gate.clone());
    eventually("the scrub's read", || gate.waiting() > 0);
    for number in 0..10u32 {
        store.put(number.to_be_bytes(), vec![8; 1000]).unwrap();
    }
    store.prune(store.sequence().next()).unwrap();
    assert!(store.compact().unwrap().segments_before > 0);
    assert!(gate.waiting() > 0, "all of that while the scrub reads");
    gate.open();
    eventually("the pass", || store.stats().scrub.unwrap().passes > 0);
    assert_eq!(store.stats().scrub.unwrap().findings, []);
    store.close().unwrap();
}

/// What reads of log segments by the scrub's thread wait for. Cloning shares it.
#[derive(Clone, Debug, Default)]
struct Gate {
    shared: Arc<(Mutex<(bool, usize)>, Condvar)>,
}

impl Gate {
    fn shut(&self) {
        self.shared.0.lock().unwrap().0 = true;
    }

    fn open(&self) {
        self.shared.0.lock().unwrap().0 = false;
        self.shared.1.notify_all();
    }

    /// How many reads wait at the gate.
    fn waiting(&self) -> usize {
        self.shared.0.lock().unwrap().1
    }

    fn pass(&self) {
        if std::thread::current().name() != Some("pentad-scrub") {
            return;
        }
        let mut state = self.shared.0.lock().unwrap();
        state.1 += 1;
        let mut state = self.shared.1.wait_while(state, |state| state.0).unwrap();
        state.1 -= 1;
    }
}

/// Opens the gate when the test ends as well, or a failed one would wait for the scrub for ever.
struct OpenedAtLast(Gate);

impl Drop for OpenedAtLast {
    fn drop(&mut self) {
        self.0.open();
    }
}

#[derive(Debug)]
struct GatedDisk {
    gate: Gate,
}

impl Disk for GatedDisk {
    fn kind(&self, path: &Path) -> io::Result<Option<PathKind>> {
        RealDisk.kind(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        RealDisk.list(dir)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        RealDisk.canonicalize(path)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.create_dir(dir)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn File>> {
        let inner = RealDisk.open(path, access)?;
        if path.extension().is_none_or(|extension| extension != "log") {
            return Ok(inner);
        }
        Ok(Box::new(GatedFile { inner, gate: self.gate.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_file(path)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.remove_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }

    fn lock(&self, path: &Path, mode: LockMode) -> io::Result<Option<Box<dyn Lock>>> {
        RealDisk.lock(path, mode)
    }
}

#[derive(Debug)]
struct GatedFile {
    inner: Box<dyn File>,
    gate: Gate,
}

impl File for GatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.gate.pass();
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, buffer: &[u8], offset: u64) -> io::Result<usize> {
        self.inner.write_at(buffer, offset)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        self.inner.allocate(length)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.inner.set_length(length)
    }

    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }

    fn map(&self, length: u64) -> io::Result<Map> {
        self.inner.map(length)
    }
}
