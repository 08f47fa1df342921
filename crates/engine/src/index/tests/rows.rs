//! Ranges, both ways.

use std::ops::Bound;

use super::store::{DELETE, PLAIN, Store, key, keyed};
use crate::index::Direction;

#[test]
fn f16_bounds_that_leave_nothing_between_them_are_an_empty_page() {
    let mut store = Store::default();
    let keys = [&b""[..], b"a", b"b", b"\xff\xff"];
    store.write(&keys.map(|key| keyed(key, PLAIN)));
    let included = |key: &'static [u8]| Bound::Included(key);
    let excluded = |key: &'static [u8]| Bound::Excluded(key);
    type Case = (Bound<&'static [u8]>, Bound<&'static [u8]>, &'static [&'static [u8]]);
    let cases: [Case; 9] = [
        (included(b"b"), included(b"a"), &[]),
        (excluded(b"b"), excluded(b"a"), &[]),
        (excluded(b"a"), excluded(b"a"), &[]),
        (included(b"a"), excluded(b"a"), &[]),
        (excluded(b"a"), included(b"a"), &[]),
        (included(b"a"), included(b"a"), &[b"a"]),
        (excluded(b"a"), excluded(b"b"), &[]),
        (included(b""), excluded(b"a"), &[b""]),
        (excluded(b"b"), Bound::Unbounded, &[b"\xff\xff"]),
    ];
    let view = store.view(1, 0);
    for (lower, upper, expected) in cases {
        for direction in [Direction::Forward, Direction::Backward] {
            let page = store.index.page(lower, upper, view, 10, direction);
            let page: Vec<&[u8]> = page.iter().map(|(key, _)| &**key).collect();
            assert_eq!(page, expected, "{lower:?} to {upper:?}, {direction:?}");
            assert_eq!(store.index.page(lower, upper, view, 0, direction), []);
        }
    }
}

#[test]
fn f16_a_page_gets_past_any_number_of_dead_keys_from_both_ends() {
    let mut store = Store::default();
    let keys: Vec<_> = (0..20_000).map(key).collect();
    store.write(&keys.iter().map(|key| keyed(key, PLAIN)).collect::<Vec<_>>());
    store.write(&keys[1..19_999].iter().map(|key| keyed(key, DELETE)).collect::<Vec<_>>());
    let ends = [keys[0].clone(), keys[19_999].clone()];
    assert_eq!(store.rows(2, 0, Direction::Forward), ends);
    assert_eq!(store.rows(2, 0, Direction::Backward), [ends[1].clone(), ends[0].clone()]);
    assert_eq!(store.rows(1, 0, Direction::Forward), keys);
    let newest = store.index.newest_live(store.view(2, 0));
    assert_eq!(newest.map(|(_, key, _)| key.to_vec()), Some(ends[1].clone()));
}

#[test]
fn f16_a_long_range_is_read_page_by_page_both_ways() {
    let mut store = Store::default();
    let keys: Vec<_> = (0..1000).map(key).collect();
    for part in keys.chunks(77) {
        store.write(&part.iter().rev().map(|key| keyed(key, PLAIN)).collect::<Vec<_>>());
        store.index.maintain(std::time::Duration::ZERO);
    }
    let view = store.view(13, 0);
    let mut rows: Vec<Vec<u8>> = Vec::new();
    loop {
        let lower = rows.last().map_or(Bound::Unbounded, |last| Bound::Excluded(&last[..]));
        let page = store.index.page(lower, Bound::Unbounded, view, 9, Direction::Forward);
        if page.is_empty() {
            break;
        }
        rows.extend(page.into_iter().map(|(key, _)| key.to_vec()));
    }
    assert_eq!(rows, keys);
    rows.clear();
    loop {
        let upper = rows.last().map_or(Bound::Unbounded, |last| Bound::Excluded(&last[..]));
        let page = store.index.page(Bound::Unbounded, upper, view, 9, Direction::Backward);
        if page.is_empty() {
            break;
        }
        rows.extend(page.into_iter().map(|(key, _)| key.to_vec()));
    }
    rows.reverse();
    assert_eq!(rows, keys);
}
