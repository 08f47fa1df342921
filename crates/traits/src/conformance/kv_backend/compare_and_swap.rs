//! Rules about compare-and-swap.

use super::KvBackendFactory;
use super::deadlines::{SHORT_NS, wait_past_short};
use super::values::{is_absent, reads};
use crate::KvBackend;
use crate::conformance::check::{Check, equal, works};
use crate::conformance::driving::all;

/// The swap answers `wanted`.
async fn swaps<S: KvBackend>(
    store: &S,
    key: &str,
    expected: Option<&[u8]>,
    new: &[u8],
    wanted: bool,
) -> Check {
    let hit = works("compare_and_swap", store.compare_and_swap(key, expected, new).await)?;
    equal(format_args!("compare_and_swap({key:?}, {expected:?}, {new:?})"), hit, wanted)
}

pub(super) async fn it_compares_the_value<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set", store.set("k", b"old").await)?;
    for near_miss in [&b"ol"[..], b"old\0", b"Old", b"", b"new"] {
        swaps(&store, "k", Some(near_miss), b"new", false).await?;
        reads(&store, "k", Some(b"old")).await?;
    }
    swaps(&store, "k", Some(b"old"), b"new", true).await?;
    reads(&store, "k", Some(b"new")).await?;
    swaps(&store, "k", Some(b"old"), b"newer", false).await?;
    swaps(&store, "k", Some(b"new"), b"new", true).await?;
    reads(&store, "k", Some(b"new")).await?;
    swaps(&store, "missing", Some(b"old"), b"new", false).await?;
    is_absent(&store, "missing").await
}

pub(super) async fn expecting_none_asks_for_absence<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    swaps(&store, "k", None, b"one", true).await?;
    reads(&store, "k", Some(b"one")).await?;
    swaps(&store, "k", None, b"two", false).await?;
    reads(&store, "k", Some(b"one")).await?;
    works("delete", store.delete("k").await)?;
    swaps(&store, "k", None, b"three", true).await?;
    reads(&store, "k", Some(b"three")).await
}

pub(super) async fn an_expired_key_counts_as_absent<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set_with_ttl", store.set_with_ttl("k", b"v", SHORT_NS).await)?;
    wait_past_short(factory).await;
    swaps(&store, "k", Some(b"v"), b"w", false).await?;
    is_absent(&store, "k").await?;
    swaps(&store, "k", None, b"w", true).await?;
    reads(&store, "k", Some(b"w")).await
}

pub(super) async fn an_empty_value_is_not_absence<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    swaps(&store, "k", Some(b""), b"v", false).await?;
    is_absent(&store, "k").await?;
    works("set", store.set("k", b"").await)?;
    swaps(&store, "k", None, b"v", false).await?;
    swaps(&store, "k", Some(b""), b"v", true).await?;
    reads(&store, "k", Some(b"v")).await
}

pub(super) async fn one_of_several_racers_wins<F: KvBackendFactory>(factory: &F) -> Check {
    const RACERS: u8 = 6;
    let store = factory.create().await;
    for round in 0..10_u8 {
        let old = works("get", store.get("k").await)?;
        let results = all((0..RACERS).map(|racer| {
            let (store, old) = (&store, old.as_deref());
            async move { (racer, store.compare_and_swap("k", old, &[round, racer]).await) }
        }))
        .await;
        let mut winners = Vec::new();
        for (racer, result) in results {
            if works("compare_and_swap", result)? {
                winners.push(racer);
            }
        }
        equal("the number of winners", winners.len(), 1)?;
        reads(&store, "k", Some(&[round, winners[0]])).await?;
    }
    Ok(())
}
