//! Rules about deadlines, whose unit is seconds here.

use std::time::Duration;

use super::ClientApiFactory;
use super::values::reads;
use crate::ClientApi;
use crate::conformance::EXPIRY_LAG_MAX;
use crate::conformance::check::{Check, equal, works};

/// Waits until whatever was written for one second is gone.
pub(super) async fn wait_past_one_second<F: ClientApiFactory>(factory: &F) {
    factory.wait(Duration::from_secs(1) + EXPIRY_LAG_MAX).await;
}

pub(super) async fn ttls_are_counted_in_seconds<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("put_with_ttl", store.put_with_ttl("short", "v", 1).await)?;
    works("put_with_ttl", store.put_with_ttl("long", "v", 5).await)?;
    wait_past_one_second(factory).await;
    reads(&store, b"short", None).await?;
    reads(&store, b"long", Some(b"v")).await
}

pub(super) async fn zero_is_no_expiry<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("put_with_ttl(0)", store.put_with_ttl("new", "v", 0).await)?;
    works("put_with_ttl", store.put_with_ttl("over", "v", 1).await)?;
    works("put_with_ttl(0) over a key with a deadline", store.put_with_ttl("over", "w", 0).await)?;
    wait_past_one_second(factory).await;
    reads(&store, b"new", Some(b"v")).await?;
    reads(&store, b"over", Some(b"w")).await
}

pub(super) async fn the_greatest_ttl_saturates<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    // The second one is beyond 64 bits once it is turned into nanoseconds.
    for (key, ttl_secs) in [("max", u64::MAX), ("overflow", u64::MAX / 1_000_000_000 + 1)] {
        works(format_args!("put_with_ttl({ttl_secs})"), store.put_with_ttl(key, "v", ttl_secs).await)?;
    }
    factory.wait(EXPIRY_LAG_MAX).await;
    reads(&store, b"max", Some(b"v")).await?;
    reads(&store, b"overflow", Some(b"v")).await
}

pub(super) async fn an_expired_key_is_absent_from_every_method<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("put_with_ttl", store.put_with_ttl("k", "v", 1).await)?;
    wait_past_one_second(factory).await;
    reads(&store, b"k", None).await?;
    equal("get_linearizable", works("get_linearizable", store.get_linearizable("k").await)?, None)?;
    equal("get_lease", works("get_lease", store.get_lease("k").await)?, None)?;
    equal("get_eventual", works("get_eventual", store.get_eventual("k").await)?, None)?;
    works("delete of an expired key", store.delete("k").await)
}

pub(super) async fn a_plain_put_clears_the_deadline<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("put_with_ttl", store.put_with_ttl("k", "v", 1).await)?;
    works("put", store.put("k", "w").await)?;
    wait_past_one_second(factory).await;
    reads(&store, b"k", Some(b"w")).await
}

pub(super) async fn a_swap_clears_it_when_it_hits_only<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("put_with_ttl", store.put_with_ttl("hit", "v", 2).await)?;
    works("put_with_ttl", store.put_with_ttl("missed", "v", 2).await)?;
    let hit = works("compare_and_swap", store.compare_and_swap("hit", Some("v"), "w").await)?;
    equal("a swap before the deadline", hit, true)?;
    let hit = works("compare_and_swap", store.compare_and_swap("missed", Some("x"), "w").await)?;
    equal("a swap from another value", hit, false)?;
    factory.wait(Duration::from_secs(2) + EXPIRY_LAG_MAX).await;
    reads(&store, b"hit", Some(b"w")).await?;
    reads(&store, b"missed", None).await
}

pub(super) async fn a_deadline_survives_reopening<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("put_with_ttl", store.put_with_ttl("short", "v", 1).await)?;
    works("put_with_ttl", store.put_with_ttl("long", "v", 60).await)?;
    let store = factory.reopen(store).await;
    wait_past_one_second(factory).await;
    reads(&store, b"short", None).await?;
    reads(&store, b"long", Some(b"v")).await
}
