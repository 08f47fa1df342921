//! Much that is written, deleted or expires at once: the memory that it takes comes back.

use super::store::{DELETE, NOTHING, PLAIN, Store, key, keyed, until};
use crate::index::VersionKind;
use crate::numbers::Timestamp;

fn write_all(store: &mut Store, keys: &[Vec<u8>], kind: VersionKind) {
    store.write(&keys.iter().map(|key| keyed(key, kind)).collect::<Vec<_>>());
}

/// The memory that is left when all background work is done.
fn settled(store: &Store) -> u64 {
    for _ in 0..100 {
        if !store.index.maintain(std::time::Duration::MAX) {
            break;
        }
    }
    store.index.memory_bytes()
}

#[test]
fn f15_a_tombstone_storm_gives_its_memory_back() {
    let mut store = Store::default();
    let empty = store.index.memory_bytes();
    let keys: Vec<_> = (0..100_000).map(key).collect();
    write_all(&mut store, &keys, PLAIN);
    let written = store.index.memory_bytes();
    write_all(&mut store, &keys, DELETE);
    let full = store.index.memory_bytes();
    assert!(full > written + 200_000 * 40, "{full} bytes do not hold what waits behind {written}");
    assert_eq!(store.collect(1, 0), NOTHING, "a view at 1 holds everything");
    assert_eq!(store.collect(2, 0).len(), 200_000);
    let left = settled(&store) - empty;
    assert!(left < full / 4, "{left} of {full} bytes are still held");
    assert_eq!(store.index.len(Timestamp(0)), 0);
}

#[test]
fn f15_an_expiry_storm_gives_its_memory_back() {
    let mut store = Store::default();
    let empty = store.index.memory_bytes();
    let keys: Vec<_> = (0..50_000).map(key).collect();
    write_all(&mut store, &keys, until(1000));
    let full = store.index.memory_bytes();
    assert!(full > empty + 50_000 * 40, "{full} bytes do not hold the deadlines");
    assert_eq!(store.collect(1, 999), NOTHING);
    assert_eq!(store.index.len(Timestamp(1000)), 0);
    assert_eq!(store.collect(1, 999), NOTHING, "counted out, but a view of an earlier time still reads them");
    assert_eq!(store.get(&keys[7], 1, 999), Some(8));
    assert_eq!(store.collect(1, 1000).len(), 50_000);
    let left = settled(&store) - empty;
    assert!(left < full / 2, "{left} of {full} bytes are still held");
}

#[test]
fn f15_a_hot_key_under_a_long_snapshot_shrinks_to_one_version() {
    const VERSIONS: u64 = 20_000;
    let mut store = Store::default();
    let empty = store.index.memory_bytes();
    for _ in 0..VERSIONS {
        store.write(&[keyed(b"hot", PLAIN)]);
    }
    let full = store.index.memory_bytes();
    assert!(full > empty + VERSIONS * 40, "{full} bytes do not hold the versions that wait");
    assert_eq!(store.get(b"hot", VERSIONS / 2, 0), Some(VERSIONS / 2));
    assert_eq!(store.collect(VERSIONS - 10, 0).len() as u64, VERSIONS - 11);
    assert_eq!(store.get(b"hot", VERSIONS - 10, 0), Some(VERSIONS - 10));
    assert_eq!(store.collect(VERSIONS, 0).len(), 10);
    let left = settled(&store) - empty;
    assert!(left < full / 20, "{left} of {full} bytes are still held");
    assert_eq!(store.get(b"hot", VERSIONS, 0), Some(VERSIONS));
}
