//! What goes wrong in the store, as each interface tells it: in its own type, with the engine's text.

mod stores;

use std::io::{self, ErrorKind};
use std::sync::Arc;

use bytes::Bytes;
use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::{Fault, Op, SimClock, SimDisk, SimRandom};
use pentad_local_backend::{
    AsyncDataStoreReader, AsyncDataStoreWriter, ClientApi, ClientApiError, ErrorCode, KvBackend, KvError,
    LocalBackend, Options, StoreEngine,
};
use pentad_traits::conformance::block_on;
use stores::Stores;

/// The errors of one refused write through each interface.
struct Refused {
    data_store: io::Error,
    store_engine: String,
    kv_backend: KvError,
    client_api: ClientApiError,
}

impl Refused {
    /// Tries to store `value` under `key` through each interface.
    fn writes(backend: &LocalBackend, key: &str, value: &[u8]) -> Self {
        block_on(async {
            Self {
                data_store: backend.write(key.as_bytes(), value).await.unwrap_err(),
                store_engine: backend
                    .put_batch(&[(Bytes::copy_from_slice(key.as_bytes()), Bytes::copy_from_slice(value))])
                    .unwrap_err(),
                kv_backend: backend.set(key, value).await.unwrap_err(),
                client_api: backend.put(key, value).await.unwrap_err(),
            }
        })
    }

    /// Reads `key` through each interface.
    fn reads(backend: &LocalBackend, key: &str) -> Self {
        block_on(async {
            Self {
                data_store: backend.read(key.as_bytes()).await.unwrap_err(),
                store_engine: StoreEngine::get(backend, key.as_bytes()).unwrap_err(),
                kv_backend: KvBackend::get(backend, key).await.unwrap_err(),
                client_api: ClientApi::get(backend, key).await.unwrap_err(),
            }
        })
    }

    /// Every interface has the engine's text, whole, and the kinds given.
    fn is(&self, text: &str, kind: ErrorKind, code: ErrorCode) {
        assert!(
            self.store_engine.contains(text),
            "StoreEngine says {:?}, without {text:?}",
            self.store_engine
        );
        let whole = &self.store_engine;
        assert_eq!(self.kv_backend, KvError::Storage(whole.clone()));
        assert_eq!(self.client_api.message(), whole);
        assert_eq!(self.client_api.code(), code, "{whole}");
        assert!(self.data_store.to_string().contains(whole), "{} is not in {}", whole, self.data_store);
        assert!(self.data_store.to_string().contains("\"k\""), "{} does not name the key", self.data_store);
        assert_eq!(self.data_store.kind(), kind, "{whole}");
    }
}

fn on(disk: &SimDisk) -> LocalBackend {
    let environment = Environment {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(SimClock::new(1_780_000_000_000_000_000)),
        random: Arc::new(SimRandom::new(7)),
        background: false,
    };
    let engine = Options::new().environment(environment).segment_bytes(64 << 10);
    LocalBackend::options().engine(engine).open("/store").unwrap()
}

#[test]
fn f07_failed_fsync_is_an_error_in_every_interface_and_reads_go_on() {
    // Each interface in turn is the one whose commit the sync fails.
    for first in 0..4 {
        let disk = SimDisk::new(1);
        let backend = on(&disk);
        block_on(backend.set("k", b"old")).unwrap();
        disk.inject(Fault::error(Op::Sync, 1, ErrorKind::Other));
        block_on(async {
            match first {
                0 => drop(backend.write(b"k", b"new").await.unwrap_err()),
                1 => drop(backend.put_batch(&[(Bytes::from("k"), Bytes::from("new"))]).unwrap_err()),
                2 => drop(backend.set("k", b"new").await.unwrap_err()),
                _ => drop(backend.put("k", "new").await.unwrap_err()),
            }
        });
        assert_eq!(disk.faults_waiting(), 0, "the sync failed");
        Refused::writes(&backend, "k", b"newer").is("/store", ErrorKind::Other, ErrorCode::StorageIoError);
        assert_eq!(StoreEngine::get(&backend, b"k").unwrap().as_deref(), Some(&b"old"[..]));
        assert_eq!(block_on(KvBackend::get(&backend, "k")).unwrap().as_deref(), Some(&b"old"[..]));
        assert_eq!(backend.current_sequence(), 1);
    }
}

