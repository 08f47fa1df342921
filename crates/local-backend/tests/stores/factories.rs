//! What each conformance suite needs of [`Stores`].

use std::time::Duration;

use pentad_local_backend::{LocalBackend, key_hash};
use pentad_traits::conformance::client_api::ClientApiFactory;
use pentad_traits::conformance::kv_backend::{KvBackendFactory, OptionLimits};
use pentad_traits::conformance::store_engine::StoreEngineFactory;
use pentad_traits::conformance::{DataStoreFactory, Factory, Limits};

use super::Stores;
use super::damage::flip_a_bit;
use super::temporary::VALUE_BYTES_MAX;

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
        let path = Self::close(store);
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
        Some(self.part_of(options.open(self.new_path()).expect("the store opens")))
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
