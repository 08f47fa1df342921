//! Readers on threads of their own while one thread writes and the table grows.
//!
//! An address says whose entry it is and which: key and version. The writer notes what it is about to do and what it has
//! done, so a reader knows what it may find.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::super::{First, Set, SlotTable};
use super::dice::{Dice, spread};
use crate::address::Address;

const KEYS: u64 = 60_000;

fn address(key: u64, version: u64) -> Address {
    Address::new(((key + 1) << 20) | version)
}

fn key_at(address: Address) -> u64 {
    (address.get() >> 20) - 1
}

fn version_at(address: Address) -> u64 {
    address.get() & ((1 << 20) - 1)
}

/// Looks a key up by a quick look, and at length only where that does not settle it.
fn find(table: &SlotTable, key: u64) -> Option<Address> {
    match table.first(spread(key)) {
        First::At(address) if key_at(address) == key => Some(address),
        First::Nowhere => None,
        First::At(_) | First::Unsure => table.find(spread(key), |candidate| key_at(candidate) == key),
    }
}

/// The versions of every key: the last that is in the table for sure, and the last that may be. Version 0 is none.
struct Versions {
    done: Vec<AtomicU64>,
    begun: Vec<AtomicU64>,
}

fn at(versions: &[AtomicU64], key: u64) -> &AtomicU64 {
    &versions[usize::try_from(key).unwrap()]
}

impl Versions {
    fn new() -> Self {
        let none = || (0..KEYS).map(|_| AtomicU64::new(0)).collect();
        Self { done: none(), begun: none() }
    }

    fn write(&self, key: u64, write: impl FnOnce(u64, u64)) {
        let old = at(&self.done, key).load(Ordering::Relaxed);
        at(&self.begun, key).store(old + 1, Ordering::SeqCst);
        write(old, old + 1);
        at(&self.done, key).store(old + 1, Ordering::SeqCst);
    }

    fn read(&self, key: u64, find: impl FnOnce() -> Option<Address>) -> bool {
        let from = at(&self.done, key).load(Ordering::SeqCst);
        let found = find();
        let to = at(&self.begun, key).load(Ordering::SeqCst);
        let version = found.map_or(0, version_at);
        assert!((from..=to).contains(&version), "key {key}: {version} is not in {from}..={to}");
        found.is_some()
    }
}

#[test]
fn no_reader_misses_a_key_or_finds_another_while_the_table_grows() {
    for secret in 0..4 {
        let table = SlotTable::new(secret);
        let versions = Versions::new();
        let done = AtomicBool::new(false);
        let [found, missed] = [const { AtomicU64::new(0) }; 2];
        thread::scope(|scope| {
            for reader in 0..3 {
                let (table, versions, done, found, missed) = (&table, &versions, &done, &found, &missed);
                scope.spawn(move || {
                    let mut dice = Dice(reader);
                    while !done.load(Ordering::Relaxed) {
                        // Most of them where the writer is.
                        let near = table.len().min(KEYS - 1) + 1;
                        let sides = if dice.roll(2) == 0 { near } else { KEYS };
                        let key = dice.roll(sides);
                        let at_length = || table.find(spread(key), |candidate| key_at(candidate) == key);
                        let is_there = if dice.roll(2) == 0 {
                            versions.read(key, at_length)
                        } else {
                            versions.read(key, || find(table, key))
                        };
                        (if is_there { found } else { missed }).fetch_add(1, Ordering::Relaxed);
                        let absent = KEYS + key;
                        let found = table.find(spread(absent), |candidate| key_at(candidate) == absent);
                        assert_eq!(found, None, "a key that nobody set");
                        assert_eq!(find(table, absent), None, "a key that nobody set, in a quick look");
                    }
                });
            }
            let mut dice = Dice(secret);
            let hash_of = |address| spread(key_at(address));
            for key in 0..KEYS {
                // Until readers have come, with keys before them that are there and others that are not.
                while key == KEYS / 2
                    && (found.load(Ordering::Relaxed) == 0 || missed.load(Ordering::Relaxed) == 0)
                {
                    thread::yield_now();
                }
                versions.write(key, |_, new| {
                    let set = table.set(spread(key), address(key, new), |_| false, hash_of);
                    assert_eq!(set, Set::Inserted);
                });
                let other = dice.roll(key + 1);
                versions.write(other, |old, new| {
                    assert!(table.replace(spread(other), address(other, old), address(other, new)));
                });
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(table.len(), KEYS);
    }
}

#[test]
fn keys_that_stay_are_found_while_others_come_and_go_around_them() {
    const STAY: u64 = 2000;
    let table = SlotTable::new(11);
    let done = AtomicBool::new(false);
    let looked = AtomicU64::new(0);
    let hash_of = |address| spread(key_at(address));
    let set = |key| table.set(spread(key), address(key, 1), |candidate| key_at(candidate) == key, hash_of);
    thread::scope(|scope| {
        // Between them, so that some stand behind lines that others open and close.
        for key in 0..STAY * 4 {
            set(key);
        }
        for reader in 0..3 {
            let (table, done, looked) = (&table, &done, &looked);
            scope.spawn(move || {
                let mut dice = Dice(reader);
                while !done.load(Ordering::Relaxed) {
                    let key = dice.roll(STAY) * 4;
                    let found = table.find(spread(key), |candidate| key_at(candidate) == key);
                    assert_eq!(found, Some(address(key, 1)), "key {key}");
                    assert_eq!(find(table, key), Some(address(key, 1)), "key {key} in a quick look");
                    looked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut dice = Dice(1);
        let mut rounds = 0;
        while rounds < 300_000 || looked.load(Ordering::Relaxed) < 1000 {
            let key = dice.roll(STAY) * 4 + 1 + dice.roll(3);
            if !table.remove(spread(key), address(key, 1)) {
                assert_eq!(set(key), Set::Inserted);
            }
            rounds += 1;
        }
        done.store(true, Ordering::Relaxed);
    });
}
