//! A pusher, two mergers, a compactor that moves entries and removes where they stood, and readers, on threads of
//! their own.

use std::ops::Bound;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::log::{Dice, Log, Shape};
use crate::address::Address;
use crate::index::runs::{Again, Effort, Keep, KeepAll, Mark, Runs, Way};

const KEYS: usize = 1500;

/// Lets go of every version but the newest of each key.
struct NewestOnly;

impl Keep for NewestOnly {
    fn superseded(&self, _newer: Address, _older: Address) -> bool {
        true
    }

    fn tombstone_may_go(&self, _address: Address) -> bool {
        true
    }
}

struct World {
    runs: Runs,
    log: Log,
    keys: Vec<Vec<u8>>,
    /// The newest address of each key. Held while a version is pushed or moved.
    newest: Mutex<Vec<Address>>,
    is_over: AtomicBool,
}

impl World {
    fn new(shape: Shape) -> Self {
        let mut dice = Dice(99);
        let mut keys: Vec<_> = (0..KEYS).map(|_| shape.key(&mut dice, 1 << 30)).collect();
        keys.sort();
        keys.dedup();
        let (runs, log) = (Runs::default(), Log::default());
        let records: Vec<_> = keys.iter().map(|key| (key, log.append(key), Mark::Value)).collect();
        runs.push(&records, &log, &KeepAll);
        let newest = records.iter().map(|(_, address, _)| *address).collect();
        Self { runs, log, keys, newest: Mutex::new(newest), is_over: AtomicBool::new(false) }
    }

    /// Overwrites keys, in commits of different sizes; older versions stay where they are until a merge.
    fn push(&self, rounds: usize) {
        let mut dice = Dice(1);
        for _ in 0..rounds {
            let size = if dice.roll(10) == 0 { 1 + dice.roll(400) } else { 1 + dice.roll(4) };
            let mut numbers: Vec<_> = (0..size).map(|_| dice.roll(self.keys.len())).collect();
            numbers.sort_unstable();
            numbers.dedup();
            let mut newest = self.newest.lock().unwrap();
            let mut records = Vec::new();
            for number in numbers {
                newest[number] = self.log.append(&self.keys[number]);
                records.push((&self.keys[number], newest[number], Mark::Value));
            }
            self.runs.push(&records, &self.log, &NewestOnly);
            drop(newest);
            thread::yield_now();
        }
        self.is_over.store(true, Ordering::Release);
    }

    fn maintain(&self, effort: Effort) {
        while !self.is_over.load(Ordering::Acquire) {
            self.runs.maintain(&self.log, &NewestOnly, effort);
            thread::yield_now();
        }
    }

    /// Moves newest versions and removes the places that they left at once.
    fn compact(&self) {
        let mut dice = Dice(2);
        while !self.is_over.load(Ordering::Acquire) {
            let number = dice.roll(self.keys.len());
            for number in number..self.keys.len().min(number + 300) {
                let mut newest = self.newest.lock().unwrap();
                let (from, to) = (newest[number], self.log.append(&self.keys[number]));
                let is_there = self.runs.relocate(&self.keys[number], from, to);
                assert!(is_there, "the newest version of {number} was not found");
                newest[number] = to;
                drop(newest);
                self.log.remove(from);
            }
        }
    }

    /// Scans it all, again and again: every key is there, in its place.
    fn read(&self, way: Way) -> (usize, usize) {
        let (mut scans, mut overtaken) = (0, 0);
        while !self.is_over.load(Ordering::Acquire) {
            let (seen, stale) = self.scan(way);
            assert!(seen.iter().eq(&self.keys), "{} of {} keys", seen.len(), self.keys.len());
            scans += 1;
            overtaken += stale;
        }
        (scans, overtaken)
    }

    /// The keys of one scan, ascending, and how often the cursor was overtaken.
    fn scan(&self, way: Way) -> (Vec<Vec<u8>>, usize) {
        let (mut seen, mut stale): (Vec<Vec<u8>>, usize) = (Vec::new(), 0);
        'open: loop {
            let last = seen.last().cloned();
            let last = last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            let (lower, upper) = match way {
                Way::Forward => (last, Bound::Unbounded),
                Way::Backward => (Bound::Unbounded, last),
            };
            let mut cursor = self.runs.cursor(&self.log, lower, upper, way);
            loop {
                let Ok(row) = cursor.next(&self.runs, &self.log) else {
                    stale += 1;
                    continue 'open;
                };
                let Some(mut row) = row else { break 'open };
                let key = loop {
                    if let Some(key) = self.log.key_at(row.address) {
                        break key;
                    }
                    match cursor.again(&self.runs, &mut row) {
                        Again::Moved => {}
                        Again::Dead => panic!("nothing dies here"),
                        Again::Stale => {
                            stale += 1;
                            continue 'open;
                        }
                    }
                };
                if row.same_key_as_before {
                    assert_eq!(seen.last(), Some(&key));
                } else {
                    seen.push(key);
                }
            }
        }
        if way == Way::Backward {
            seen.reverse();
        }
        (seen, stale)
    }
}

#[test]
fn scans_are_whole_while_runs_are_pushed_merged_and_their_entries_moved() {
    for shape in [Shape::Random, Shape::Path, Shape::Far, Shape::Any] {
        let world = World::new(shape);
        thread::scope(|scope| {
            let reader = |way| {
                scope.spawn({
                    let world = &world;
                    move || world.read(way)
                })
            };
            let readers = [reader(Way::Forward), reader(Way::Backward)];
            scope.spawn(|| world.maintain(Effort::Settle));
            scope.spawn(|| world.maintain(Effort::Due));
            scope.spawn(|| world.compact());
            world.push(150);
            let scans = readers.map(|reader| reader.join().unwrap());
            eprintln!("{shape:?}: scans and stale cursors {scans:?}");
        });
        while world.runs.maintain(&world.log, &NewestOnly, Effort::Settle) {}
        world.runs.maintain(&world.log, &NewestOnly, Effort::Rewrite);
        let newest = world.newest.into_inner().unwrap();
        for (key, address) in world.keys.iter().zip(newest) {
            assert_eq!(world.runs.find(key, &world.log), [(address, Mark::Value)]);
        }
    }
}
