//! Rules about deadlines that other interfaces set: expired keys are absent here too.

use std::time::Duration;

use super::StoreEngineFactory;
use super::puts::{pairs, put, reads};
use crate::StoreEngine;
use crate::conformance::EXPIRY_LAG_MAX;
use crate::conformance::check::{Check, equal, works};

const SHORT: Duration = Duration::from_millis(50);

pub(super) fn an_expired_key_is_absent_from_every_method<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    put(&store, &pairs([("a", "1"), ("c", "3")]))?;
    factory.put_expiring(&store, b"b", b"2", SHORT);
    factory.put_expiring(&store, b"long", b"4", Duration::from_secs(60));
    factory.wait(SHORT + EXPIRY_LAG_MAX);
    reads(&store, b"b", None)?;
    reads(&store, b"long", Some(b"4"))?;
    let many = works("get_many", store.get_many(&[b"b", b"a"]))?;
    equal("get_many", many, [(b"b".to_vec(), None), (b"a".to_vec(), Some(b"1".to_vec()))])?;
    let mut wanted = pairs([("a", "1"), ("c", "3")]);
    equal("range_scan", works("range_scan", store.range_scan(b"a", b"c", 2, true))?, wanted.clone())?;
    wanted.reverse();
    equal("range_scan backward", works("range_scan", store.range_scan(b"a", b"c", 2, false))?, wanted)
}

pub(super) fn a_batch_clears_deadlines<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    factory.put_expiring(&store, b"k", b"v", SHORT);
    put(&store, &pairs([("k", "w")]))?;
    factory.wait(SHORT + EXPIRY_LAG_MAX);
    reads(&store, b"k", Some(b"w"))
}

pub(super) fn expiry_takes_no_sequence<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    factory.put_expiring(&store, b"k", b"v", SHORT);
    equal("current_sequence after the put", store.current_sequence(), 1)?;
    factory.wait(SHORT + EXPIRY_LAG_MAX);
    reads(&store, b"k", None)?;
    equal("current_sequence after the expiry", store.current_sequence(), 1)?;
    equal("the sequence of the next commit", put(&store, &[])?, 2)
}
