//! What views see of keys that are written again, and when what they do not see is dropped.

use super::store::{DELETE, NOTHING, PLAIN, Store, hash_of, key, keyed, until};
use crate::index::Space;
use crate::numbers::Timestamp;

#[test]
fn a_snapshot_reads_its_version_until_it_is_released() {
    let mut store = Store::default();
    store.write(&[keyed(b"k", PLAIN)]);
    store.write(&[keyed(b"k", PLAIN)]);
    store.write(&[keyed(b"k", DELETE)]);
    let at = |store: &Store| [0, 1, 2, 3].map(|sequence| store.get(b"k", sequence, 0));
    assert_eq!(at(&store), [None, Some(1), Some(2), None]);
    assert_eq!(store.collect(1, 0), NOTHING);
    assert_eq!(at(&store)[1..], [Some(1), Some(2), None]);
    assert_eq!(store.collect(2, 0), [1]);
    assert_eq!(at(&store)[2..], [Some(2), None]);
    assert_eq!(store.collect(3, 0), [2, 3], "the tombstone goes with the last thing that it hides");
    assert_eq!(store.held(Space::Keys), []);
    assert_eq!(store.collect(3, 0), NOTHING, "each version is dropped once");
}

#[test]
fn the_last_change_of_a_commit_wins_and_the_others_are_dropped_at_once() {
    let mut store = Store::default();
    let horizon = store.view(0, 0);
    let (_, dropped) =
        store.commit(horizon, &[keyed(b"k", until(50)), keyed(b"k", DELETE), keyed(b"k", PLAIN)]);
    assert_eq!(dropped, [1, 2]);
    assert_eq!(store.get(b"k", 1, 60), Some(3));
    assert_eq!(store.index.len(Timestamp(60)), 1);
    assert_eq!(store.collect(1, 60), NOTHING);
}

#[test]
fn a_horizon_given_late_does_not_lead_back() {
    let mut store = Store::default();
    store.write(&[keyed(b"k", until(5))]);
    store.collect(1, 4);
    store.collect(0, 9);
    assert_eq!(store.index.horizon(), store.view(1, 9));
    assert_eq!(store.held(Space::Keys), [], "expired at 9, and every view is at 1 or above");
}

/// A reader that does not register its view may be held up for as long as it takes to write its key again, collect what it
/// should have seen and compact that away. The one before that is not an answer, though it may still be in the log.
#[test]
fn f12_a_view_that_the_horizon_has_passed_gets_nothing_older_than_what_it_should_see() {
    for is_removed in [false, true] {
        let mut store = Store::default();
        // Eight entries fill a segment: each version of the key begins another one.
        for sequence in 0..3 {
            let others: Vec<_> = (0..7).map(|number| key(10 * sequence + number)).collect();
            let others = others.iter().map(|other| keyed(other, PLAIN));
            store.write(&[keyed(b"k", PLAIN)].into_iter().chain(others).collect::<Vec<_>>());
        }
        let late = store.view(2, 0);
        assert_eq!(store.collect(3, 0), [1, 9]);
        if is_removed {
            store.log.remove(1);
        }
        let found = store.index.get(b"k", hash_of(Space::Keys, b"k"), late);
        assert_eq!(found, None, "the horizon is {:?}", store.index.horizon());
        assert_eq!(store.get(b"k", 3, 0), Some(17));
    }
}
