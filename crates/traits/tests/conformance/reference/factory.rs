//! The factory of reference stores: it sets the clock forward instead of waiting.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pentad_traits::conformance::client_api::ClientApiFactory;
use pentad_traits::conformance::kv_backend::{KvBackendFactory, OptionLimits};
use pentad_traits::conformance::store_engine::StoreEngineFactory;
use pentad_traits::conformance::{DataStoreFactory, Factory, Limits};

use super::state::{ALIGNMENT, Change, Id, State};
use super::store::{Clock, Inner, Store};
use crate::defect::Defect as D;

/// FNV-1a, blind to one character, so that keys with one hash are easy to name.
pub(super) fn key_hash(key: &[u8]) -> u64 {
    key.iter()
        .filter(|byte| **byte != b'~')
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

pub(crate) struct ReferenceFactory {
    defect: Option<D>,
    clock: Clock,
}

impl ReferenceFactory {
    pub(crate) fn new(defect: Option<D>) -> Self {
        Self { defect, clock: Arc::new(AtomicU64::new(1_000_000_000_000_000)) }
    }

    fn open(&self, state: State, options: OptionLimits, unanswered: bool) -> Store {
        let (clock, limits, told_early) =
            (Arc::clone(&self.clock), self.small_limits(), AtomicBool::new(false));
        let state = Mutex::new(State { defect: self.defect, ..state });
        Store { inner: Arc::new(Inner { state, clock, limits, options, unanswered, told_early }) }
    }

    /// Small enough to be exceeded in no time, large enough for what the suites write.
    fn small_limits(&self) -> Limits {
        Limits {
            value_bytes_max: 4 << 20,
            batch_operations_max: 1_000,
            batch_bytes_max: 6 << 20,
            ..Limits::CONTRACT
        }
    }

    fn create_store(&self) -> Store {
        self.open(State::default(), OptionLimits::default(), false)
    }

    fn reopen_store(&self, store: &Store) -> Store {
        let mut state = store.lock().clone();
        if state.has(D::ReopenLosesLastCommit) {
            let last = state.sequence;
            state.entries.retain(|_, entry| entry.order.0 != last);
            state.log.remove(&last);
            state.sequence = last.saturating_sub(1);
        }
        if state.has(D::ReopenRevivesDeleted) {
            for key in std::mem::take(&mut state.graves) {
                state.commit(vec![Change::put(Id::Key(key), b"back again")], 0);
            }
        }
        if state.has(D::ReopenEmptiesTheLog) {
            state.log.clear();
        }
        if state.has(D::EmptyLogRestartsNumbering) {
            state.sequence = state.log.keys().next_back().copied().unwrap_or(0);
        }
        let now_ns = self.clock.load(Ordering::SeqCst);
        let (forgets, starts_again) =
            (state.has(D::ReopenForgetsDeadlines), state.has(D::ReopenStartsTtlsAgain));
        let handles_die = state.has(D::HandlesDieWithTheStore);
        for entry in state.entries.values_mut() {
            if handles_die {
                entry.dead.store(true, Ordering::SeqCst);
                entry.dead = Arc::new(AtomicBool::new(false));
            }
            entry.deadline = match entry.deadline {
                Some(_) if forgets => None,
                Some(mut deadline) if starts_again => {
                    deadline.at_ns = now_ns + deadline.ttl_ns;
                    Some(deadline)
                }
                deadline => deadline,
            };
        }
        self.open(state, store.inner.options, store.inner.unanswered)
    }

    fn set_forward(&self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).expect("the suites wait for seconds");
        self.clock.fetch_add(ns, Ordering::SeqCst);
    }

    fn put_with_ttl(&self, store: &Store, key: &[u8], value: &[u8], ttl: Duration) {
        let ttl_ns = u64::try_from(ttl.as_nanos()).expect("the suites give seconds");
        let put = Change { deadline: Some(store.deadline(ttl_ns)), ..Change::put(Id::key(key), value) };
        store.commit(vec![put]).expect("the suites write small keys");
    }

    fn compact_store(&self, store: &Store) {
        let mut state = store.lock();
        state.compact();
    }
}

impl Factory for ReferenceFactory {
    type Store = Store;

    async fn create(&self) -> Store {
        self.create_store()
    }

    async fn reopen(&self, store: Store) -> Store {
        self.reopen_store(&store)
    }

    async fn wait(&self, duration: Duration) {
        self.set_forward(duration);
    }

    fn limits(&self) -> Limits {
        self.small_limits()
    }
}

impl KvBackendFactory for ReferenceFactory {
    async fn create_with_option_limits(&self, limits: OptionLimits) -> Option<Store> {
        Some(self.open(State::default(), limits, false))
    }
}

impl ClientApiFactory for ReferenceFactory {
    fn is_local(&self) -> bool {
        true
    }

    async fn create_unanswered(&self) -> Option<Store> {
        Some(self.open(State::default(), OptionLimits::default(), true))
    }
}

impl StoreEngineFactory for ReferenceFactory {
    type Store = Store;

    fn create(&self) -> Store {
        self.create_store()
    }

    fn reopen(&self, store: Store) -> Store {
        self.reopen_store(&store)
    }

    fn wait(&self, duration: Duration) {
        self.set_forward(duration);
    }

    fn put_expiring(&self, store: &Store, key: &[u8], value: &[u8], ttl: Duration) {
        self.put_with_ttl(store, key, value, ttl);
    }

    fn compact(&self, store: &Store) {
        self.compact_store(store);
    }

    fn disk_bytes(&self, store: &Store) -> Option<u64> {
        Some(store.lock().disk_bytes)
    }

    fn limits(&self) -> Limits {
        self.small_limits()
    }
}

impl DataStoreFactory for ReferenceFactory {
    fn key_hash(&self, key: &[u8]) -> u64 {
        key_hash(key)
    }

    fn colliding_keys(&self) -> (Vec<u8>, Vec<u8>) {
        (b"collides".to_vec(), b"colli~des".to_vec())
    }

    async fn put_expiring(&self, store: &Store, key: &[u8], value: &[u8], ttl: Duration) {
        self.put_with_ttl(store, key, value, ttl);
    }

    async fn compact(&self, store: &Store) {
        self.compact_store(store);
    }

    async fn damage_payload(&self, store: Store, payload: &[u8]) -> Option<Store> {
        let store = self.reopen_store(&store);
        let mut state = store.lock();
        let mut damaged = 0;
        for entry in state.entries.values_mut().filter(|entry| entry.payload == payload) {
            entry.damaged = true;
            damaged += 1;
        }
        drop(state);
        assert_eq!(damaged, 1, "the suite promises that the payload is there once");
        Some(store)
    }

    fn payload_alignment(&self) -> usize {
        ALIGNMENT
    }

    fn reads_in_place(&self) -> bool {
        true
    }
}
