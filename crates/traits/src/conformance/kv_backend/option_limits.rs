//! Rules about the limits that are options: the size of values and the number of keys.

use super::KvBackendFactory;
use super::deadlines::{SHORT_NS, wait_past_short};
use super::values::{is_absent, reads};
use crate::conformance::check::{Check, equal, refused, skip, works};
use crate::{KvBackend, KvError};

/// The limits of a [`KvBackend`] that are off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionLimits {
    /// Longest value, in bytes.
    pub value_bytes_max: Option<usize>,
    /// Most live keys.
    pub keys_max: Option<usize>,
}

const NO_OPTION: &str = "the implementation has no such option";

pub(super) async fn they_are_off_by_default<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let value = vec![b'v'; factory.limits().value_bytes_max.min(1 << 20)];
    works("set of a large value", store.set("large", &value).await)?;
    reads(&store, "large", Some(&value)).await?;
    for number in 0..500 {
        works("set of one more key", store.set(&number.to_string(), b"v").await)?;
    }
    Ok(())
}

pub(super) async fn a_value_beyond_the_option_is_too_large<F: KvBackendFactory>(factory: &F) -> Check {
    let limits = OptionLimits { value_bytes_max: Some(4), keys_max: None };
    let Some(store) = factory.create_with_option_limits(limits).await else { return skip(NO_OPTION) };
    works("set at the limit", store.set("k", b"four").await)?;
    let too_large = |error| equal("the error", error, KvError::ValueTooLarge);
    too_large(refused("set beyond the limit", store.set("k", b"fives").await)?)?;
    too_large(refused("set_with_ttl beyond it", store.set_with_ttl("new", b"fives", u64::MAX).await)?)?;
    too_large(refused("a swap beyond it", store.compare_and_swap("k", Some(b"four"), b"fives").await)?)?;
    reads(&store, "k", Some(b"four")).await?;
    is_absent(&store, "new").await
}

pub(super) async fn a_key_beyond_the_quota_is_refused<F: KvBackendFactory>(factory: &F) -> Check {
    let limits = OptionLimits { value_bytes_max: None, keys_max: Some(2) };
    let Some(store) = factory.create_with_option_limits(limits).await else { return skip(NO_OPTION) };
    works("set of the first key", store.set("one", b"1").await)?;
    works("set of the last key", store.set("two", b"2").await)?;
    let over_quota = |error| equal("the error", error, KvError::QuotaExceeded);
    over_quota(refused("set of a key too many", store.set("three", b"3").await)?)?;
    over_quota(refused("set_with_ttl of one", store.set_with_ttl("three", b"3", u64::MAX).await)?)?;
    over_quota(refused("increment of one", store.increment("three", 3).await)?)?;
    over_quota(refused("a swap to one", store.compare_and_swap("three", None, b"3").await)?)?;
    is_absent(&store, "three").await?;
    equal("list_keys at the quota", works("list_keys", store.list_keys("").await)?, ["one", "two"])?;

    works("set of a key that is there", store.set("one", b"10").await)?;
    equal("increment at the quota", works("increment", store.increment("two", 20).await)?, 22)?;
    let hit = works("compare_and_swap", store.compare_and_swap("one", Some(b"10"), b"11").await)?;
    equal("a swap at the quota", hit, true)
}

pub(super) async fn the_quota_counts_live_keys<F: KvBackendFactory>(factory: &F) -> Check {
    let limits = OptionLimits { value_bytes_max: None, keys_max: Some(2) };
    let Some(store) = factory.create_with_option_limits(limits).await else { return skip(NO_OPTION) };
    works("set", store.set("one", b"1").await)?;
    works("set_with_ttl", store.set_with_ttl("two", b"2", SHORT_NS).await)?;
    wait_past_short(factory).await;
    works("set in the place of an expired key", store.set("three", b"3").await)?;
    works("delete", store.delete("one").await)?;
    works("set in the place of a deleted key", store.set("four", b"4").await)
}
