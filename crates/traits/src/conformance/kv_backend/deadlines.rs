//! Rules about deadlines. What must be gone is looked at after the lag that a cluster is allowed; what must be there
//! has seconds to spare, so that a slow machine does not fail the suite.

use std::time::Duration;

use super::KvBackendFactory;
use super::values::{is_absent, reads};
use crate::KvBackend;
use crate::conformance::EXPIRY_LAG_MAX;
use crate::conformance::check::{Check, equal, works};

const MILLISECOND_NS: u64 = 1_000_000;
/// Expires while a check waits.
pub(super) const SHORT_NS: u64 = 50 * MILLISECOND_NS;
/// Leaves a slow machine time for one more call before it expires.
pub(super) const MEDIUM_NS: u64 = 2_000 * MILLISECOND_NS;
/// Does not expire while a check waits, though a thousandth of it would.
const LONG_NS: u64 = 20_000 * MILLISECOND_NS;

/// Waits until whatever was written with [`SHORT_NS`] is gone.
pub(super) async fn wait_past_short<F: KvBackendFactory>(factory: &F) {
    factory.wait(Duration::from_nanos(SHORT_NS) + EXPIRY_LAG_MAX).await;
}

/// Waits until whatever was written with [`MEDIUM_NS`] is gone.
pub(super) async fn wait_past_medium<F: KvBackendFactory>(factory: &F) {
    factory.wait(Duration::from_nanos(MEDIUM_NS) + EXPIRY_LAG_MAX).await;
}

pub(super) async fn zero_expires_at_once<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set_with_ttl(0)", store.set_with_ttl("new", b"v", 0).await)?;
    works("set", store.set("over", b"old").await)?;
    works("set_with_ttl(0) over a value", store.set_with_ttl("over", b"v", 0).await)?;
    factory.wait(EXPIRY_LAG_MAX).await;
    is_absent(&store, "new").await?;
    is_absent(&store, "over").await
}

pub(super) async fn an_expired_key_is_absent_from_every_method<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    for key in ["read", "deleted"] {
        works("set_with_ttl", store.set_with_ttl(key, b"v", SHORT_NS).await)?;
    }
    wait_past_short(factory).await;
    is_absent(&store, "read").await?;
    equal("delete of an expired key", works("delete", store.delete("deleted").await)?, false)
}

pub(super) async fn a_key_lives_until_its_deadline<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set_with_ttl", store.set_with_ttl("k", b"v", LONG_NS).await)?;
    factory.wait(EXPIRY_LAG_MAX).await;
    reads(&store, "k", Some(b"v")).await?;
    equal("exists before the deadline", works("exists", store.exists("k").await)?, true)?;
    equal("list_keys before the deadline", works("list_keys", store.list_keys("").await)?, ["k"])?;
    equal("delete before the deadline", works("delete", store.delete("k").await)?, true)
}

pub(super) async fn the_greatest_ttl_saturates<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    for (key, ttl_ns) in [("max", u64::MAX), ("half", u64::MAX / 2), ("signed", i64::MAX.cast_unsigned() - 1)]
    {
        works(format_args!("set_with_ttl({ttl_ns})"), store.set_with_ttl(key, b"v", ttl_ns).await)?;
    }
    factory.wait(EXPIRY_LAG_MAX).await;
    for key in ["max", "half", "signed"] {
        reads(&store, key, Some(b"v")).await?;
    }
    Ok(())
}

pub(super) async fn a_new_ttl_replaces_the_old_one<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set_with_ttl", store.set_with_ttl("longer", b"v", SHORT_NS).await)?;
    works("set_with_ttl", store.set_with_ttl("longer", b"w", LONG_NS).await)?;
    works("set_with_ttl", store.set_with_ttl("shorter", b"v", LONG_NS).await)?;
    works("set_with_ttl", store.set_with_ttl("shorter", b"w", SHORT_NS).await)?;
    wait_past_short(factory).await;
    reads(&store, "longer", Some(b"w")).await?;
    is_absent(&store, "shorter").await
}

pub(super) async fn a_deadline_survives_reopening<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set_with_ttl", store.set_with_ttl("short", b"v", SHORT_NS).await)?;
    works("set_with_ttl", store.set_with_ttl("long", b"v", LONG_NS).await)?;
    let store = factory.reopen(store).await;
    reads(&store, "long", Some(b"v")).await?;
    wait_past_short(factory).await;
    is_absent(&store, "short").await?;
    reads(&store, "long", Some(b"v")).await?;
    // What has expired stays so.
    let store = factory.reopen(store).await;
    is_absent(&store, "short").await
}

pub(super) async fn reopening_does_not_start_a_ttl_again<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set_with_ttl", store.set_with_ttl("k", b"v", 1_000 * MILLISECOND_NS).await)?;
    factory.wait(Duration::from_millis(600)).await;
    let store = factory.reopen(store).await;
    factory.wait(Duration::from_millis(400) + EXPIRY_LAG_MAX).await;
    is_absent(&store, "k").await
}

pub(super) async fn a_plain_set_clears_it<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set_with_ttl", store.set_with_ttl("k", b"v", SHORT_NS).await)?;
    works("set", store.set("k", b"w").await)?;
    wait_past_short(factory).await;
    reads(&store, "k", Some(b"w")).await
}

pub(super) async fn an_increment_clears_it<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set_with_ttl", store.set_with_ttl("k", b"7", MEDIUM_NS).await)?;
    equal("the increment before the deadline", works("increment", store.increment("k", 1).await)?, 8)?;
    wait_past_medium(factory).await;
    reads(&store, "k", Some(b"8")).await
}

pub(super) async fn a_swap_that_hits_clears_it<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set_with_ttl", store.set_with_ttl("k", b"v", MEDIUM_NS).await)?;
    let hit = works("compare_and_swap", store.compare_and_swap("k", Some(b"v"), b"w").await)?;
    equal("the swap before the deadline", hit, true)?;
    wait_past_medium(factory).await;
    reads(&store, "k", Some(b"w")).await
}

pub(super) async fn a_swap_that_misses_leaves_value_and_deadline<F: KvBackendFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("set_with_ttl", store.set_with_ttl("short", b"v", SHORT_NS).await)?;
    works("set_with_ttl", store.set_with_ttl("long", b"v", LONG_NS).await)?;
    for key in ["short", "long"] {
        let hit = works("compare_and_swap", store.compare_and_swap(key, Some(b"x"), b"w").await)?;
        equal("a swap from another value", hit, false)?;
    }
    let hit = works("compare_and_swap", store.compare_and_swap("long", None, b"w").await)?;
    equal("a swap from absence", hit, false)?;
    reads(&store, "long", Some(b"v")).await?;
    wait_past_short(factory).await;
    is_absent(&store, "short").await?;
    reads(&store, "long", Some(b"v")).await
}
