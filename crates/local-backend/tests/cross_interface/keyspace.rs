//! Written through each interface, read through every other; and what some interfaces do not show.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pentad_engine::{Batch, Durability};
use pentad_local_backend::{
    AsyncDataStoreReader, AsyncDataStoreWriter, ClientApi, KvBackend, StoreEngine, key_hash,
};
use pentad_traits::conformance::block_on;

use crate::reading::all_read;
use crate::stores::Stores;
use crate::writing::{Deleter, Writer};

#[test]
fn what_each_interface_writes_every_other_reads() {
    let stores = Stores::new();
    let mut backend = stores.new_store();
    for when in ["at once", "after reopening"] {
        block_on(async {
            for write in Writer::ALL {
                let key = format!("written by {write:?} and read {when}");
                write.run(&backend, &key, "a value").await;
                all_read(&backend, key.as_bytes(), Some(b"a value"), when).await;
            }
        });
        backend = stores.close_and_open(backend);
        block_on(async {
            for write in Writer::ALL {
                let key = format!("written by {write:?} and read {when}");
                all_read(&backend, key.as_bytes(), Some(b"a value"), "after reopening").await;
            }
        });
    }
}

#[test]
fn each_interface_overwrites_what_each_wrote() {
    let stores = Stores::new();
    let backend = stores.new_store();
    block_on(async {
        for first in Writer::ALL {
            for second in Writer::ALL {
                first.run(&backend, "k", "first").await;
                second.run(&backend, "k", "second").await;
                all_read(&backend, b"k", Some(b"second"), &format!("after {first:?} and {second:?}")).await;
            }
        }
        assert_eq!(AsyncDataStoreReader::len(&backend).await.unwrap(), 1);
    });
}

#[test]
fn what_each_interface_deletes_no_other_reads() {
    let stores = Stores::new();
    let backend = stores.new_store();
    block_on(async {
        for write in Writer::ALL {
            for delete in Deleter::ALL {
                write.run(&backend, "k", "v").await;
                delete.run(&backend, "k").await;
                all_read(&backend, b"k", None, &format!("after {write:?} and {delete:?}")).await;
            }
        }
        assert!(backend.is_empty().await.unwrap());
    });
}

#[test]
fn counters_renames_and_empty_values_are_seen_by_all() {
    let stores = Stores::new();
    let backend = stores.new_store();
    block_on(async {
        assert_eq!(backend.increment("counter", 41).await.unwrap(), 41);
        all_read(&backend, b"counter", Some(b"41"), "after increment").await;
        backend.rename(b"counter", b"renamed").await.unwrap();
        all_read(&backend, b"counter", None, "after rename").await;
        all_read(&backend, b"renamed", Some(b"41"), "after rename").await;
        backend.put_batch(&[(Bytes::from("counter"), Bytes::from("7"))]).unwrap();
        assert_eq!(backend.increment("counter", -8).await.unwrap(), -1);
        all_read(&backend, b"counter", Some(b"-1"), "after another increment").await;
        backend.set("empty", b"").await.unwrap();
        all_read(&backend, b"empty", Some(b""), "after set").await;
        backend.rename(b"empty", b"still empty").await.unwrap();
        all_read(&backend, b"still empty", Some(b""), "after rename").await;
    });
}

#[test]
fn keys_that_are_no_text_or_empty_are_only_out_of_the_text_interface() {
    let stores = Stores::new();
    let backend = stores.new_store();
    block_on(async {
        for key in [&b""[..], b"\xff\xfe", b"caf\xc3", b"\0"] {
            backend.put(key, "v").await.unwrap();
            all_read(&backend, key, Some(b"v"), "after put").await;
        }
        // One NUL is text; of the others the prefix "caf" is, and the whole key is not.
        assert_eq!(backend.list_keys("").await.unwrap(), ["\0"]);
        assert_eq!(backend.list_keys("caf").await.unwrap(), Vec::<String>::new());
        assert_eq!(backend.range_scan(b"", b"", 9, true).unwrap().len(), 4);
        assert_eq!(AsyncDataStoreReader::len(&backend).await.unwrap(), 4);
    });
}

