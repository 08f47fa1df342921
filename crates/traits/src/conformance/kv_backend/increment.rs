//! Rules about counters.

use super::KvBackendFactory;
use super::deadlines::{MEDIUM_NS, SHORT_NS, wait_past_medium, wait_past_short};
use super::values::{is_absent, reads};
use crate::conformance::check::{Check, Unmet, ensure, equal, refused, shown, works};
use crate::conformance::driving::all;
use crate::{KvBackend, KvError};

pub(super) async fn a_missing_key_counts_as_zero<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    equal("increment of a missing key", works("increment", store.increment("up", 5).await)?, 5)?;
    equal("decrement of a missing key", works("increment", store.increment("down", -3).await)?, -3)?;
    equal("increment by 0 of a missing key", works("increment", store.increment("zero", 0).await)?, 0)?;
    reads(&store, "up", Some(b"5")).await?;
    reads(&store, "down", Some(b"-3")).await?;
    reads(&store, "zero", Some(b"0")).await
}

pub(super) async fn an_expired_key_counts_as_zero<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set_with_ttl", store.set_with_ttl("number", b"40", SHORT_NS).await)?;
    works("set_with_ttl", store.set_with_ttl("text", b"forty", SHORT_NS).await)?;
    wait_past_short(factory).await;
    equal("increment of an expired number", works("increment", store.increment("number", 2).await)?, 2)?;
    equal("increment of an expired text", works("increment", store.increment("text", 2).await)?, 2)
}

pub(super) async fn the_sum_is_answered_and_stored<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set", store.set("k", b"100").await)?;
    for (delta, sum) in [(1, 101), (-201, -100), (0, -100), (100, 0)] {
        equal(
            format_args!("increment by {delta}"),
            works("increment", store.increment("k", delta).await)?,
            sum,
        )?;
        reads(&store, "k", Some(sum.to_string().as_bytes())).await?;
    }
    Ok(())
}

pub(super) async fn it_saturates_at_both_ends<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    for (start, delta, end) in [
        (i64::MAX, 1, i64::MAX),
        (i64::MAX - 1, 5, i64::MAX),
        (i64::MIN, -1, i64::MIN),
        (-2, i64::MIN, i64::MIN),
        (i64::MIN, i64::MAX, -1),
    ] {
        works("set", store.set("k", start.to_string().as_bytes()).await)?;
        let sum = works("increment", store.increment("k", delta).await)?;
        equal(format_args!("{start} + {delta}"), sum, end)?;
        reads(&store, "k", Some(end.to_string().as_bytes())).await?;
    }
    Ok(())
}

pub(super) async fn the_result_is_written_canonically<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    for (written, delta, stored) in [
        ("007", 0, "7"),
        ("-007", 0, "-7"),
        ("-0", 0, "0"),
        ("000", 5, "5"),
        ("0000000000000000000000012", 1, "13"),
    ] {
        works("set", store.set("k", written.as_bytes()).await)?;
        works(format_args!("increment of {written}"), store.increment("k", delta).await)?;
        reads(&store, "k", Some(stored.as_bytes())).await?;
    }
    Ok(())
}

/// Values that are no decimal number within `i64`.
const NO_NUMBERS: [&[u8]; 12] = [
    b"",
    b"-",
    b" 1",
    b"1 ",
    b"1.5",
    b"1e3",
    b"0x10",
    b"12a",
    b"1_000",
    b"9223372036854775808",
    b"-9223372036854775809",
    b"\xff\xfe",
];

async fn is_no_number<S: KvBackend>(store: &S, key: &str) -> Check {
    match refused("increment of what is no number", store.increment(key, 1).await)? {
        KvError::Storage(text) => ensure(
            text.starts_with("invalid number: "),
            format_args!("the text {} does not start with \"invalid number: \"", shown(&text)),
        ),
        other => Err(Unmet::broken(format!("the error is {}, not Storage", shown(&other)))),
    }
}

pub(super) async fn what_is_no_number_is_refused_and_kept<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    for value in NO_NUMBERS {
        works("set", store.set("k", value).await)?;
        is_no_number(&store, "k").await.map_err(|unmet| match unmet {
            Unmet::Broken(text) => Unmet::Broken(format!("with the value {}: {text}", shown(value))),
            skipped @ Unmet::Skipped(_) => skipped,
        })?;
        reads(&store, "k", Some(value)).await?;
    }
    Ok(())
}

pub(super) async fn a_refused_increment_keeps_the_deadline<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set_with_ttl", store.set_with_ttl("k", b"text", MEDIUM_NS).await)?;
    is_no_number(&store, "k").await?;
    wait_past_medium(factory).await;
    is_absent(&store, "k").await
}

pub(super) async fn concurrent_increments_are_all_counted<F: KvBackendFactory>(factory: &F) -> Check {
    const TASKS: i64 = 8;
    const ROUNDS: i64 = 10;
    let store = factory.create().await;
    let results = all((0..TASKS).map(|_| async {
        let mut sums = Vec::new();
        for _ in 0..ROUNDS {
            sums.push(works("increment", store.increment("k", 1).await)?);
        }
        Ok::<_, Unmet>(sums)
    }))
    .await;
    let mut sums = Vec::new();
    for result in results {
        sums.extend(result?);
    }
    sums.sort_unstable();
    equal(
        "all the sums that concurrent increments answered",
        sums,
        (1..=TASKS * ROUNDS).collect::<Vec<_>>(),
    )?;
    reads(&store, "k", Some((TASKS * ROUNDS).to_string().as_bytes())).await
}
