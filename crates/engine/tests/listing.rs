//! Listing a store in every way that there is: pages, counts, parts, the newest first, against an ordered map.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use pentad_engine::{
    Alignment, Batch, Durability, ErrorKind, Expiry, Options, Order, PageToken, Sequence, Store, key_hash,
};
use proptest::prelude::*;
use tempfile::TempDir;

type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);
type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn open(dir: &TempDir) -> Store {
    let options = Options::new().segment_bytes(8 << 10).auto_compact(false).durability(Durability::Os);
    options.open(dir.path().join("store")).unwrap()
}

fn is_within(bounds: &Bounds, key: &[u8]) -> bool {
    let above = match &bounds.0 {
        Bound::Unbounded => true,
        Bound::Included(lower) => key >= lower.as_slice(),
        Bound::Excluded(lower) => key > lower.as_slice(),
    };
    above
        && match &bounds.1 {
            Bound::Unbounded => true,
            Bound::Included(upper) => key <= upper.as_slice(),
            Bound::Excluded(upper) => key < upper.as_slice(),
        }
}

/// What the model has between the bounds. (A `BTreeMap` panics at bounds that cross.)
fn expected(model: &Model, bounds: &Bounds) -> Vec<(Vec<u8>, Vec<u8>)> {
    model.iter().filter(|(key, _)| is_within(bounds, key)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(&[0, b'a', b'b', 0xfe, 0xff][..]), 0..4)
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![Just(Bound::Unbounded), key().prop_map(Bound::Included), key().prop_map(Bound::Excluded)]
}

fn filled(store: &Store, rows: &[(Vec<u8>, bool)]) -> Model {
    let mut model = Model::new();
    for (n, (key, is_put)) in rows.iter().enumerate() {
        if *is_put {
            let value = n.to_string().into_bytes();
            store.put(key, value.clone()).unwrap();
            model.insert(key.clone(), value);
        } else {
            store.delete(key).unwrap();
            model.remove(key);
        }
    }
    model
}

fn rows() -> impl Strategy<Value = Vec<(Vec<u8>, bool)>> {
    prop::collection::vec((key(), prop::bool::weighted(0.8)), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn f16_pages_counts_and_parts_hold_what_an_ordered_map_holds(
        rows in rows(),
        bounds in (bound(), bound()),
        limit in 1_usize..9,
        parts in 0_usize..9,
        is_backward: bool,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let model = filled(&store, &rows);
        let mut wanted = expected(&model, &bounds);
        let snapshot = store.snapshot().unwrap();
        prop_assert_eq!(snapshot.count(bounds.clone()).unwrap(), wanted.len() as u64);
        let estimate = snapshot.estimate(bounds.clone()).unwrap();
        prop_assert!(estimate.keys <= model.len() as u64);

        let ranges = snapshot.parts(bounds.clone(), parts).unwrap();
        prop_assert!(ranges.len() <= parts.max(1), "{} ranges", ranges.len());
        let rows: Vec<_> = ranges.into_iter().flatten().map(|row| row.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap()).collect();
        prop_assert_eq!(&rows, &wanted);

        let order = if is_backward { wanted.reverse(); Order::Backward } else { Order::Forward };
        let (mut listed, mut token) = (Vec::new(), None::<PageToken>);
        loop {
            let page = store.page(bounds.clone(), order, limit, token.as_ref()).unwrap();
            prop_assert!(page.rows.len() <= limit && (page.next.is_none() || page.rows.len() == limit));
            listed.extend(page.rows.iter().map(|(k, v)| (k.to_vec(), v.to_vec())));
            // Over the wire and back.
            token = page.next.map(|next| PageToken::from_bytes(&next.to_bytes()).unwrap());
            if token.is_none() {
                break;
            }
        }
        prop_assert_eq!(listed, wanted);
    }

    #[test]
    fn newest_first_is_the_order_of_commits_turned_round(rows in rows(), compacts: bool) {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let model = filled(&store, &rows);
        if compacts {
            store.prune(store.sequence().next()).unwrap();
            store.compact().unwrap();
        }
        // The value is the number of the last put, so the values descend.
        let mut wanted: Vec<(usize, Vec<u8>)> =
            model.into_iter().map(|(key, value)| (String::from_utf8(value).unwrap().parse().unwrap(), key)).collect();
        wanted.sort_unstable();
        wanted.reverse();
        let entries = store.snapshot().unwrap().newest_first().unwrap();
        prop_assert_eq!(entries.len(), wanted.len());
        let entries: Vec<_> = entries.map(|entry| entry.unwrap()).collect();
        let listed: Vec<(usize, Vec<u8>)> = entries
            .iter()
            .map(|entry| (std::str::from_utf8(&entry.value).unwrap().parse().unwrap(), entry.key.clone().unwrap().to_vec()))
            .collect();
        prop_assert_eq!(listed, wanted);
        prop_assert!(entries.iter().all(|entry| entry.key_hash == key_hash(entry.key.as_ref().unwrap())));
        prop_assert!(entries.windows(2).all(|pair| pair[0].sequence > pair[1].sequence));
    }
}

#[test]
fn pages_go_on_over_writes_and_reopening_and_give_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for n in 0..10 {
        store.put(format!("{n}"), "old").unwrap();
    }
    let first = store.page::<&str>(.., Order::Forward, 4, None).unwrap();
    store.put("15", "before where it goes on").unwrap();
    store.put("35", "behind").unwrap();
    store.delete("5").unwrap();
    store.close().unwrap();
    drop(store);
    let store = open(&dir);
    let second = store.page::<&str>(.., Order::Forward, 100, first.next.as_ref()).unwrap();
    let keys: Vec<&[u8]> = first.rows.iter().chain(&second.rows).map(|(key, _)| &**key).collect();
    assert_eq!(keys, [&b"0"[..], b"1", b"2", b"3", b"35", b"4", b"6", b"7", b"8", b"9"]);
    assert_eq!(second.next, None);
}

