//! `Stores`: makes, closes and opens the stores, and lets their time pass.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::SimClock;
use pentad_engine::{Batch, Expiry};
use pentad_local_backend::{Alignment, LocalBackend, LocalOptions, Options};
use tempfile::TempDir;

/// A value limit that keeps the suites from handing in a GiB.
pub(super) const VALUE_BYTES_MAX: usize = 4 << 20;

/// Some Saturday in 2026, in nanoseconds since 1970.
const START_NS: u64 = 1_780_000_000_000_000_000;

/// Makes stores below one temporary directory, all on one clock.
#[derive(Debug)]
pub(crate) struct Stores {
    root: TempDir,
    made: AtomicU32,
    pub(crate) clock: SimClock,
    pub(super) alignment: Alignment,
    /// The namespace that the stores are of; none for their own keyspace.
    pub(crate) namespace: Option<&'static str>,
}

impl Stores {
    pub(crate) fn new() -> Self {
        Self::aligned(Alignment::default())
    }

    pub(crate) fn aligned(alignment: Alignment) -> Self {
        let root = TempDir::new().expect("a temporary directory");
        Self { root, made: AtomicU32::new(0), clock: SimClock::new(START_NS), alignment, namespace: None }
    }

    /// The part of a store that the tests work on.
    pub(super) fn part_of(&self, backend: LocalBackend) -> LocalBackend {
        match self.namespace {
            Some(name) => backend.namespace(name).expect("a namespace"),
            None => backend,
        }
    }

    /// The options that every store of this factory is opened with.
    pub(crate) fn options(&self) -> LocalOptions {
        let environment = Environment { clock: Arc::new(self.clock.clone()), ..Environment::real() };
        // Small segments, so that what compaction gives back shows.
        let engine =
            Options::new().environment(environment).alignment(self.alignment).segment_bytes(256 << 10);
        LocalBackend::options().engine(engine).value_bytes_max(VALUE_BYTES_MAX as u64)
    }

    /// A directory that no store is in yet.
    pub(crate) fn new_path(&self) -> PathBuf {
        self.root.path().join(self.made.fetch_add(1, Ordering::Relaxed).to_string())
    }

    pub(crate) fn new_store(&self) -> LocalBackend {
        self.open(&self.new_path())
    }

    pub(crate) fn open(&self, path: &Path) -> LocalBackend {
        self.part_of(self.options().open(path).expect("the store opens"))
    }

    /// Closes a store and answers where it was.
    pub(crate) fn close(backend: LocalBackend) -> PathBuf {
        let path = backend.store().path().to_owned();
        backend.close().expect("the store closes");
        path
    }

    pub(crate) fn close_and_open(&self, backend: LocalBackend) -> LocalBackend {
        let path = Self::close(backend);
        self.open(&path)
    }

    pub(crate) fn pass(&self, duration: Duration) {
        self.clock.advance(u64::try_from(duration.as_nanos()).expect("tests wait for less than centuries"));
    }

    pub(super) fn batch_expiring(key: &[u8], value: &[u8], ttl: Duration) -> Batch {
        let mut batch = Batch::new();
        batch.put_expiring(key, value, Expiry::After(ttl));
        batch
    }
}