#[test]
fn f09_a_full_disk_is_named_as_such_in_every_interface_and_deleting_still_works() {
    let disk = SimDisk::new(1);
    let backend = on(&disk);
    block_on(backend.set("k", b"old")).unwrap();
    disk.set_capacity(Some(disk.used_bytes()));
    let value = vec![b'x'; 200_000];
    // Each attempt names the segment that it could not create, so the texts differ in that.
    let refused = Refused::writes(&backend, "k", &value);
    assert_eq!(refused.data_store.kind(), ErrorKind::StorageFull, "{}", refused.data_store);
    assert_eq!(refused.client_api.code(), ErrorCode::DiskFull, "{}", refused.client_api);
    assert!(matches!(refused.kv_backend, KvError::Storage(_)), "{}", refused.kv_backend);
    let texts = [
        refused.data_store.to_string(),
        refused.store_engine,
        refused.kv_backend.to_string(),
        refused.client_api.to_string(),
    ];
    for text in texts {
        assert!(text.contains("no space left") && text.contains("/store/"), "{text}");
    }
    assert_eq!(StoreEngine::get(&backend, b"k").unwrap().as_deref(), Some(&b"old"[..]));
    assert_eq!(backend.current_sequence(), 1, "a refused write takes no sequence");
    let error = block_on(backend.write_stream(b"k", &mut &value[..])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    assert!(error.to_string().contains("\"k\""), "{error} does not name the key");
    assert!(block_on(KvBackend::delete(&backend, "k")).unwrap(), "deleting needs no new segment here");
    disk.set_capacity(None);
    block_on(backend.set("k", &value)).unwrap();
}

#[test]
fn f03_damage_is_reported_by_every_interface_and_never_returned() {
    let stores = Stores::new();
    let backend = stores.new_store();
    let payload = b"a value of which one bit will be flipped";
    block_on(backend.set("k", payload)).unwrap();
    let path = Stores::close(backend);
    stores::damage::flip_a_bit(&path, payload);
    let backend = stores.open(&path);
    let file = path.to_str().unwrap();
    // The second time is no different from the first.
    for _ in 0..2 {
        Refused::reads(&backend, "k").is(file, ErrorKind::InvalidData, ErrorCode::DataCorruption);
    }
    backend.get_batch(1).unwrap_err();
    backend.range_scan(b"", b"", 9, true).unwrap_err();
    backend.get_many(&[b"k"]).unwrap_err();
    block_on(async {
        backend.get_multi(&[Bytes::from("k")]).await.unwrap_err();
        backend.increment("k", 1).await.unwrap_err();
        // Comparing values reads them too.
        ClientApi::compare_and_swap(&backend, "k", Some(&payload[..]), "new").await.unwrap_err();
        // What does not touch the value works, and so does writing over it.
        assert_eq!(backend.list_keys("").await.unwrap(), ["k"]);
        backend.set("k", b"new").await.unwrap();
        assert_eq!(backend.get_eventual("k").await.unwrap().as_deref(), Some(&b"new"[..]));
    });
}

#[test]
fn a_store_open_for_reading_refuses_the_writes_of_every_interface() {
    let stores = Stores::new();
    let backend = stores.new_store();
    block_on(backend.set("k", b"v")).unwrap();
    let path = Stores::close(backend);
    let backend = stores.options().open_read_only(&path).unwrap();
    let refused = Refused::writes(&backend, "k", b"new");
    refused.is(path.to_str().unwrap(), ErrorKind::ReadOnlyFilesystem, ErrorCode::InvalidRequest);
    assert!(
        refused.client_api.to_string().ends_with("; open the store for writing"),
        "{}",
        refused.client_api
    );
    let error = block_on(backend.write_stream(b"k", &mut &b"new"[..])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnlyFilesystem, "{error}");
    assert_eq!(block_on(KvBackend::get(&backend, "k")).unwrap().as_deref(), Some(&b"v"[..]));
}

#[test]
fn a_closed_store_says_so_in_every_interface() {
    let stores = Stores::new();
    let backend = stores.new_store();
    block_on(backend.set("k", b"v")).unwrap();
    let handle = block_on(backend.read(b"k")).unwrap().unwrap();
    backend.close().unwrap();
    backend.close().expect("closing again is no error");
    let path = backend.store().path().to_str().unwrap().to_owned();
    Refused::writes(&backend, "k", b"new").is(&path, ErrorKind::NotConnected, ErrorCode::General);
    Refused::reads(&backend, "k").is(&path, ErrorKind::NotConnected, ErrorCode::General);
    assert_eq!(&handle[..], b"v", "what was read outlives the store");
}

#[test]
fn f14_limits_are_told_in_the_words_of_each_interface() {
    let stores = Stores::new();
    let backend = stores.options().key_bytes_max(8).value_bytes_max(10).open(stores.new_path()).unwrap();
    block_on(async {
        assert_eq!(backend.set("", b"v").await, Err(KvError::InvalidKey));
        assert_eq!(backend.set("nine byte", b"v").await, Err(KvError::InvalidKey));
        for refused in [
            KvBackend::get(&backend, "nine byte").await.map(drop),
            KvBackend::delete(&backend, "").await.map(drop),
            KvBackend::exists(&backend, "nine byte").await.map(drop),
            backend.increment("", 1).await.map(drop),
            KvBackend::compare_and_swap(&backend, "nine byte", None, b"v").await.map(drop),
            backend.set_with_ttl("", b"v", 1).await,
        ] {
            assert_eq!(refused, Err(KvError::InvalidKey));
        }
        assert_eq!(backend.set("k", b"eleven byte").await, Err(KvError::ValueTooLarge));
        let error = backend.write(b"k", b"eleven byte").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        for text in ["\"k\"", "11", "10"] {
            assert!(error.to_string().contains(text), "{error} does not say {text}");
        }
        let error = backend.put("nine byte", "v").await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidRequest);
        assert!(error.message().contains('9') && error.message().contains('8'), "{error}");
        // A stream is as long as the disk allows.
        backend.write_stream(b"k", &mut &[b'x'; 100_000][..]).await.unwrap();
        // To a store that was wrapped, not opened here, the limits of its engine are not known beforehand.
        let wrapped = LocalBackend::from_store(backend.store().clone());
        let error = wrapped.set("k", b"eleven byte").await.unwrap_err();
        assert!(
            matches!(&error, KvError::Storage(text) if text.contains("11") && text.contains("10")),
            "{error}"
        );
    });
    assert_eq!(backend.current_sequence(), 1);
}

