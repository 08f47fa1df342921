//! Rules about deleting, which is a commit like any other.

use super::StoreEngineFactory;
use super::puts::{logs, pairs, put, reads};
use crate::StoreEngine;
use crate::conformance::check::{Check, equal, works};

pub(super) fn deleted_keys_are_gone<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    put(&store, &pairs([("a", "1"), ("b", "2"), ("c", "3")]))?;
    works("delete_batch", store.delete_batch(&[b"c", b"a"]))?;
    reads(&store, b"a", None)?;
    reads(&store, b"b", Some(b"2"))?;
    reads(&store, b"c", None)?;
    equal("range_scan", works("range_scan", store.range_scan(b"", b"", 9, true))?, pairs([("b", "2")]))
}

pub(super) fn it_always_takes_a_sequence<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    put(&store, &pairs([("a", "1"), ("b", "2")]))?;
    let cases: [(&str, &[&[u8]]); 5] = [
        ("a live key", &[b"a"]),
        ("the same key again", &[b"a"]),
        ("missing keys", &[b"x", b"y"]),
        ("one key twice", &[b"b", b"b"]),
        ("no keys", &[]),
    ];
    for ((what, keys), wanted) in cases.into_iter().zip(2..) {
        let sequence = works(format_args!("delete_batch of {what}"), store.delete_batch(keys))?;
        equal(format_args!("the sequence of a delete of {what}"), sequence, wanted)?;
        equal("current_sequence", store.current_sequence(), wanted)?;
    }
    reads(&store, b"b", None)
}

pub(super) fn it_logs_no_pairs<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    put(&store, &pairs([("a", "1")]))?;
    for keys in [&[b"a" as &[u8]][..], &[b"missing"], &[]] {
        let sequence = works("delete_batch", store.delete_batch(keys))?;
        logs(&store, sequence, Some(&[]))?;
    }
    Ok(())
}
