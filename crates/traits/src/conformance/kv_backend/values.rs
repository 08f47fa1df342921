//! Rules about values: stored as given, whole, and for good.

use super::KvBackendFactory;
use crate::conformance::Factory;
use crate::conformance::check::{Check, ensure, equal, refused, works};
use crate::conformance::driving::{poll_once_and_drop, yield_once};
use crate::{KvBackend, KvError};

/// `key` has `wanted`, by `get`.
pub(super) async fn reads<S: KvBackend>(store: &S, key: &str, wanted: Option<&[u8]>) -> Check {
    let found = works(format_args!("get({key:?})"), store.get(key).await)?;
    equal(format_args!("the value of {key:?}"), found.as_deref(), wanted)
}

/// Every method says that `key` is not there.
pub(super) async fn is_absent<S: KvBackend>(store: &S, key: &str) -> Check {
    reads(store, key, None).await?;
    equal(format_args!("exists({key:?})"), works("exists", store.exists(key).await)?, false)?;
    let listed = works("list_keys", store.list_keys("").await)?;
    ensure(!listed.iter().any(|listed| listed == key), format_args!("list_keys has the absent key {key:?}"))
}

pub(super) async fn a_value_is_read_as_it_was_set<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    is_absent(&store, "k").await?;
    works("set", store.set("k", b"one").await)?;
    reads(&store, "k", Some(b"one")).await?;
    works("set over a value", store.set("k", b"two").await)?;
    reads(&store, "k", Some(b"two")).await?;
    is_absent(&store, "K").await
}

pub(super) async fn any_bytes_are_a_value<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let large = every_byte.repeat(300);
    let values: [&[u8]; 6] = [b"", b"\0", b"\0\0\0", b"\xff\xfe", &every_byte, &large];
    for (number, value) in values.iter().enumerate() {
        let key = format!("value {number}");
        works(format_args!("set of {} bytes", value.len()), store.set(&key, value).await)?;
        reads(&store, &key, Some(value)).await?;
    }
    for (number, value) in values.iter().enumerate() {
        reads(&store, &format!("value {number}"), Some(value)).await?;
    }
    Ok(())
}

pub(super) async fn exists_agrees_with_get<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    equal("exists before the set", works("exists", store.exists("k").await)?, false)?;
    works("set", store.set("k", b"").await)?;
    equal("exists after the set of an empty value", works("exists", store.exists("k").await)?, true)?;
    works("delete", store.delete("k").await)?;
    equal("exists after the delete", works("exists", store.exists("k").await)?, false)
}

pub(super) async fn delete_says_whether_a_live_key_was_deleted<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    equal("delete of a missing key", works("delete", store.delete("k").await)?, false)?;
    works("set", store.set("k", b"v").await)?;
    works("set", store.set("other", b"v").await)?;
    equal("delete of a live key", works("delete", store.delete("k").await)?, true)?;
    is_absent(&store, "k").await?;
    reads(&store, "other", Some(b"v")).await?;
    equal("delete of a deleted key", works("delete", store.delete("k").await)?, false)
}

pub(super) async fn acknowledged_writes_survive_reopening<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set", store.set("kept", b"v").await)?;
    works("set", store.set("deleted", b"v").await)?;
    works("delete", store.delete("deleted").await)?;
    works("increment", store.increment("counter", 41).await)?;
    let store = factory.reopen(store).await;
    reads(&store, "kept", Some(b"v")).await?;
    is_absent(&store, "deleted").await?;
    equal("increment after reopening", works("increment", store.increment("counter", 1).await)?, 42)
}

pub(super) async fn a_dropped_write_is_whole_or_absent<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let (old, new) = (vec![b'o'; 70_000], vec![b'n'; 70_000]);
    for round in 0..8 {
        let key = format!("k{round}");
        works("set", store.set(&key, &old).await)?;
        poll_once_and_drop(store.set(&key, &new)).await;
        for _ in 0..20 {
            let found = works("get", store.get(&key).await)?;
            ensure(
                found.as_ref() == Some(&old) || found.as_ref() == Some(&new),
                "after the future of a set was dropped, the value is neither the old nor the new one",
            )?;
            yield_once().await;
        }
    }
    Ok(())
}

pub(super) async fn a_write_that_was_never_polled_does_nothing<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set", store.set("k", b"old").await)?;
    drop(store.set("k", b"new"));
    drop(store.delete("k"));
    drop(store.set("new key", b"new"));
    reads(&store, "k", Some(b"old")).await?;
    is_absent(&store, "new key").await
}

pub(super) async fn a_value_beyond_the_limit_is_refused<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let value = vec![0; Factory::limits(factory).value_bytes_max + 1];
    works("set", store.set("k", b"old").await)?;
    let error = refused("set of a value beyond the limit", store.set("k", &value).await)?;
    equal("the error", error, KvError::ValueTooLarge)?;
    let error =
        refused("compare_and_swap to such a value", store.compare_and_swap("k", Some(b"old"), &value).await)?;
    equal("the error", error, KvError::ValueTooLarge)?;
    reads(&store, "k", Some(b"old")).await
}