#[test]
fn an_entry_without_a_key_is_seen_by_its_own_interface_alone() {
    let stores = Stores::new();
    let backend = stores.new_store();
    block_on(async {
        backend.write_with_key_hash(key_hash(b"k"), b"hash-only").await.unwrap();
        assert_eq!(backend.read(b"k").await.unwrap().as_deref(), Some(&b"hash-only"[..]));
        assert_eq!(AsyncDataStoreReader::len(&backend).await.unwrap(), 1);

        assert_eq!(StoreEngine::get(&backend, b"k").unwrap(), None);
        assert_eq!(backend.get_many(&[b"k"]).unwrap(), [(b"k".to_vec(), None)]);
        assert_eq!(backend.range_scan(b"", b"", 9, true).unwrap(), []);
        assert_eq!(backend.get_batch(1).unwrap(), Some(Vec::new()));
        assert_eq!(KvBackend::get(&backend, "k").await.unwrap(), None);
        assert!(!KvBackend::exists(&backend, "k").await.unwrap());
        assert!(backend.list_keys("").await.unwrap().is_empty());
        assert!(!KvBackend::delete(&backend, "k").await.unwrap());
        assert_eq!(ClientApi::get(&backend, "k").await.unwrap(), None);

        // To the others the key is absent, and what they put there is an entry of its own.
        assert!(ClientApi::compare_and_swap(&backend, "k", None::<&str>, "keyed").await.unwrap());
        assert_eq!(backend.read(b"k").await.unwrap().as_deref(), Some(&b"keyed"[..]));
        assert_eq!(AsyncDataStoreReader::len(&backend).await.unwrap(), 2);
        ClientApi::delete(&backend, "k").await.unwrap();
        assert_eq!(backend.read(b"k").await.unwrap().as_deref(), Some(&b"hash-only"[..]));
        AsyncDataStoreWriter::delete(&backend, b"k").await.unwrap();
        assert!(backend.is_empty().await.unwrap());
    });
}

/// Every commit gives a key and an entry without one the same number. A batch read of both, while commits go on, sees
/// the two of one commit.
#[test]
fn f13_a_batch_read_of_entries_with_and_without_a_key_is_of_one_commit() {
    const COMMITS_SEEN_MIN: usize = 50;
    const PATIENCE: Duration = Duration::from_secs(30);
    let stores = Stores::new();
    let backend = stores.new_store();
    let hash = key_hash(b"hash-only");
    let commit = |number: u32| {
        let mut batch = Batch::new();
        batch
            .put("keyed", &number.to_be_bytes())
            .put_hashed(hash, &number.to_be_bytes())
            .durability(Durability::Os);
        backend.store().commit(batch).unwrap();
    };
    commit(0);
    let stop = AtomicBool::new(false);
    let look = || {
        let mut seen = BTreeSet::new();
        let started = Instant::now();
        while seen.len() < COMMITS_SEEN_MIN && started.elapsed() < PATIENCE {
            let by_key = block_on(backend.batch_read(&[b"hash-only", b"keyed", b"hash-only"])).unwrap();
            let by_hash =
                block_on(backend.batch_read_hashed_keys(&[key_hash(b"keyed"), hash], None)).unwrap();
            for numbers in [by_key, by_hash] {
                let first = numbers[0].as_deref().map(<[u8]>::to_vec);
                if first.is_none() || numbers.iter().any(|number| number.as_deref() != first.as_deref()) {
                    return Err(format!("one view had {numbers:?}"));
                }
                seen.insert(first);
            }
        }
        Ok(seen.len())
    };
    let seen = thread::scope(|scope| {
        scope.spawn(|| (1..).take_while(|_| !stop.load(Ordering::Relaxed)).for_each(commit));
        let seen = look();
        stop.store(true, Ordering::Relaxed);
        seen
    });
    assert!(seen.unwrap() >= COMMITS_SEEN_MIN, "the reads did not meet the writer");
}

#[test]
fn clones_and_another_face_of_the_same_store_see_one_keyspace() {
    let stores = Stores::new();
    let backend = stores.new_store();
    let clone = backend.clone();
    let other = pentad_local_backend::LocalBackend::from_store(backend.store().clone());
    block_on(async {
        backend.set("k", b"v").await.unwrap();
        all_read(&clone, b"k", Some(b"v"), "through a clone").await;
        all_read(&other, b"k", Some(b"v"), "through from_store").await;
        backend.store().put("k", "by the engine").unwrap();
        all_read(&clone, b"k", Some(b"by the engine"), "through a clone").await;
    });
}
