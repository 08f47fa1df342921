//! Different keys with one XXH3-64 hash, side by side through every interface.
//!
//! The hash is no secret, and pairs are easy to make. For keys of 4 to 8 bytes it is a chain of steps, each of which can
//! be undone, over the bytes and the length; so the hash of a key of 7 bytes was taken back to the one key of 8 bytes that
//! has it, for one key after another until both were plain text.

use bytes::Bytes;
use pentad_local_backend::{
    AsyncDataStoreReader, AsyncDataStoreWriter, ClientApi, KvBackend, LocalBackend, StoreEngine, key_hash,
};
use pentad_traits::conformance::block_on;

use crate::reading::all_read;
use crate::stores::Stores;
use crate::writing::{Deleter, Writer};

const ONE: &str = "keymwra";
const OTHER: &str = "x7UA4vJF";

fn assert_they_collide() {
    assert_ne!(ONE, OTHER);
    assert_eq!(
        key_hash(ONE.as_bytes()),
        key_hash(OTHER.as_bytes()),
        "the pair must collide for the test to mean anything"
    );
}

async fn both_are(backend: &LocalBackend, one: Option<&str>, other: Option<&str>, when: &str) {
    all_read(backend, ONE.as_bytes(), one.map(str::as_bytes), when).await;
    all_read(backend, OTHER.as_bytes(), other.map(str::as_bytes), when).await;
}

#[test]
fn f15_two_keys_with_one_hash_live_side_by_side_through_every_interface() {
    assert_they_collide();
    let stores = Stores::new();
    for first in Writer::ALL {
        for second in Writer::ALL {
            let backend = stores.new_store();
            block_on(async {
                first.run(&backend, ONE, "one").await;
                both_are(&backend, Some("one"), None, &format!("after {first:?} of one")).await;
                second.run(&backend, OTHER, "other").await;
                both_are(&backend, Some("one"), Some("other"), &format!("after {second:?} of the other"))
                    .await;
            });
            let backend = stores.close_and_open(backend);
            block_on(async {
                both_are(&backend, Some("one"), Some("other"), "after reopening").await;
                first.run(&backend, ONE, "new").await;
                both_are(&backend, Some("new"), Some("other"), "after overwriting one").await;
                assert_eq!(AsyncDataStoreReader::len(&backend).await.unwrap(), 2);
                assert_eq!(backend.list_keys("").await.unwrap(), [ONE, OTHER]);
            });
        }
    }
}

#[test]
fn f15_deleting_one_of_two_keys_with_one_hash_leaves_the_other() {
    assert_they_collide();
    let stores = Stores::new();
    for delete in Deleter::ALL {
        let backend = stores.new_store();
        let by_hash = matches!(delete, Deleter::DataStoreHash);
        block_on(async {
            backend.put(ONE, "one").await.unwrap();
            backend.put(OTHER, "other").await.unwrap();
            delete.run(&backend, ONE).await;
            // What deletes by the hash deletes both.
            let left = (!by_hash).then_some("other");
            both_are(&backend, None, left, &format!("after {delete:?} of one")).await;
        });
        let backend = stores.close_and_open(backend);
        let left = (!by_hash).then_some("other");
        block_on(both_are(&backend, None, left, "after reopening"));
    }
}

#[test]
fn f15_conditions_counters_and_moves_tell_keys_with_one_hash_apart() {
    assert_they_collide();
    let stores = Stores::new();
    let (backend, target) = (stores.new_store(), stores.new_store());
    block_on(async {
        backend.increment(ONE, 5).await.unwrap();
        assert_eq!(backend.increment(OTHER, 7).await.unwrap(), 7, "a counter of its own");
        assert!(!KvBackend::compare_and_swap(&backend, OTHER, Some(b"5"), b"x").await.unwrap());
        assert!(!ClientApi::compare_and_swap(&backend, ONE, Some("7"), "x").await.unwrap());
        backend.copy(ONE.as_bytes(), &target).await.unwrap();
        both_are(&target, Some("5"), None, "in the target of a copy").await;
        backend.transfer(OTHER.as_bytes(), &target).await.unwrap();
        both_are(&target, Some("5"), Some("7"), "in the target of a transfer").await;
        both_are(&backend, Some("5"), None, "in the source of a transfer").await;
        target.rename(ONE.as_bytes(), OTHER.as_bytes()).await.unwrap();
        both_are(&target, None, Some("5"), "after a rename of one to the other").await;
    });
}

#[test]
fn f15_batches_and_lookups_by_hash_hold_both_of_two_keys_with_one_hash() {
    assert_they_collide();
    let hash = key_hash(ONE.as_bytes());
    let stores = Stores::new();
    let mut backend = stores.new_store();
    block_on(async {
        let pairs = [(Bytes::from(ONE), Bytes::from("one")), (Bytes::from(OTHER), Bytes::from("other"))];
        backend.put_batch(&pairs).unwrap();
        assert_eq!(backend.get_batch(1).unwrap().unwrap(), pairs);
        backend.write_with_key_hash(hash, b"hash-only").await.unwrap();
    });
    for when in ["at once", "after reopening"] {
        block_on(async {
            both_are(&backend, Some("one"), Some("other"), when).await;
            assert_eq!(
                backend.read_with_key_hash(hash).await.unwrap().as_deref(),
                Some(&b"hash-only"[..]),
                "{when}"
            );
            let keys: [&[u8]; 2] = [ONE.as_bytes(), OTHER.as_bytes()];
            let read = backend.batch_read_hashed_keys(&[hash, hash], Some(&keys)).await.unwrap();
            let read: Vec<_> = read.iter().map(Option::as_deref).collect();
            assert_eq!(read, [Some(&b"one"[..]), Some(b"other")], "{when}");
            assert_eq!(AsyncDataStoreReader::len(&backend).await.unwrap(), 3, "{when}");
        });
        backend = stores.close_and_open(backend);
    }
    block_on(async {
        // A lookup by key falls back to the entry without one only when the key has none of its own.
        AsyncDataStoreWriter::delete(&backend, ONE.as_bytes()).await.unwrap();
        assert_eq!(backend.read(ONE.as_bytes()).await.unwrap().as_deref(), None);
        assert_eq!(backend.read(OTHER.as_bytes()).await.unwrap().as_deref(), Some(&b"other"[..]));
        backend.batch_delete_key_hashes(&[hash]).await.unwrap();
        assert!(backend.is_empty().await.unwrap());
    });
}