#[test]
fn a_quota_of_keys_is_not_mistaken_for_a_full_disk_nor_the_other_way_round() {
    let stores = Stores::new();
    let backend = stores.options().kv_keys_max(1).open(stores.new_path()).unwrap();
    block_on(async {
        backend.set("one", b"v").await.unwrap();
        assert_eq!(backend.set("two", b"v").await, Err(KvError::QuotaExceeded));
        // The quota is KvBackend's own: the other interfaces go beyond it, and from there on it only forbids more.
        backend.put("two", "v").await.unwrap();
        backend.set("two", b"w").await.unwrap();
        assert_eq!(backend.set("three", b"v").await, Err(KvError::QuotaExceeded));
    });
}

#[test]
fn what_is_no_number_is_told_with_the_engines_text() {
    let stores = Stores::new();
    let backend = stores.new_store();
    block_on(async {
        backend.set("k", b"12x").await.unwrap();
        let KvError::Storage(text) = backend.increment("k", 1).await.unwrap_err() else {
            panic!("not Storage")
        };
        assert!(text.starts_with("invalid number: ") && text.contains("12x"), "{text}");
        assert_eq!(KvBackend::get(&backend, "k").await.unwrap().as_deref(), Some(&b"12x"[..]));
    });
}

#[test]
fn messages_of_batches_name_the_store_and_those_of_bad_entries_the_key() {
    let stores = Stores::new();
    let backend = stores.new_store();
    let path = backend.store().path().to_str().unwrap().to_owned();
    block_on(async {
        let error = backend.batch_write(&[(b"fine", b"v"), (b"bad\n", b"")]).await.unwrap_err();
        assert!(error.to_string().contains("\"bad\\x0a\""), "{error}");
        let error = backend.batch_write_with_key_hashes(vec![(0xabc, b"\0")], false).await.unwrap_err();
        assert!(error.to_string().contains("0x0000000000000abc"), "{error}");
        let error = backend.batch_read_hashed_keys(&[1, 2], Some(&[b"k"])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(&path) && error.to_string().contains("2 key hashes"), "{error}");
        let long = vec![b'x'; 70_000];
        let error = backend.batch_write(&[(&long, b"v"), (b"k", b"v")]).await.unwrap_err();
        assert!(error.to_string().contains(&path), "{error}");
        let error = backend.transfer(b"gone", &stores.new_store()).await.unwrap_err();
        assert!(error.to_string().contains("\"gone\"") && error.to_string().contains(&path), "{error}");
    });
}
