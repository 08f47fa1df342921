//! Deadlines: one instant for all interfaces, and what clears, moves or carries them.

use std::time::Duration;

use pentad_local_backend::{
    AsyncDataStoreReader, AsyncDataStoreWriter, ClientApi, KvBackend, LocalBackend, StoreEngine,
};
use pentad_traits::conformance::block_on;

use crate::reading::all_read;
use crate::stores::Stores;
use crate::writing::Writer;

const SECOND: Duration = Duration::from_secs(1);
const NANOSECOND: Duration = Duration::from_nanos(1);
const SECOND_NS: u64 = 1_000_000_000;

/// The methods that look at the whole store see `wanted` keys.
async fn all_count(backend: &LocalBackend, wanted: usize, when: &str) {
    assert_eq!(AsyncDataStoreReader::len(backend).await.unwrap(), wanted, "len {when}");
    assert_eq!(backend.is_empty().await.unwrap(), wanted == 0, "is_empty {when}");
    assert_eq!(backend.list_keys("").await.unwrap().len(), wanted, "list_keys {when}");
    assert_eq!(backend.range_scan(b"", b"", 9, true).unwrap().len(), wanted, "range_scan {when}");
    assert_eq!(backend.read_last_entry().await.unwrap().is_some(), wanted > 0, "read_last_entry {when}");
}

#[test]
fn a_key_expires_for_all_interfaces_at_one_nanosecond() {
    let stores = Stores::new();
    let backend = stores.new_store();
    block_on(async {
        backend.set_with_ttl("by KvBackend", b"v", SECOND_NS).await.unwrap();
        backend.put_with_ttl("by ClientApi", "v", 1).await.unwrap();
        stores.pass(SECOND - NANOSECOND);
        for key in [&b"by KvBackend"[..], b"by ClientApi"] {
            all_read(&backend, key, Some(b"v"), "a nanosecond before its deadline").await;
        }
        all_count(&backend, 2, "a nanosecond before the deadline").await;
        stores.pass(NANOSECOND);
        for key in [&b"by KvBackend"[..], b"by ClientApi"] {
            all_read(&backend, key, None, "at its deadline").await;
        }
        all_count(&backend, 0, "at the deadline").await;
        assert_eq!(backend.current_sequence(), 2, "expiry takes no sequence");
    });
}

#[test]
fn f17_an_expired_key_stays_gone_after_reopening_with_the_clock_set_back() {
    let stores = Stores::new();
    let backend = stores.new_store();
    block_on(async {
        backend.set_with_ttl("k", b"v", SECOND_NS).await.unwrap();
        backend.set("staying", b"v").await.unwrap();
        stores.pass(SECOND);
        all_read(&backend, b"k", None, "at its deadline").await;
    });
    let path = Stores::close(backend);
    stores.clock.set_wall(1);
    let backend = stores.open(&path);
    block_on(async {
        all_read(&backend, b"k", None, "after the clock was set back").await;
        all_read(&backend, b"staying", Some(b"v"), "after the clock was set back").await;
        all_count(&backend, 1, "after the clock was set back").await;
    });
}

#[test]
fn a_plain_write_through_any_interface_clears_the_deadline() {
    let stores = Stores::new();
    let backend = stores.new_store();
    block_on(async {
        for write in Writer::ALL {
            backend.set_with_ttl("k", b"old", SECOND_NS).await.unwrap();
            write.run(&backend, "k", "new").await;
            stores.pass(2 * SECOND);
            all_read(&backend, b"k", Some(b"new"), &format!("past the deadline that {write:?} cleared"))
                .await;
        }
        backend.set_with_ttl("k", b"1", SECOND_NS).await.unwrap();
        backend.increment("k", 1).await.unwrap();
        stores.pass(2 * SECOND);
        all_read(&backend, b"k", Some(b"2"), "past the deadline that an increment cleared").await;
    });
}

#[test]
fn a_rename_keeps_the_deadline_and_copy_and_transfer_carry_it() {
    let stores = Stores::new();
    let (backend, copies, moved) = (stores.new_store(), stores.new_store(), stores.new_store());
    block_on(async {
        for key in ["renamed", "copied", "moved"] {
            backend.set_with_ttl(key, b"v", SECOND_NS).await.unwrap();
        }
        backend.rename(b"renamed", b"new name").await.unwrap();
        backend.copy(b"copied", &copies).await.unwrap();
        backend.transfer(b"moved", &moved).await.unwrap();
        stores.pass(SECOND - NANOSECOND);
        all_read(&backend, b"new name", Some(b"v"), "before its deadline").await;
        all_read(&copies, b"copied", Some(b"v"), "before its deadline").await;
        all_read(&moved, b"moved", Some(b"v"), "before its deadline").await;
        stores.pass(NANOSECOND);
        all_read(&backend, b"new name", None, "at its deadline").await;
        all_read(&copies, b"copied", None, "at its deadline").await;
        all_read(&moved, b"moved", None, "at its deadline").await;
    });
}

#[test]
fn an_expired_key_is_absent_to_conditions_of_every_interface() {
    let stores = Stores::new();
    let backend = stores.new_store();
    block_on(async {
        for round in ["KvBackend", "ClientApi"] {
            backend.put_with_ttl("k", "41", 1).await.unwrap();
            stores.pass(SECOND);
            assert!(!KvBackend::delete(&backend, "k").await.unwrap());
            assert!(!KvBackend::compare_and_swap(&backend, "k", Some(b"41"), b"new").await.unwrap());
            backend.rename(b"k", b"new name").await.unwrap_err();
            let swapped = match round {
                "KvBackend" => KvBackend::compare_and_swap(&backend, "k", None, b"new").await.unwrap(),
                _ => ClientApi::compare_and_swap(&backend, "k", None::<&str>, "new").await.unwrap(),
            };
            assert!(swapped, "{round}");
            all_read(&backend, b"k", Some(b"new"), "after the swap").await;
        }
        backend.put_with_ttl("n", "41", 1).await.unwrap();
        stores.pass(SECOND);
        assert_eq!(backend.increment("n", 1).await.unwrap(), 1);
    });
}
