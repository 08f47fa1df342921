//! F15: many keys with one 64-bit hash never stand for one another, lookups among them stay bounded, and a storm of
//! tombstones leaves nothing wrong behind.

use pentad_engine::{Durability, key_hash};

use crate::harness::collisions::{colliding_hash, colliding_key};
use crate::harness::request::{Change, End, Request};
use crate::harness::world::{Cut, World};

fn put(key: Vec<u8>, value: Vec<u8>) -> Change {
    Change::Put { key, value: value.into(), end: End::Never }
}

#[test]
fn f15_the_keys_of_this_file_collide() {
    for n in 0..1000 {
        assert_eq!(key_hash(&colliding_key(n)), colliding_hash());
    }
    assert_ne!(colliding_key(1), colliding_key(2));
}

#[test]
fn f15_keys_with_one_hash_live_side_by_side() {
    let mut world = World::opened(1);
    world.probes = (0..60).map(colliding_key).collect();
    for n in 0..50 {
        world.commit(&Request::put(Durability::Disk, colliding_key(n), &n.to_le_bytes())).unwrap();
    }
    world.check();
    for n in (0..50).step_by(2) {
        world.commit(&Request::delete(Durability::Disk, colliding_key(n))).unwrap();
    }
    world.check();
    let rename = Change::Rename { from: colliding_key(1), to: colliding_key(2) };
    world.commit(&Request::of(Durability::Disk, vec![rename])).unwrap();
    world.commit(&Request::put(Durability::Disk, colliding_key(3), b"again")).unwrap();
    world.check();
    world.close().unwrap();
    world.open().unwrap();
    world.compact().unwrap();
    world.check();
    world.cut(Cut::Power);
    world.open().unwrap();
}

#[test]
fn f15_entries_under_a_hash_alone_are_apart_from_the_keys_that_have_it() {
    let mut world = World::opened(1);
    world.probes = (0..5).map(colliding_key).collect();
    let hash = colliding_hash();
    let hashed = |value: &[u8]| Change::PutHashed { hash, value: value.into() };
    for changes in [
        vec![put(colliding_key(1), b"one".to_vec())],
        vec![hashed(b"by hash")],
        vec![put(colliding_key(2), b"two".to_vec())],
        vec![Change::Delete { key: colliding_key(2) }],
        vec![Change::DeleteWithHashed { key: colliding_key(3) }],
        vec![hashed(b"by hash again"), put(colliding_key(3), b"three".to_vec())],
        vec![Change::DeleteHashed { hash }],
        vec![hashed(b"last")],
    ] {
        world.commit(&Request::of(Durability::Disk, changes)).unwrap();
        world.check();
    }
    world.close().unwrap();
    world.open().unwrap();
    assert_eq!(world.store().len(), 1);
}

/// A chain of thousands of keys under one hash: quadratic lookups would take minutes here.
#[test]
fn f15_lookups_among_thousands_of_collisions_are_bounded() {
    const KEYS: u32 = 20_000;
    let mut world = World::new(1);
    world.segment_bytes = 1 << 20;
    world.open().unwrap();
    let store = world.store().clone();
    for start in (0..KEYS).step_by(1000) {
        let mut batch = pentad_engine::Batch::new();
        for n in start..start + 1000 {
            batch.put(colliding_key(n), &n.to_le_bytes());
        }
        store.commit(batch).unwrap();
    }
    for n in 0..KEYS {
        assert_eq!(store.get(colliding_key(n)).unwrap().as_deref(), Some(&n.to_le_bytes()[..]));
    }
    for n in KEYS..2 * KEYS {
        assert!(store.get(colliding_key(n)).unwrap().is_none());
    }
    assert_eq!(store.get_hashed(colliding_hash()).unwrap().as_deref(), Some(&(KEYS - 1).to_le_bytes()[..]));
    assert!(store.stats().index_bytes > 0, "the indexes say what they hold");
    store.close().unwrap();
}

#[test]
fn f15_storm_of_tombstones_leaves_an_empty_store_that_works() {
    let mut world = World::new(1);
    world.segment_bytes = 65_536;
    world.open().unwrap();
    for round in 0..3_u32 {
        let key = |n: u32| format!("key {n:05}").into_bytes();
        let puts = (0..3000).map(|n| put(key(n), round.to_le_bytes().to_vec()));
        world.commit(&Request::of(Durability::Disk, puts.collect())).unwrap();
        let deletes = (0..3000).map(|n| Change::Delete { key: key(n) });
        world.commit(&Request::of(Durability::Disk, deletes.collect())).unwrap();
    }
    assert!(world.store().is_empty());
    assert_eq!(world.store().range::<&[u8]>(..).count(), 0);
    assert_eq!(world.store().prefix("key").rev().count(), 0);
    let next = world.past.sequence() + 1;
    world.prune(next).unwrap();
    world.compact().unwrap();
    world.commit(&Request::put(Durability::Disk, "key 00007", b"alone")).unwrap();
    world.check();
    world.close().unwrap();
    world.open().unwrap();
    assert_eq!(world.store().len(), 1);
}
