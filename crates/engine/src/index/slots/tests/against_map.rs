//! Random sets, replacements and removals, against a map.

use std::collections::HashMap;

use super::super::table::CROWD;
use super::super::{First, Set, SlotTable};
use super::checks::check;
use super::dice::{Dice, spread};
use crate::address::Address;

/// A table, what must be in it, and a log in which an address is the number of the key that was written there.
struct Pair {
    table: SlotTable,
    hash: fn(u64) -> u64,
    /// The address of each key.
    map: HashMap<u64, Address>,
    /// The key at each address, entries that were replaced included.
    log: Vec<u64>,
    crowded: u64,
}

impl Pair {
    fn new(secret: u64, hash: fn(u64) -> u64) -> Self {
        Self { table: SlotTable::new(secret), hash, map: HashMap::new(), log: vec![u64::MAX], crowded: 0 }
    }

    fn write(&mut self, key: u64) -> Address {
        self.log.push(key);
        Address::new(u64::try_from(self.log.len() - 1).unwrap())
    }

    fn key_at(log: &[u64], address: Address) -> u64 {
        log[usize::try_from(address.get()).unwrap()]
    }

    fn set(&mut self, key: u64) {
        let address = self.write(key);
        let (hash, log) = (self.hash, &self.log);
        let set = self.table.set(
            hash(key),
            address,
            |candidate| Self::key_at(log, candidate) == key,
            |candidate| hash(Self::key_at(log, candidate)),
        );
        match set {
            Set::Replaced(old) => assert_eq!(self.map.insert(key, address), Some(old), "key {key}"),
            Set::Inserted => assert_eq!(self.map.insert(key, address), None, "key {key}"),
            Set::Crowded => {
                let same = self.map.keys().filter(|other| hash(**other) == hash(key)).count();
                assert_eq!(same, CROWD, "key {key} is not in a crowd");
                assert!(!self.map.contains_key(&key));
                self.crowded += 1;
            }
        }
    }

    fn relocate(&mut self, key: u64) {
        let to = self.write(key);
        let from = self.map.get(&key).copied();
        let was_there = self.table.replace((self.hash)(key), from.unwrap_or(to), to);
        assert_eq!(was_there, from.is_some());
        if was_there {
            self.map.insert(key, to);
        }
    }

    fn remove(&mut self, key: u64) {
        match self.map.remove(&key) {
            Some(address) => {
                assert!(self.table.remove((self.hash)(key), address));
                assert!(!self.table.remove((self.hash)(key), address), "it is removed once");
            }
            None => assert_eq!(self.find(key), None),
        }
    }

    fn find(&self, key: u64) -> Option<Address> {
        self.table.find((self.hash)(key), |candidate| Self::key_at(&self.log, candidate) == key)
    }

    fn check(&self, keys: u64) {
        for key in 0..keys {
            assert_eq!(self.find(key), self.map.get(&key).copied(), "key {key}");
            match self.table.first((self.hash)(key)) {
                First::At(address) => {
                    let is_newest = self.map.get(&Self::key_at(&self.log, address)) == Some(&address);
                    assert!(is_newest, "{address:?} for key {key} is in the table no more");
                }
                First::Nowhere => assert!(!self.map.contains_key(&key), "key {key} in a quick look"),
                First::Unsure => panic!("nothing is being split"),
            }
            let mut found = 0;
            self.table.candidates((self.hash)(key), |address| {
                found += u32::from(self.map.get(&key) == Some(&address));
            });
            assert_eq!(found, u32::from(self.map.contains_key(&key)), "key {key} among its candidates");
        }
        let hashes = self.map.iter().map(|(key, address)| (address.get(), (self.hash)(*key))).collect();
        check(&self.table, &hashes);
    }

    /// Random steps, of which so many in ten add a key that is not there.
    fn run(&mut self, dice: &mut Dice, steps: u64, keys: u64, growth: u64) {
        for _ in 0..steps {
            let key = dice.roll(keys);
            match dice.roll(10) {
                die if die < growth => self.set(key),
                die if die % 2 == 0 => self.relocate(key),
                _ => self.remove(key),
            }
        }
    }
}

fn run(secret: u64, hash: fn(u64) -> u64, keys: u64, steps: u64) -> Pair {
    let (mut pair, mut dice) = (Pair::new(secret, hash), Dice(secret));
    for growth in [9, 5, 2, 7] {
        pair.run(&mut dice, steps, keys, growth);
        pair.check(keys);
    }
    pair
}

#[test]
fn random_sets_moves_and_removals_agree_with_a_map() {
    for secret in 0..20 {
        let pair = run(secret, spread, 300 << (secret % 6), 3000);
        assert_eq!(pair.crowded, 0, "different hashes crowd nothing");
    }
    run(100, spread, 200_000, 300_000);
}

#[test]
fn f15_keys_that_share_few_hashes_agree_with_a_map_and_the_rest_is_refused() {
    let pair = run(7, |key| key % 300, 20_000, 30_000);
    assert!(pair.crowded > 0, "no hash was crowded: the run proves nothing");
    // Hashes that differ in one bit each, as of numbers used as hashes.
    run(8, |key| 1 << (key % 64), 500, 5000);
    run(9, |key| key / 2, 20_000, 30_000);
}

#[test]
fn nothing_is_left_of_keys_that_were_removed() {
    let (mut pair, mut dice) = (Pair::new(5, spread), Dice(5));
    for _ in 0..20 {
        pair.run(&mut dice, 20_000, 10_000, 6);
        (0..10_000).for_each(|key| pair.remove(key));
        let is_bare = |(_, page): (u64, &super::super::page::Page)| {
            (0..super::super::page::LINES).all(|line| page.line(line).iter().all(|slot| slot.is_empty()))
        };
        assert!(pair.table.pages().all(is_bare), "a slot is not empty");
    }
}
