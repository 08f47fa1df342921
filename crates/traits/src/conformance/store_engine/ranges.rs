//! Rules about ranges: their bounds, their order, their limit and their cost.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::StoreEngineFactory;
use super::puts::{pairs, put};
use crate::StoreEngine;
use crate::conformance::check::{Check, Unmet, ensure, equal, shown, works};

/// The keys of a scan.
fn scan<S: StoreEngine>(
    store: &S,
    start: &[u8],
    end: &[u8],
    limit: usize,
    forward: bool,
) -> Result<Vec<Bytes>, Unmet> {
    let rows = works("range_scan", store.range_scan(start, end, limit, forward))?;
    Ok(rows.into_iter().map(|(key, _)| key).collect())
}

/// The scan has the keys `ascending` forward, and the same descending backward.
fn scans<S: StoreEngine>(store: &S, start: &str, end: &str, ascending: &[&str]) -> Check {
    let mut wanted: Vec<Bytes> = ascending.iter().map(|key| Bytes::copy_from_slice(key.as_bytes())).collect();
    for forward in [true, false] {
        let found = scan(store, start.as_bytes(), end.as_bytes(), usize::MAX, forward)?;
        equal(format_args!("range_scan({start:?}, {end:?}, forward: {forward})"), found, wanted.clone())?;
        wanted.reverse();
    }
    Ok(())
}

fn create_with_letters<F: StoreEngineFactory>(factory: &F) -> Result<F::Store, Unmet> {
    let store = factory.create();
    put(&store, &pairs([("d", "4"), ("b", "2"), ("f", "6")]))?;
    put(&store, &pairs([("c", "3"), ("e", "5")]))?;
    Ok(store)
}

pub(super) fn start_and_end_are_inclusive<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = create_with_letters(factory)?;
    scans(&store, "c", "e", &["c", "d", "e"])?;
    scans(&store, "c", "c", &["c"])?;
    scans(&store, "bb", "ee", &["c", "d", "e"])?;
    scans(&store, "cc", "cd", &[])?;
    scans(&store, "a", "z", &["b", "c", "d", "e", "f"])
}

pub(super) fn an_empty_end_is_unbounded<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = create_with_letters(factory)?;
    scans(&store, "e", "", &["e", "f"])?;
    scans(&store, "g", "", &[])?;
    let highest = (Bytes::from(vec![0xff; 40]), Bytes::from("v"));
    put(&store, std::slice::from_ref(&highest))?;
    for forward in [true, false] {
        let found = scan(&store, b"g", b"", 10, forward)?;
        equal("the keys from \"g\" on", found, std::slice::from_ref(&highest.0))?;
    }
    Ok(())
}

pub(super) fn an_empty_start_is_the_beginning<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = create_with_letters(factory)?;
    scans(&store, "", "c", &["b", "c"])?;
    scans(&store, "", "", &["b", "c", "d", "e", "f"])?;
    put(&store, &pairs([("", "0"), ("\0", "1")]))?;
    scans(&store, "", "b", &["", "\0", "b"])
}

pub(super) fn start_above_end_is_empty<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = create_with_letters(factory)?;
    scans(&store, "e", "c", &[])?;
    scans(&store, "c\0", "c", &[])
}

pub(super) fn limit_zero_is_empty<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = create_with_letters(factory)?;
    for forward in [true, false] {
        equal("the rows", scan(&store, b"", b"", 0, forward)?, Vec::<Bytes>::new())?;
    }
    Ok(())
}

pub(super) fn forward_takes_the_lowest_rows_ascending<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = create_with_letters(factory)?;
    equal("two rows from \"c\" on", scan(&store, b"c", b"", 2, true)?, ["c", "d"].map(Bytes::from))?;
    equal("two rows from \"c\" to \"e\"", scan(&store, b"c", b"e", 2, true)?, ["c", "d"].map(Bytes::from))?;
    equal("three of three rows", scan(&store, b"c", b"e", 3, true)?, ["c", "d", "e"].map(Bytes::from))
}

