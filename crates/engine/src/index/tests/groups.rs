//! Several commits that are applied together: what each of them did is there for views between them.

use super::store::{DELETE, NOTHING, PLAIN, Store, keyed};
use crate::index::Direction;

/// All keys of a group are resolved before any of it is applied, so what the second commit finds of a key that the first
/// one wrote as well is out of date.
#[test]
fn commits_of_one_group_that_write_the_same_keys_come_one_after_the_other() {
    let mut store = Store::default();
    let empty = store.view(0, 1);
    store.commit(empty, &[keyed(b"old", PLAIN), keyed(b"twice", PLAIN)]);
    let (_, dropped) = store.commit_together(
        store.view(1, 1),
        &[
            &[keyed(b"new", PLAIN), keyed(b"twice", PLAIN), keyed(b"old", DELETE), keyed(b"new", PLAIN)],
            &[keyed(b"twice", PLAIN), keyed(b"new", DELETE)],
            &[keyed(b"new", PLAIN)],
        ],
    );
    assert_eq!(dropped, [3], "what its own commit replaced, nobody ever saw");
    let seen = |sequence| [&b"old"[..], b"new", b"twice"].map(|key| store.get(key, sequence, 1));
    assert_eq!(seen(1), [Some(1), None, Some(2)]);
    assert_eq!(seen(2), [None, Some(6), Some(4)]);
    assert_eq!(seen(3), [None, None, Some(7)]);
    assert_eq!(seen(4), [None, Some(9), Some(7)]);
    assert_eq!(store.rows(2, 1, Direction::Forward), [&b"new"[..], b"twice"]);
    assert_eq!(store.rows(4, 1, Direction::Backward), [&b"twice"[..], b"new"]);
    let now = store.view(4, 1).time;
    assert_eq!(store.index.len(now), 2);
    assert_eq!(store.collect(1, 1), NOTHING);
    assert_eq!(store.collect(2, 1), [1, 2, 5]);
    assert_eq!(store.collect(4, 1), [4, 6, 8]);
    assert_eq!(store.get(b"new", 4, 1), Some(9));
    assert_eq!(store.index.len(now), 2);
}
