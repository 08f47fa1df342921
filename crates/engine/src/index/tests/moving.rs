//! Versions that compaction moves.

use super::compaction;
use super::store::{DELETE, PLAIN, Store, hash_of, key, keyed};
use crate::address::Address;
use crate::format::entry::Lineage;
use crate::index::{Name, Space, Version};
use crate::numbers::Sequence;

fn move_it(store: &Store, space: Space, key: &[u8], version: Version) -> Option<Version> {
    let to = store.log.copy(version.address, store.log.compacted_segment());
    let moved =
        store.index.relocate(space, key, hash_of(space, key), version.address, (to.address, to.bytes));
    moved.then_some(to)
}

/// A writer looks up what its entries follow, and asks later which versions these are.
#[test]
fn f11_the_lineage_of_what_is_moved_between_lookup_and_question_is_still_known() {
    let mut store = Store::default();
    let keys: Vec<_> = (0..9).map(key).collect();
    store.write(&keys.iter().map(|key| keyed(key, PLAIN)).collect::<Vec<_>>());
    let name = Name { space: Space::Keys, key: &keys[0], hash: hash_of(Space::Keys, &keys[0]) };
    let mut before = None;
    store.index.resolve([name].into_iter(), |found| before = found);
    let before = before.expect("it was written");
    let (look, first) = (store.index.look(), Lineage::first(Sequence(1)));
    assert_eq!(store.index.lineage(&name, &before, &look), first);

    let inputs = store.log.oldest(1, 1);
    compaction::compact(&store.log, &store.index, &inputs, &mut |_| ());
    inputs.iter().for_each(|&slot| store.log.remove(slot));
    assert_eq!(
        store.log.at(before.version.address).map(|stored| stored.bytes),
        None,
        "it is gone from there"
    );
    // By the look from before, and by one that knows the new segment.
    assert_eq!(store.index.lineage(&name, &before, &look), first);
    assert_eq!(store.index.lineage(&name, &before, &store.index.look()), first);
}

#[test]
fn f11_a_relocation_moves_only_the_version_that_stands_there() {
    let mut store = Store::default();
    let hash = hash_of(Space::Keys, b"k");
    let [first] = store.write(&[keyed(b"k", PLAIN)])[..] else { panic!("one entry, one version") };
    let [second] = store.write(&[keyed(b"k", PLAIN)])[..] else { panic!("one entry, one version") };
    let [old, new] = [first, second].map(|version| move_it(&store, Space::Keys, b"k", version));
    let at = |sequence| store.index.get(b"k", hash, store.view(sequence, 0));
    assert_eq!([at(1), at(2)], [old, new]);
    assert!(old.is_some() && new.is_some());
    let refused = |from: Address| !store.index.relocate(Space::Keys, b"k", hash, from, (first.address, 1));
    assert!(refused(second.address), "it has moved already");
    assert_eq!([at(1), at(2)], [old, new]);
    assert_eq!(store.collect(2, 0), [1]);
    assert!(refused(old.unwrap().address), "collected meanwhile");
}

/// A compaction copies what is held when it looks. What is overwritten and collected before it is done is wanted no more:
/// nobody will say so of the copy again, so it must not be counted.
#[test]
fn f11_what_is_dropped_while_it_is_copied_is_not_wanted_any_more() {
    let mut store = Store::default();
    let keys: Vec<_> = (0..20).map(key).collect();
    store.write(&keys.iter().map(|key| keyed(key, PLAIN)).collect::<Vec<_>>());
    let inputs = store.log.oldest(2, 1);
    assert_eq!(inputs.len(), 2);
    let moved = compaction::copy_held(&store.log, &store.index, &inputs);
    assert_eq!(moved.len(), 16);
    store.write(&[
        keyed(&keys[0], PLAIN),
        keyed(&keys[1], DELETE),
        keyed(&keys[2], PLAIN),
        keyed(&keys[3], DELETE),
    ]);
    assert_eq!(store.collect(2, 0), [1, 2, 3, 4, 22, 24]);
    let wanted = compaction::relocate(&store.index, moved);
    let mut wanted: Vec<u64> = wanted.iter().map(|moved| moved.to.bytes).collect();
    wanted.sort_unstable();
    assert_eq!(wanted, (5..=16).collect::<Vec<_>>());
    inputs.iter().for_each(|&slot| store.log.remove(slot));
    let found: Vec<_> = keys.iter().map(|key| store.get(key, 2, 0)).collect();
    let expected = [Some(21), None, Some(23), None].into_iter().chain((5..=20).map(Some));
    assert_eq!(found, expected.collect::<Vec<_>>());
}

#[test]
fn f11_what_waits_for_a_snapshot_is_dropped_where_it_was_moved() {
    let mut store = Store::default();
    let mut versions = store.write(&[keyed(b"k", PLAIN), keyed(b"gone", PLAIN)]);
    versions.extend(store.write(&[keyed(b"k", PLAIN), keyed(b"gone", DELETE)]));
    let mut moved: Vec<Version> = Vec::new();
    for (key, version) in [&b"k"[..], b"gone", b"k", b"gone"].iter().zip(versions) {
        let once = move_it(&store, Space::Keys, key, version).expect("a snapshot holds it");
        moved.push(move_it(&store, Space::Keys, key, once).expect("a snapshot holds it"));
    }
    let mut dropped = Vec::new();
    store.index.collect(store.view(2, 0), &mut |version| dropped.push((version.bytes, version.address)));
    dropped.sort_unstable();
    assert_eq!(dropped, [0, 1, 3].map(|at| (moved[at].bytes, moved[at].address)));
}
