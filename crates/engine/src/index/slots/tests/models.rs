//! Models of the table for loom: one thread writes, another looks a key up that is there all the time.
//!
//! A page is two lines of two slots here. The keys are numbers and stand at the address that is their number plus one;
//! hashes are chosen by where they fall. Writer and reader are both threads that were spawned: loom looks at one
//! interleaving only of a spawned writer with the loads of the thread that the model began in.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::super::{First, Set, SlotTable};
use super::hashes::that_fall;
use crate::address::Address;

const SECRET: u64 = 1;

/// A table and the hashes of its keys.
struct World {
    table: SlotTable,
    hashes: Vec<u64>,
}

fn place(key: usize) -> Address {
    Address::new(u64::try_from(key).unwrap() + 1)
}

fn key_at(address: Address) -> usize {
    usize::try_from(address.get()).unwrap() - 1
}

impl World {
    /// With keys that fall like this (home line, first hash bits, the first lowest), of which the first so many are set.
    fn new(keys: &[(usize, u64)], set: usize) -> Self {
        let mut hashes: Vec<u64> = Vec::new();
        for (home, low) in keys {
            let hash = that_fall(SECRET, Some(*home), *low, 3).find(|hash| !hashes.contains(hash));
            hashes.extend(hash);
        }
        let world = Self { table: SlotTable::new(SECRET), hashes };
        (0..set).for_each(|key| world.set(key));
        world
    }

    fn hash_of(&self, address: Address) -> u64 {
        self.hashes[key_at(address)]
    }

    fn set(&self, key: usize) {
        let set = self.table.set(self.hashes[key], place(key), |_| false, |address| self.hash_of(address));
        assert_eq!(set, Set::Inserted);
    }

    fn remove(&self, key: usize) {
        assert!(self.table.remove(self.hashes[key], place(key)));
    }

    fn split(&self) {
        self.table.split(self.table.state(), |address| self.hash_of(address)).unwrap();
    }

    fn find(&self, key: usize) -> Option<Address> {
        self.table.find(self.hashes[key], |address| address == place(key))
    }
}

/// Looks one key after the other up while something is written.
fn found_during(keys: &'static [(usize, u64)], set: usize, look_up: &[usize], write: fn(&World)) {
    looked_up_during(keys, set, look_up, write, |world, key| world.find(key) == Some(place(key)));
}

/// The same; `is_found` says whether the look-up found the key.
fn looked_up_during(
    keys: &'static [(usize, u64)],
    set: usize,
    look_up: &[usize],
    write: fn(&World),
    is_found: fn(&World, usize) -> bool,
) {
    for key in look_up.iter().copied() {
        loom::model(move || {
            let world = Arc::new(World::new(keys, set));
            let (written, read) = (Arc::clone(&world), Arc::clone(&world));
            let writer = thread::spawn(move || write(&written));
            let reader = thread::spawn(move || {
                assert!(is_found(&read, key), "key {key} is missed");
            });
            writer.join().unwrap();
            reader.join().unwrap();
            assert_eq!(world.find(key), Some(place(key)), "key {key} is lost");
        });
    }
}

/// A full page: of the home line a key stays and one moves, of those that fall behind it too.
const FULL: [(usize, u64); 5] = [(0, 0), (0, 1), (0, 2), (0, 3), (1, 4)];

#[test]
fn loom_a_key_is_found_while_its_page_is_split() {
    found_during(&FULL, 4, &[0, 1, 2, 3], World::split);
}

#[test]
fn loom_a_key_is_found_while_its_page_is_split_again_and_others_come() {
    found_during(&FULL, 3, &[0, 2], |world| {
        world.split();
        world.set(3);
        world.split();
        world.split();
    });
}

#[test]
fn loom_a_quick_look_never_says_that_a_key_is_nowhere() {
    let is_found = |world: &World, key: usize| world.table.first(world.hashes[key]) != First::Nowhere;
    looked_up_during(&FULL, 4, &[0, 1, 2, 3], World::split, is_found);
    looked_up_during(
        &FULL,
        4,
        &[1, 3],
        |world| {
            world.remove(0);
            world.remove(2);
            world.set(0);
        },
        is_found,
    );
}

#[test]
fn loom_a_key_is_found_while_its_neighbours_go_and_come() {
    // In the last slot of the line that another leaves.
    found_during(&FULL, 2, &[1], |world| {
        world.remove(0);
        world.set(2);
    });
    // Behind a line that others leave.
    found_during(&FULL, 3, &[2], |world| {
        world.remove(1);
        world.remove(0);
        world.set(3);
    });
    // In the last slot of a line that stays closed, by turns.
    found_during(&FULL, 4, &[1, 3], |world| {
        world.remove(0);
        world.remove(2);
        world.set(0);
    });
}

#[test]
fn loom_a_key_that_moves_in_the_log_is_found_at_one_of_its_places() {
    loom::model(|| {
        let world = Arc::new(World::new(&FULL, 3));
        let (written, read) = (Arc::clone(&world), world);
        let places = [place(2), Address::new(100), Address::new(101)];
        let writer = thread::spawn(move || {
            let hash = written.hashes[2];
            assert!(written.table.replace(hash, places[0], places[1]));
            assert!(written.table.replace(hash, places[1], places[2]));
        });
        let reader = thread::spawn(move || {
            let found = read.table.find(read.hashes[2], |address| places.contains(&address));
            assert!(found.is_some(), "it is missed between two places");
        });
        writer.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn loom_whoever_knows_that_a_key_was_set_finds_it_whatever_was_split_for_it() {
    loom::model(|| {
        let world = Arc::new(World::new(&FULL, 4));
        let is_set = Arc::new(AtomicBool::new(false));
        let (written, tell, read) = (Arc::clone(&world), Arc::clone(&is_set), Arc::clone(&world));
        let writer = thread::spawn(move || {
            written.set(4);
            tell.store(true, Ordering::Release);
        });
        let reader = thread::spawn(move || {
            let was_set = is_set.load(Ordering::Acquire);
            let found = read.find(4);
            assert!(found.is_some() || !was_set, "it was set and is not found");
        });
        writer.join().unwrap();
        reader.join().unwrap();
        assert_eq!(world.find(4), Some(place(4)));
        assert_eq!(world.table.state().pages(), 2, "nothing was split: the run proves nothing");
    });
}