#[test]
fn f16_a_token_of_another_listing_another_store_or_nobody_is_refused() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, other) = (open(&dir), open(&other));
    for store in [&store, &other] {
        for key in ["a", "b", "c", "d"] {
            store.put(key, "").unwrap();
        }
    }
    let token = store.page("a".."d", Order::Forward, 1, None).unwrap().next.unwrap();
    assert_eq!(store.page("a".."d", Order::Forward, 9, Some(&token)).unwrap().rows.len(), 2);
    let refused = |store: &Store, bounds: std::ops::Range<&str>, order, token: &PageToken| {
        let error = store.page(bounds, order, 9, Some(token)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("begin the listing anew"), "{error}");
    };
    refused(&store, "a".."c", Order::Forward, &token);
    refused(&store, "a".."d", Order::Backward, &token);
    refused(&other, "a".."d", Order::Forward, &token);
    // Every single bit, and every other length.
    let bytes = token.to_bytes();
    for bit in 8..bytes.len() * 8 {
        let mut forged = bytes.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        refused(&store, "a".."d", Order::Forward, &PageToken::from_bytes(&forged).unwrap());
    }
    for bytes in [&bytes[..8], b"", &[9; 20]] {
        assert_eq!(PageToken::from_bytes(bytes).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    let empty = store.page("a".."d", Order::Forward, 0, Some(&token)).unwrap();
    assert_eq!((empty.rows.len(), empty.next), (0, Some(token)));
}

#[test]
fn newest_first_shows_one_view_with_hash_only_entries_and_streams_whatever_compaction_does() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for n in 0..50 {
        store.put(format!("{n:02}"), vec![b'x'; 400]).unwrap();
    }
    let mut stream = store.stream().unwrap();
    std::io::Write::write_all(&mut stream, &vec![b's'; 100_000]).unwrap();
    let mut batch = Batch::new();
    batch.put("first of two", "1").put_hashed(7, "by hash").put("stream", stream.finish().unwrap());
    store.commit(batch).unwrap();
    let mut batch = Batch::new();
    batch.put_expiring("gone", "", Expiry::After(Duration::ZERO));
    store.commit(batch).unwrap();
    let entries = store.snapshot().unwrap().newest_first().unwrap();
    assert_eq!(entries.len(), 53);
    for n in 0..50 {
        store.put(format!("{n:02}"), "new").unwrap();
    }
    store.delete("stream").unwrap();
    store.prune(store.sequence().next()).unwrap();
    store.compact().unwrap();
    let entries: Vec<_> = entries.map(|entry| entry.unwrap()).collect();
    let named = |at: usize| (entries[at].key.as_deref(), entries[at].key_hash, entries[at].value.len());
    assert_eq!(named(0), (Some(&b"stream"[..]), key_hash(b"stream"), 100_000));
    assert_eq!(named(1), (None, 7, 7));
    assert_eq!(named(2), (Some(&b"first of two"[..]), key_hash(b"first of two"), 1));
    assert!(entries[..3].iter().all(|entry| entry.sequence == Sequence(51)));
    for (at, entry) in entries[3..].iter().enumerate() {
        assert_eq!(
            (entry.key.as_deref(), entry.value.len()),
            (Some(format!("{:02}", 49 - at).as_bytes()), 400)
        );
    }
}

#[test]
fn parts_of_many_rows_are_about_equal_and_an_estimate_is_about_right() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for chunk in 0..20_u32 {
        let mut batch = Batch::new();
        for n in 0..500 {
            batch.put(format!("{:08}", (chunk * 500 + n).wrapping_mul(2_654_435_761) % 100_000_007), "v");
        }
        store.commit(batch).unwrap();
    }
    let snapshot = store.snapshot().unwrap();
    let parts = snapshot.parts::<&str>(.., 4).unwrap();
    assert_eq!(parts.len(), 4);
    for part in parts {
        let rows = part.keys().count();
        assert!((1_500..=3_500).contains(&rows), "{rows} rows of 10,000 in one of four parts");
    }
    let exact = snapshot.count("2".."6").unwrap();
    let about = snapshot.estimate("2".."6").unwrap();
    assert!(about.keys >= exact && about.keys <= exact + exact / 4, "{about:?}, in truth {exact}");
    assert!(about.bytes > exact * 8 && about.bytes < exact * 100, "{about:?}");
}

#[test]
fn values_are_slices_of_what_they_hold_where_they_may_be() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new().alignment(Alignment::CacheLine);
    let store = options.open(dir.path().join("store")).unwrap();
    store.put("odd", "odd").unwrap();
    let numbers: Vec<u8> = (0..100_u128).flat_map(u128::to_ne_bytes).collect();
    store.put("numbers", numbers).unwrap();
    let value = store.get("numbers").unwrap().unwrap();
    assert_eq!(value.slice_of::<u128>().unwrap(), (0..100).collect::<Vec<u128>>());
    assert_eq!(value.slice_of::<u64>().unwrap().len(), 200);
    assert_eq!(value.slice_of::<[u8; 7]>(), None, "1600 bytes are no multiple of 7");
    let odd = store.get("odd").unwrap().unwrap();
    assert_eq!((odd.slice_of::<u16>(), odd.slice_of::<u8>().map(<[u8]>::len)), (None, Some(3)));
}