pub(super) fn backward_takes_the_highest_rows_descending<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = create_with_letters(factory)?;
    equal("two rows of all", scan(&store, b"", b"", 2, false)?, ["f", "e"].map(Bytes::from))?;
    equal("two rows up to \"e\"", scan(&store, b"", b"e", 2, false)?, ["e", "d"].map(Bytes::from))?;
    equal("three of three rows", scan(&store, b"c", b"e", 3, false)?, ["e", "d", "c"].map(Bytes::from))
}

pub(super) fn keys_are_ordered_as_unsigned_bytes<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    let sorted: [&[u8]; 11] =
        [&b""[..], b"\0", b"\0\0", b"\x01", b"A", b"a", b"a\0", b"aa", b"\x7f", b"\x80", b"\xff\x00"];
    let batch: Vec<(Bytes, Bytes)> =
        sorted.iter().rev().map(|key| (Bytes::copy_from_slice(key), Bytes::from("v"))).collect();
    put(&store, &batch)?;
    equal("the keys in order", scan(&store, b"", b"", 100, true)?, sorted)?;
    let descending: Vec<&[u8]> = sorted.into_iter().rev().collect();
    equal("the keys in reverse order", scan(&store, b"", b"", 100, false)?, descending)?;
    equal("the keys from 0x7f to 0x80", scan(&store, b"\x7f", b"\x80", 100, true)?, [&b"\x7f"[..], b"\x80"])
}

pub(super) fn rows_are_the_live_keys_with_their_newest_values<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = create_with_letters(factory)?;
    put(&store, &pairs([("c", "new")]))?;
    works("delete_batch", store.delete_batch(&[b"d", b"missing"]))?;
    put(&store, &pairs([("e", "gone")]))?;
    works("delete_batch", store.delete_batch(&[b"e"]))?;
    put(&store, &pairs([("e", "back")]))?;
    let mut wanted = pairs([("b", "2"), ("c", "new"), ("e", "back"), ("f", "6")]);
    equal("range_scan", works("range_scan", store.range_scan(b"", b"", 10, true))?, wanted.clone())?;
    wanted.reverse();
    equal("range_scan backward", works("range_scan", store.range_scan(b"", b"", 10, false))?, wanted)?;
    // Deleted keys are no rows, so they do not use up the limit.
    equal("three rows", scan(&store, b"", b"", 3, true)?, ["b", "c", "e"].map(Bytes::from))
}

/// Scans of one row are compared with scans of all rows of the same range; ten thousand times as many rows may cost
/// ten thousand times as much, so a tenth is far from both.
pub(super) fn cost_follows_the_rows_answered<F: StoreEngineFactory>(factory: &F) -> Check {
    const KEYS: usize = 10_000;
    let store = factory.create();
    let keys: Vec<usize> = (0..KEYS).collect();
    for chunk in keys.chunks(factory.limits().batch_operations_max.min(1_000)) {
        let batch: Vec<(Bytes, Bytes)> = chunk
            .iter()
            .map(|key| (Bytes::from(format!("key {key:06}")), Bytes::from_static(&[b'v'; 64])))
            .collect();
        put(&store, &batch)?;
    }
    for forward in [true, false] {
        let all = best_time(&store, KEYS, forward)?;
        let one = best_time(&store, 1, forward)?;
        let (one, all) = (one.as_nanos(), all.as_nanos());
        ensure(
            one * 10 < all,
            format_args!(
                "one row of {KEYS} took {} ns, all of them {} ns (forward: {forward})",
                shown(&one),
                shown(&all)
            ),
        )?;
    }
    Ok(())
}

/// The best of several, because others may use the machine too.
fn best_time<S: StoreEngine>(store: &S, limit: usize, forward: bool) -> Result<Duration, Unmet> {
    let mut best = Duration::MAX;
    for _ in 0..9 {
        let start = Instant::now();
        let rows = works("range_scan", store.range_scan(b"key", b"key z", limit, forward))?;
        best = best.min(start.elapsed());
        equal("the number of rows", rows.len(), limit)?;
    }
    Ok(best)
}
