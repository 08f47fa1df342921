//! One sequence and one batch log over the commits of all interfaces.

use bytes::Bytes;
use pentad_local_backend::{AsyncDataStoreWriter, ClientApi, KvBackend, LocalBackend, StoreEngine, key_hash};
use pentad_traits::conformance::block_on;

use crate::stores::Stores;
use crate::writing::{Deleter, Writer};

/// What the log has of the newest commit.
fn newest(backend: &LocalBackend) -> Vec<(Bytes, Bytes)> {
    backend.get_batch(backend.current_sequence()).unwrap().expect("the newest commit is in the log")
}

#[test]
fn every_commit_of_every_interface_takes_the_next_sequence_and_is_logged() {
    let stores = Stores::new();
    let backend = stores.new_store();
    let pair = [(Bytes::from("k"), Bytes::from("v"))];
    block_on(async {
        let mut sequence = 0;
        assert_eq!(backend.current_sequence(), 0);
        for write in Writer::ALL {
            write.run(&backend, "k", "v").await;
            sequence += 1;
            assert_eq!(backend.current_sequence(), sequence, "after {write:?}");
            assert_eq!(newest(&backend), pair, "after {write:?}");
        }
        for delete in Deleter::ALL {
            backend.set("k", b"v").await.unwrap();
            delete.run(&backend, "k").await;
            sequence += 2;
            assert_eq!(backend.current_sequence(), sequence, "after {delete:?}");
            assert_eq!(newest(&backend), [], "after {delete:?}");
        }
        backend.set_with_ttl("k", b"v", u64::MAX).await.unwrap();
        backend.put_with_ttl("k", "v", 1).await.unwrap();
        assert_eq!(newest(&backend), pair);
        backend.rename(b"k", b"renamed").await.unwrap();
        assert_eq!(newest(&backend), [(Bytes::from("renamed"), Bytes::from("v"))]);
        backend.increment("counter", 3).await.unwrap();
        assert_eq!(newest(&backend), [(Bytes::from("counter"), Bytes::from("3"))]);
        backend.write_with_key_hash(key_hash(b"x"), b"v").await.unwrap();
        assert_eq!(newest(&backend), []);
        assert_eq!(backend.current_sequence(), sequence + 5);
        for logged in 1..=backend.current_sequence() {
            assert!(backend.get_batch(logged).unwrap().is_some(), "a hole at {logged}");
        }
    });
}

#[test]
fn a_call_that_changes_nothing_takes_none() {
    let stores = Stores::new();
    let (backend, other) = (stores.new_store(), stores.new_store());
    block_on(async {
        backend.set("k", b"v").await.unwrap();
        assert!(!KvBackend::compare_and_swap(&backend, "k", Some(b"x"), b"w").await.unwrap());
        assert!(!ClientApi::compare_and_swap(&backend, "k", None::<&str>, "w").await.unwrap());
        assert!(!KvBackend::delete(&backend, "missing").await.unwrap());
        ClientApi::delete(&backend, "missing").await.unwrap();
        AsyncDataStoreWriter::delete(&backend, b"missing").await.unwrap();
        backend.batch_delete(&[b"missing", b"missing"]).await.unwrap();
        backend.batch_delete_key_hashes(&[key_hash(b"missing")]).await.unwrap();
        backend.batch_write(&[]).await.unwrap();
        backend.write(b"k", b"").await.unwrap_err();
        backend.rename(b"missing", b"new").await.unwrap_err();
        backend.rename(b"k", b"k").await.unwrap_err();
        backend.increment("k", 1).await.unwrap_err();
        backend.copy(b"k", &other).await.unwrap();
        assert_eq!(backend.current_sequence(), 1);
        assert_eq!(other.current_sequence(), 1);
        // These two always take one.
        assert_eq!(backend.delete_batch(&[b"missing"]).unwrap(), 2);
        assert_eq!(backend.put_batch(&[]).unwrap(), 3);
    });
}

#[test]
fn the_numbering_goes_on_across_interfaces_after_reopening() {
    let stores = Stores::new();
    let mut backend = stores.new_store();
    for round in 0..4 {
        block_on(async {
            backend.set("k", b"v").await.unwrap();
            backend.put("k", "w").await.unwrap();
            backend.write(b"k", b"x").await.unwrap();
        });
        assert_eq!(backend.put_batch(&[]).unwrap(), 4 * (round + 1));
        backend = stores.close_and_open(backend);
    }
    assert_eq!(backend.current_sequence(), 16);
}
