//! Keys that share a hash: few, and so many that somebody must have made them.

use super::store::{DELETE, NOTHING, PLAIN, Store, crowded_hash, crowded_keys, hash_of, keyed, until};
use crate::index::{Direction, Space};
use crate::numbers::Timestamp;

#[test]
fn f15_two_keys_with_one_hash_and_the_entry_stored_under_it_stay_apart() {
    let mut store = Store::default();
    let (keys, hash) = (crowded_keys(3), crowded_hash());
    // The eight bytes of the hash are an ordinary key as well, with a hash of its own.
    let spelled = hash.to_be_bytes();
    store.write(&[keyed(&keys[0], PLAIN)]);
    store.write(&[keyed(&keys[1], PLAIN)]);
    store.write(&[(Space::Hashes, &spelled, PLAIN)]);
    store.write(&[keyed(&spelled, PLAIN)]);
    let now = store.view(4, 0);
    assert_eq!([0, 1, 2].map(|number| store.get(&keys[number], 4, 0)), [Some(1), Some(2), None]);
    assert_eq!(store.index.get_hash_only(hash, now).map(|found| found.bytes), Some(3));
    assert_eq!(store.get(&spelled, 4, 0), Some(4));
    let newest = |sequence| {
        let found = store.index.newest_with_hash(hash, store.view(sequence, 0));
        found.map(|(space, _, found)| (space, found.bytes))
    };
    assert_eq!(newest(4), Some((Space::Hashes, 3)));
    assert_eq!(newest(2), Some((Space::Keys, 2)));
    assert_eq!(newest(1), Some((Space::Keys, 1)));
    assert_eq!(newest(0), None);
    assert_eq!(store.index.all_with_hash(hash, now).len(), 3);
    assert_eq!(store.rows(4, 0, Direction::Forward).len(), 3, "entries without a key are in no range");
    store.write(&[keyed(&keys[0], DELETE)]);
    assert_eq!(store.collect(5, 0), [1, 5]);
    assert_eq!(store.get(&keys[1], 5, 0), Some(2));
    assert_eq!(store.index.len(Timestamp(0)), 3);
}

#[test]
fn f15_a_flood_of_one_hash_is_found_key_by_key_and_leaves_again() {
    const KEYS: u32 = 20_000;
    let mut store = Store::default();
    let (keys, hash) = (crowded_keys(KEYS), crowded_hash());
    let count = u64::from(KEYS);
    let put = |kind, keys: &'_ [Vec<u8>], store: &mut Store| {
        store.write(&keys.iter().map(|key| keyed(key, kind)).collect::<Vec<_>>());
    };
    put(PLAIN, &keys[..16], &mut store);
    put(PLAIN, &keys[16..], &mut store);
    for (key, name) in keys.iter().zip(1..) {
        assert_eq!(store.get(key, 2, 0), Some(name));
    }
    assert_eq!(store.get(&crowded_keys(KEYS + 1)[keys.len()], 2, 0), None);
    let newest = |store: &Store, sequence, time| {
        let found = store.index.newest_with_hash(hash, store.view(sequence, time));
        found.map(|(_, _, found)| found.bytes)
    };
    assert_eq!(newest(&store, 2, 0), Some(count));
    assert_eq!(newest(&store, 1, 0), Some(16), "a view from before the flood");
    assert_eq!(store.index.all_with_hash(hash, store.view(2, 0)).len(), keys.len());

    put(DELETE, &keys[5..], &mut store);
    put(until(100), &keys[3..5], &mut store);
    assert_eq!(store.collect(2, 0), NOTHING);
    assert_eq!(newest(&store, 2, 0), Some(count));
    assert_eq!(newest(&store, 4, 99), Some(2 * count - 5 + 2));
    assert_eq!(newest(&store, 4, 100), Some(3), "all above is deleted or expired");
    assert_eq!(store.collect(4, 100).len(), 2 * (keys.len() - 5) + 4);
    assert_eq!(store.index.all_with_hash(hash, store.view(4, 100)).len(), 3);
    assert_eq!(store.index.len(Timestamp(100)), 3);
}

#[test]
fn f11_f15_a_crowd_is_found_where_compaction_took_it() {
    let mut store = Store::default();
    let keys = crowded_keys(40);
    let versions = store.write(&keys.iter().map(|key| keyed(key, PLAIN)).collect::<Vec<_>>());
    let output = store.log.compacted_segment();
    for (key, version) in keys.iter().zip(&versions) {
        let to = store.log.copy(version.address, output);
        let hash = hash_of(Space::Keys, key);
        assert!(store.index.relocate(Space::Keys, key, hash, version.address, (to.address, to.bytes)));
        assert!(!store.index.relocate(Space::Keys, key, hash, version.address, (to.address, to.bytes)));
    }
    store.log.oldest(4, 1).into_iter().filter(|slot| *slot != output).for_each(|slot| store.log.remove(slot));
    for (key, name) in keys.iter().zip(1..) {
        assert_eq!(store.get(key, 1, 0), Some(name));
    }
    let found = store.index.newest_with_hash(crowded_hash(), store.view(1, 0));
    assert_eq!(found.map(|(_, key, _)| key.to_vec()), keys.last().cloned());
}
