//! Rules about reads: their order, their freshness and their view.

use bytes::Bytes;

use super::ClientApiFactory;
use super::deadlines::wait_past_one_second;
use crate::ReadConsistencyPolicy::{EventualConsistency, LeaseRead, LinearizableRead};
use crate::conformance::check::{Check, Unmet, ensure, equal, works};
use crate::conformance::driving::{both, yield_once};
use crate::conformance::{EXPIRY_LAG_MAX, Factory};
use crate::{ClientApi, ClientApiResult};

pub(super) async fn every_read_sees_the_acknowledged_put<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let keys = [Bytes::from_static(b"k")];
    for round in 0..30 {
        let wanted = Bytes::from(format!("value {round}"));
        works("put", store.put(&keys[0], &wanted).await)?;
        let wanted = Some(wanted);
        equal("get", works("get", store.get("k").await)?, wanted.clone())?;
        let found = works("get_linearizable", store.get_linearizable("k").await)?;
        equal("get_linearizable", found, wanted.clone())?;
        equal("get_lease", works("get_lease", store.get_lease("k").await)?, wanted.clone())?;
        equal("get_multi", works("get_multi", store.get_multi(&keys).await)?, [wanted.clone()])?;
        for policy in [None, Some(LinearizableRead), Some(LeaseRead)] {
            let found = works("get_multi_with_policy", store.get_multi_with_policy(&keys, policy).await)?;
            equal(format_args!("get_multi_with_policy with {policy:?}"), found, [wanted.clone()])?;
        }
        if factory.is_local() {
            // Nothing can be behind on a single node, whatever is asked for.
            equal("get_eventual", works("get_eventual", store.get_eventual("k").await)?, wanted.clone())?;
            let result = store.get_multi_with_policy(&keys, Some(EventualConsistency)).await;
            let found = works("get_multi_with_policy", result)?;
            equal("get_multi_with_policy with EventualConsistency", found, [wanted])?;
        }
    }
    Ok(())
}

pub(super) async fn answers_are_in_input_order_with_none_for_missing<F: ClientApiFactory>(
    factory: &F,
) -> Check {
    let store = factory.create().await;
    for (key, value) in [("a", "1"), ("b", "2"), ("c", ""), ("gone", "3")] {
        works("put", store.put(key, value).await)?;
    }
    works("delete", store.delete("gone").await)?;
    let keys = ["c", "missing", "a", "gone", "b", "a", ""].map(Bytes::from);
    let wanted =
        [Some(""), None, Some("1"), None, Some("2"), Some("1"), None].map(|value| value.map(Bytes::from));
    equal("get_multi", works("get_multi", store.get_multi(&keys).await)?, wanted.clone())?;
    for policy in [None, Some(LinearizableRead), Some(LeaseRead)] {
        let found = works("get_multi_with_policy", store.get_multi_with_policy(&keys, policy).await)?;
        equal(format_args!("get_multi_with_policy with {policy:?}"), found, wanted.clone())?;
    }
    equal(
        "get_multi of no keys",
        works("get_multi", store.get_multi(&[]).await)?,
        Vec::<Option<Bytes>>::new(),
    )
}

pub(super) async fn an_expired_key_is_none<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("put_with_ttl", store.put_with_ttl("expiring", "v", 1).await)?;
    works("put", store.put("staying", "v").await)?;
    wait_past_one_second(factory).await;
    let keys = ["expiring", "staying"].map(Bytes::from);
    equal("get_multi", works("get_multi", store.get_multi(&keys).await)?, [None, Some(Bytes::from("v"))])
}

pub(super) async fn every_policy_answers<F: ClientApiFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("put", store.put("k", "v").await)?;
    let keys = ["k", "missing"].map(Bytes::from);
    let wanted = [Some(Bytes::from("v")), None];
    // A node that is behind catches up.
    let mut found = Vec::new();
    for _ in 0..50 {
        found = works(
            "get_multi_with_policy",
            store.get_multi_with_policy(&keys, Some(EventualConsistency)).await,
        )?;
        if found == wanted {
            break;
        }
        Factory::wait(factory, EXPIRY_LAG_MAX).await;
    }
    equal("get_multi_with_policy with EventualConsistency, after 5 s", found, wanted.clone())?;
    equal(
        "get_eventual of a missing key",
        works("get_eventual", store.get_eventual("missing").await)?,
        None,
    )?;
    let found = works("get_linearizable", store.get_linearizable("missing").await)?;
    equal("get_linearizable of a missing key", found, None)?;
    equal("get_lease of a missing key", works("get_lease", store.get_lease("missing").await)?, None)
}

/// A writer raises `first` and then `second` to the same number, again and again. In one consistent view `first` is
/// equal to `second` or one ahead.
pub(super) async fn many_keys_are_one_consistent_view<F: ClientApiFactory>(factory: &F) -> Check {
    const ROUNDS: u64 = 40;
    let store = factory.create().await;
    let done = std::cell::Cell::new(false);
    let writer = async {
        let result = async {
            for number in 1..=ROUNDS {
                for key in ["first", "second"] {
                    works("put", store.put(key, number.to_string()).await)?;
                    yield_once().await;
                }
            }
            Ok::<_, Unmet>(())
        }
        .await;
        done.set(true);
        result
    };
    let reader = async {
        let orders = [["first", "second"], ["second", "first"]].map(|keys| keys.map(Bytes::from));
        while !done.get() {
            for (turned, keys) in orders.iter().enumerate() {
                for policy in [None, Some(LinearizableRead), Some(LeaseRead), Some(EventualConsistency)] {
                    let mut numbers = numbers(store.get_multi_with_policy(keys, policy).await)?;
                    is_one_view(&mut numbers, turned == 1)?;
                }
                let mut numbers = numbers(store.get_multi(keys).await)?;
                is_one_view(&mut numbers, turned == 1)?;
            }
            yield_once().await;
        }
        Ok::<_, Unmet>(())
    };
    let (written, read) = both(writer, reader).await;
    written?;
    read
}

fn numbers(answer: ClientApiResult<Vec<Option<Bytes>>>) -> Result<Vec<u64>, Unmet> {
    works("get_multi", answer)?
        .iter()
        .map(|value| match value {
            None => Ok(0),
            Some(value) => {
                let text = str::from_utf8(value).map_err(|error| Unmet::broken(error.to_string()))?;
                text.parse().map_err(|_| Unmet::broken(format!("the value {text:?} was never written")))
            }
        })
        .collect()
}

fn is_one_view(numbers: &mut [u64], turned: bool) -> Check {
    if turned {
        numbers.reverse();
    }
    ensure(
        numbers.len() == 2 && numbers[0].checked_sub(numbers[1]).is_some_and(|ahead| ahead <= 1),
        format_args!("a read of two keys saw {numbers:?}, which were never there together"),
    )
}
