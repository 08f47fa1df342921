//! Rules about compare-and-swap.

use super::ClientApiFactory;
use super::deadlines::wait_past_one_second;
use super::values::reads;
use crate::ClientApi;
use crate::conformance::check::{Check, equal, works};
use crate::conformance::driving::all;

/// The swap answers `wanted`.
async fn swaps<S: ClientApi>(store: &S, key: &str, expected: Option<&str>, new: &str, wanted: bool) -> Check {
    let hit = works("compare_and_swap", store.compare_and_swap(key, expected, new).await)?;
    equal(format_args!("compare_and_swap({key:?}, {expected:?}, {new:?})"), hit, wanted)
}

pub(super) async fn a_mismatch_is_false_and_changes_nothing<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("put", store.put("k", "old").await)?;
    for near_miss in ["ol", "old\0", "Old", "", "new"] {
        swaps(&store, "k", Some(near_miss), "new", false).await?;
        reads(&store, b"k", Some(b"old")).await?;
    }
    swaps(&store, "k", Some("old"), "new", true).await?;
    reads(&store, b"k", Some(b"new")).await?;
    swaps(&store, "missing", Some("old"), "new", false).await?;
    swaps(&store, "missing", Some(""), "new", false).await?;
    reads(&store, b"missing", None).await
}

pub(super) async fn expecting_none_asks_for_absence<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    swaps(&store, "k", None, "", true).await?;
    swaps(&store, "k", None, "two", false).await?;
    reads(&store, b"k", Some(b"")).await?;
    swaps(&store, "k", Some(""), "three", true).await?;
    works("delete", store.delete("k").await)?;
    swaps(&store, "k", None, "four", true).await?;
    reads(&store, b"k", Some(b"four")).await
}

pub(super) async fn an_expired_key_counts_as_absent<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("put_with_ttl", store.put_with_ttl("k", "v", 1).await)?;
    wait_past_one_second(factory).await;
    swaps(&store, "k", Some("v"), "w", false).await?;
    swaps(&store, "k", None, "w", true).await?;
    reads(&store, b"k", Some(b"w")).await
}

pub(super) async fn one_of_several_racers_wins<F: ClientApiFactory>(factory: &F) -> Check {
    const RACERS: u8 = 6;
    let store = factory.create().await;
    for round in 0..10_u8 {
        let old = works("get", store.get("k").await)?;
        let results = all((0..RACERS).map(|racer| {
            let (store, old) = (&store, old.clone());
            async move { (racer, store.compare_and_swap("k", old, [round, racer]).await) }
        }))
        .await;
        let mut winners = Vec::new();
        for (racer, result) in results {
            if works("compare_and_swap", result)? {
                winners.push(racer);
            }
        }
        equal("the number of winners", winners.len(), 1)?;
        reads(&store, b"k", Some(&[round, winners[0]])).await?;
    }
    Ok(())
}
