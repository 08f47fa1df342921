//! Pages of a real store: their lengths, their tokens, and what they are a view of.

use std::sync::Arc;
use std::time::Duration;

use pentad_client::wire::Bounds;
use pentad_engine::{Batch, Expiry, Options};

use super::*;

fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("store")).unwrap();
    (directory, store)
}

fn keys(page: &RangeResponse) -> Vec<&[u8]> {
    page.rows.iter().map(|row| &row.key[..]).collect()
}

fn all() -> RangeRequest {
    RangeRequest { bounds: Some(Bounds::all()), ..RangeRequest::default() }
}

#[test]
fn pages_together_are_the_whole_in_either_direction() {
    let (_directory, store) = store();
    for number in 0..25_u8 {
        store.put([number], &[number]).unwrap();
    }
    for (descending, keys_only) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut request = RangeRequest { limit: 10, descending, keys_only, ..all() };
        let mut listed = Vec::new();
        let mut lengths = Vec::new();
        loop {
            let page = range(&store, &request).unwrap();
            lengths.push(page.rows.len());
            assert!(page.rows.iter().all(|row| keys_only == row.value.is_empty()));
            listed.extend(page.rows.into_iter().map(|row| row.key[0]));
            if page.token.is_empty() {
                break;
            }
            request.token = page.token;
        }
        assert_eq!(lengths, [10, 10, 5]);
        let wanted: Vec<u8> = if descending { (0..25).rev().collect() } else { (0..25).collect() };
        assert_eq!(listed, wanted);
    }
}

#[test]
fn f24_a_page_ends_before_it_grows_too_long() {
    let (_directory, store) = store();
    for (key, length) in [("a", 600_000), ("b", 500_000), ("c", 3_000_000), ("d", 1), ("e", 1)] {
        store.put(key, vec![0; length]).unwrap();
    }
    let mut request = all();
    let mut pages = Vec::new();
    loop {
        let page = range(&store, &request).unwrap();
        pages.push(keys(&page).concat());
        if page.token.is_empty() {
            break;
        }
        request.token = page.token;
    }
    assert_eq!(pages, [&b"a"[..], b"b", b"c", b"de"]);
}

#[test]
fn the_last_page_says_so_when_its_limit_is_just_reached() {
    let (_directory, store) = store();
    store.put("a", "1").unwrap();
    store.put("b", "2").unwrap();
    let page = range(&store, &RangeRequest { limit: 2, ..all() }).unwrap();
    assert!(page.rows.len() == 2 && page.token.is_empty());
    assert_eq!(range(&store, &RangeRequest { count_only: true, ..all() }).unwrap().count, 2);
    let about = range(&store, &RangeRequest { estimate_only: true, ..all() }).unwrap();
    assert!(
        about.rows.is_empty()
            && about.estimate.is_some_and(|estimate| estimate.keys == 2 && estimate.bytes > 0)
    );
}

#[test]
fn f16_a_token_of_another_listing_is_refused() {
    let (_directory, store) = store();
    for key in ["a", "b", "c"] {
        store.put(key, "").unwrap();
    }
    let first = range(&store, &RangeRequest { limit: 1, ..all() }).unwrap();
    let request = RangeRequest { token: first.token, ..all() };
    assert_eq!(keys(&range(&store, &request).unwrap()), [b"b", b"c"]);
    let other_bounds = RangeRequest { bounds: Some(Bounds::prefix("b")), ..request.clone() };
    let other_direction = RangeRequest { descending: true, ..request.clone() };
    let cut = RangeRequest { token: request.token.slice(1..), ..request.clone() };
    let noise = RangeRequest { token: Bytes::from_static(&[0xff; 40]), ..request };
    for request in [other_bounds, other_direction, cut, noise] {
        let failure = range(&store, &request).unwrap_err();
        assert_eq!(failure.kind(), pentad_client::FailureKind::InvalidInput, "{failure}");
    }
}

/// Tokens go from node to node: those of one replica are good at another, which has a store of its own.
#[test]
fn a_token_is_good_on_every_replica() {
    let replicas = [store(), store()];
    for (_, store) in &replicas {
        for key in ["a", "b"] {
            store.put(key, "").unwrap();
        }
    }
    let first = range(&replicas[0].1, &RangeRequest { limit: 1, one_view: true, ..all() }).unwrap();
    let second = RangeRequest { token: first.token, one_view: true, ..all() };
    assert_eq!(keys(&range(&replicas[1].1, &second).unwrap()), [b"b"]);
}

#[test]
fn f17_pages_of_one_view_pass_over_what_came_later_and_what_had_expired_before() {
    let directory = tempfile::tempdir().unwrap();
    let clock = pentad_engine::seams::sim::SimClock::new(1_000_000_000);
    let environment = pentad_engine::seams::Environment {
        clock: Arc::new(clock.clone()),
        ..pentad_engine::seams::Environment::real()
    };
    let store = Options::new().environment(environment).open(directory.path().join("store")).unwrap();
    for key in ["a", "c", "e"] {
        store.put(key, "").unwrap();
    }
    let mut batch = Batch::new();
    batch.put_expiring("b", "", Expiry::After(Duration::from_secs(1)));
    store.commit(batch).unwrap();
    clock.advance(2_000_000_000);
    let first = range(&store, &RangeRequest { limit: 1, one_view: true, ..all() }).unwrap();
    assert_eq!(keys(&first), [b"a"]);
    store.put("d", "").unwrap();
    store.delete("e").unwrap();
    let rest = RangeRequest { token: first.token.clone(), one_view: true, ..all() };
    assert_eq!(keys(&range(&store, &rest).unwrap()), [b"c", b"e"]);
    let anew = range(&store, &all()).unwrap();
    assert_eq!(keys(&anew), [&b"a"[..], b"c", b"d"]);
}

#[test]
fn a_page_of_the_past_is_of_the_commit_that_was_asked_for() {
    let (_directory, store) = store();
    store.put("a", "1").unwrap();
    store.put("a", "2").unwrap();
    let page = range(&store, &RangeRequest { at_sequence: Some(1), ..all() }).unwrap();
    assert_eq!((page.applied_sequence, &page.rows[0].value[..]), (1, &b"1"[..]));
    let failure = range(&store, &RangeRequest { at_sequence: Some(9), ..all() }).unwrap_err();
    assert_eq!(failure.kind(), pentad_client::FailureKind::Pruned);
}
