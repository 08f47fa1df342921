//! The stores that the tests work on: real files in a temporary directory, on a clock that the test moves.
//!
//! [`Stores`] is the factory of all five conformance suites. It leaves judging to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::SimClock;
use pentad_engine::{Batch, Expiry};
use pentad_local_backend::{Alignment, LocalBackend, LocalOptions, Options, key_hash};
use pentad_traits::conformance::client_api::ClientApiFactory;
use pentad_traits::conformance::kv_backend::{KvBackendFactory, OptionLimits};
use pentad_traits::conformance::store_engine::StoreEngineFactory;
use pentad_traits::conformance::{DataStoreFactory, Factory, Limits};
use tempfile::TempDir;

/// A value limit that keeps the suites from handing in a GiB.
const VALUE_BYTES_MAX: usize = 4 << 20;

/// Some Saturday in 2026, in nanoseconds since 1970.
const START_NS: u64 = 1_780_000_000_000_000_000;

/// Makes stores below one temporary directory, all on one clock.
#[derive(Debug)]
pub(crate) struct Stores {
    root: TempDir,
    made: AtomicU32,
    pub(crate) clock: SimClock,
    alignment: Alignment,
}

impl Stores {
    pub(crate) fn new() -> Self {
        Self::aligned(Alignment::default())
    }

    pub(crate) fn aligned(alignment: Alignment) -> Self {
        let root = TempDir::new().expect("a temporary directory");
        Self { root, made: AtomicU32::new(0), clock: SimClock::new(START_NS), alignment }
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
        self.options().open(path).expect("the store opens")
    }

    pub(crate) fn close_and_open(&self, backend: LocalBackend) -> LocalBackend {
        let path = close(backend);
        self.open(&path)
    }

    pub(crate) fn pass(&self, duration: Duration) {
        self.clock.advance(u64::try_from(duration.as_nanos()).expect("tests wait for less than centuries"));
    }

    fn batch_expiring(key: &[u8], value: &[u8], ttl: Duration) -> Batch {
        let mut batch = Batch::new();
        batch.put_expiring(key, value, Expiry::After(ttl));
        batch
    }
}

/// Closes a store and answers where it was.
pub(crate) fn close(backend: LocalBackend) -> PathBuf {
    let path = backend.store().path().to_owned();
    backend.close().expect("the store closes");
    path
}

/// Flips one bit of the only place in the files of the store at `path` that holds `payload`.
pub(crate) fn flip_a_bit(path: &Path, payload: &[u8]) {
    let mut places = Vec::new();
    for entry in fs::read_dir(path).expect("the store's directory") {
        let file = entry.expect("a directory entry").path();
        let bytes = fs::read(&file).expect("a file of the store");
        let found = bytes.windows(payload.len()).enumerate().filter(|(_, window)| *window == payload);
        places.extend(found.map(|(place, _)| (file.clone(), place)));
    }
    let [(file, place)] = &places[..] else { panic!("the payload is in {} places", places.len()) };
    let mut bytes = fs::read(file).expect("the file");
    bytes[place + payload.len() / 2] ^= 0x10;
    fs::write(file, bytes).expect("the file with a flipped bit");
}

impl Factory for Stores {
    type Store = LocalBackend;

    async fn create(&self) -> LocalBackend {
        self.new_store()
    }

    async fn reopen(&self, store: LocalBackend) -> LocalBackend {
        self.close_and_open(store)
    }

    async fn wait(&self, duration: Duration) {
        self.pass(duration);
    }

    fn limits(&self) -> Limits {
        Limits { value_bytes_max: VALUE_BYTES_MAX, ..Limits::CONTRACT }
    }
}

impl DataStoreFactory for Stores {
    fn key_hash(&self, key: &[u8]) -> u64 {
        key_hash(key)
    }

    async fn put_expiring(&self, store: &LocalBackend, key: &[u8], value: &[u8], ttl: Duration) {
        store.store().submit(Self::batch_expiring(key, value, ttl)).await.expect("the put is accepted");
    }

    async fn compact(&self, store: &LocalBackend) {
        store.store().compact().expect("compaction works");
    }

    async fn damage_payload(&self, store: LocalBackend, payload: &[u8]) -> Option<LocalBackend> {
        let path = close(store);
        flip_a_bit(&path, payload);
        Some(self.open(&path))
    }

    fn payload_alignment(&self) -> usize {
        usize::try_from(self.alignment.bytes()).expect("a small number")
    }

    fn reads_in_place(&self) -> bool {
        true
    }
}

impl KvBackendFactory for Stores {
    async fn create_with_option_limits(&self, limits: OptionLimits) -> Option<LocalBackend> {
        let mut options = self.options();
        if let Some(bytes) = limits.value_bytes_max {
            options = options.kv_value_bytes_max(bytes as u64);
        }
        if let Some(keys) = limits.keys_max {
            options = options.kv_keys_max(keys as u64);
        }
        Some(options.open(self.new_path()).expect("the store opens"))
    }
}

impl StoreEngineFactory for Stores {
    type Store = LocalBackend;

    fn create(&self) -> LocalBackend {
        self.new_store()
    }

    fn reopen(&self, store: LocalBackend) -> LocalBackend {
        self.close_and_open(store)
    }

    fn wait(&self, duration: Duration) {
        self.pass(duration);
    }

    fn put_expiring(&self, store: &LocalBackend, key: &[u8], value: &[u8], ttl: Duration) {
        store.store().commit(Self::batch_expiring(key, value, ttl)).expect("the put is accepted");
    }

    fn compact(&self, store: &LocalBackend) {
        store.store().compact().expect("compaction works");
    }

    fn disk_bytes(&self, store: &LocalBackend) -> Option<u64> {
        Some(store.store().disk_bytes())
    }

    fn limits(&self) -> Limits {
        Factory::limits(self)
    }
}

impl ClientApiFactory for Stores {
    fn is_local(&self) -> bool {
        true
    }

    async fn create_unanswered(&self) -> Option<LocalBackend> {
        None
    }
}
