//! Rules about keys and their lists.

use super::KvBackendFactory;
use super::values::{is_absent, reads};
use crate::conformance::check::{Check, equal, refused, works};
use crate::{KvBackend, KvError};

/// Every method refuses `key` as invalid.
async fn is_invalid<S: KvBackend>(store: &S, key: &str, kind: &str) -> Check {
    let says = |method: &str, error: KvError| {
        equal(format_args!("the error of {method} with {kind} key"), error, KvError::InvalidKey)
    };
    says("get", refused(format_args!("get of {kind} key"), store.get(key).await)?)?;
    says("exists", refused(format_args!("exists of {kind} key"), store.exists(key).await)?)?;
    says("set", refused(format_args!("set of {kind} key"), store.set(key, b"v").await)?)?;
    let result = store.set_with_ttl(key, b"v", u64::MAX).await;
    says("set_with_ttl", refused(format_args!("set_with_ttl of {kind} key"), result)?)?;
    says("delete", refused(format_args!("delete of {kind} key"), store.delete(key).await)?)?;
    says("increment", refused(format_args!("increment of {kind} key"), store.increment(key, 1).await)?)?;
    let result = store.compare_and_swap(key, None, b"v").await;
    says("compare_and_swap", refused(format_args!("compare_and_swap of {kind} key"), result)?)?;
    equal(
        "list_keys after refused writes",
        works("list_keys", store.list_keys("").await)?,
        Vec::<String>::new(),
    )
}

pub(super) async fn an_empty_key_is_invalid<F: KvBackendFactory>(factory: &F) -> Check {
    is_invalid(&factory.create().await, "", "an empty").await
}

pub(super) async fn a_key_at_the_limit_is_accepted<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let key = "k".repeat(factory.limits().key_bytes_max);
    works("set of the longest key", store.set(&key, b"v").await)?;
    reads(&store, &key, Some(b"v")).await?;
    is_absent(&store, &key[1..]).await?;
    equal("list_keys", works("list_keys", store.list_keys("k").await)?, [key])
}

pub(super) async fn a_key_beyond_the_limit_is_invalid<F: KvBackendFactory>(factory: &F) -> Check {
    let limit = factory.limits().key_bytes_max;
    is_invalid(&factory.create().await, &"k".repeat(limit + 1), "a too long").await?;
    // The limit is of bytes, not of characters.
    is_invalid(&factory.create().await, &"é".repeat(limit / 2 + 1), "a too long two-byte").await
}

pub(super) async fn any_other_text_is_a_key<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let keys =
        ["\0", "a\0b", "a b", " ", "\n\t\r", "a/../b", "*", "ключ", "🔑", "\u{10ffff}", "\u{feff}a", "a:b=c"];
    for key in keys {
        works(format_args!("set({key:?})"), store.set(key, key.as_bytes()).await)?;
    }
    for key in keys {
        reads(&store, key, Some(key.as_bytes())).await?;
        equal(format_args!("delete({key:?})"), works("delete", store.delete(key).await)?, true)?;
    }
    Ok(())
}

pub(super) async fn listing_is_sorted_by_bytes<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    // By UTF-16 units U+E000 would come after U+10000; by letters "B" after "a".
    let sorted = ["B", "a", "a\0", "a-b", "ab", "b", "é", "\u{e000}", "\u{10000}"];
    for key in sorted.iter().rev() {
        works("set", store.set(key, b"v").await)?;
    }
    equal("list_keys", works("list_keys", store.list_keys("").await)?, sorted)
}

pub(super) async fn listing_has_the_prefix_and_nothing_else<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    for key in
        ["app", "app/", "app/1", "app/2", "app0", "apq", "b/app/1", "z\u{10ffff}", "z\u{10ffff}\u{10ffff}"]
    {
        works("set", store.set(key, b"v").await)?;
    }
    works("delete", store.delete("app/2").await)?;
    for (prefix, wanted) in [
        ("app/", &["app/", "app/1"][..]),
        ("app", &["app", "app/", "app/1", "app0"]),
        ("app/1", &["app/1"]),
        ("app/11", &[]),
        ("c", &[]),
        ("z\u{10ffff}", &["z\u{10ffff}", "z\u{10ffff}\u{10ffff}"]),
    ] {
        let found = works("list_keys", store.list_keys(prefix).await)?;
        equal(format_args!("list_keys({prefix:?})"), found, wanted)?;
    }
    Ok(())
}

pub(super) async fn an_empty_prefix_lists_all<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    equal(
        "list_keys of an empty store",
        works("list_keys", store.list_keys("").await)?,
        Vec::<String>::new(),
    )?;
    let keys: Vec<String> = (0..300).map(|number| format!("key {number:03}")).collect();
    for key in &keys {
        works("set", store.set(key, b"v").await)?;
    }
    equal("list_keys", works("list_keys", store.list_keys("").await)?, keys)
}
