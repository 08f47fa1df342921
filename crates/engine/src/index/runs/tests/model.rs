//! The runs and a plain map side by side, changed together and compared.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;

use super::log::{Dice, Log, Shape};
use crate::address::Address;
use crate::index::runs::{Effort, Keep, Mark, Runs, Way};

type Versions = Vec<(Address, Mark)>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pair {
    pub(super) runs: Runs,
    pub(super) log: Log,
    pub(super) keys: BTreeMap<Vec<u8>, Versions>,
    pub(super) may_go: MayGo,
}

/// Versions that merges may leave out.
#[derive(Debug, Default)]
pub(super) struct MayGo(pub(super) HashSet<Address>);

impl Keep for MayGo {
    fn superseded(&self, _newer: Address, older: Address) -> bool {
        self.0.contains(&older)
    }

    fn tombstone_may_go(&self, address: Address) -> bool {
        self.0.contains(&address)
    }
}

impl Pair {
    /// Pushes versions of these keys, in their order; a key may come several times.
    pub(super) fn push(&mut self, keys: &[(Vec<u8>, Mark)]) {
        let mut commit: BTreeMap<Vec<u8>, Versions> = BTreeMap::new();
        for (key, mark) in keys {
            let version = (self.log.append(key), *mark);
            commit.entry(key.clone()).or_default().insert(0, version);
            self.keys.entry(key.clone()).or_default().insert(0, version);
        }
        let records: Vec<_> = commit
            .iter()
            .flat_map(|(key, versions)| versions.iter().map(move |(address, mark)| (key, *address, *mark)))
            .collect();
        self.runs.push(&records, &self.log, &self.may_go);
    }

    /// Pushes some keys of a shape.
    pub(super) fn push_random(&mut self, dice: &mut Dice, shape: Shape, count: usize, variety: usize) {
        let keys: Vec<_> = (0..count)
            .map(|_| {
                let mark = if dice.roll(5) == 0 { Mark::Tombstone } else { Mark::Value };
                (shape.key(dice, variety), mark)
            })
            .collect();
        self.push(&keys);
    }

    /// Moves a version and removes the place where it stood.
    pub(super) fn relocate(&mut self, key: &[u8], version: usize) {
        let from = self.keys[key][version].0;
        let to = self.log.append(key);
        let is_there = self.runs.relocate(key, from, to);
        assert!(is_there || self.may_go.0.contains(&from), "a version that is there was not found");
        if self.may_go.0.contains(&from) {
            self.may_go.0.insert(to);
        }
        self.keys.get_mut(key).unwrap()[version].0 = to;
        self.log.remove(from);
    }

    pub(super) fn maintain(&self, effort: Effort) -> bool {
        self.runs.maintain(&self.log, &self.may_go, effort)
    }

    /// A random key of the model.
    pub(super) fn some_key(&self, dice: &mut Dice) -> Vec<u8> {
        self.keys.keys().nth(dice.roll(self.keys.len())).unwrap().clone()
    }

    /// Compares everything.
    pub(super) fn check(&self) {
        for way in [Way::Forward, Way::Backward] {
            self.check_range(Bound::Unbounded, Bound::Unbounded, way);
        }
    }

    /// Compares single keys, there or not, and ranges that start and end at, or next to, such keys.
    pub(super) fn check_at_random(&self, dice: &mut Dice, shape: Shape, variety: usize, rounds: usize) {
        for _ in 0..rounds {
            let mut ends = [Vec::new(), Vec::new()];
            for end in &mut ends {
                *end = if dice.roll(2) == 0 { self.some_key(dice) } else { shape.key(dice, variety) };
                match dice.roll(4) {
                    0 => end.push(0),
                    1 => drop(end.pop()),
                    _ => {}
                }
            }
            for end in &ends {
                let found = self.runs.find(end, &self.log);
                self.compare(end, &found, self.keys.get(end).map_or(&[], Vec::as_slice));
            }
            let [lower, upper] = &ends;
            let way = if dice.roll(2) == 0 { Way::Forward } else { Way::Backward };
            self.check_range(bound(dice, lower), bound(dice, upper), way);
        }
    }

    /// Compares what a cursor shows with the map.
    pub(super) fn check_range(&self, lower: Bound<&[u8]>, upper: Bound<&[u8]>, way: Way) {
        let is_within = |key: &[u8]| {
            let above = match lower {
                Bound::Included(lower) => key >= lower,
                Bound::Excluded(lower) => key > lower,
                Bound::Unbounded => true,
            };
            let below = match upper {
                Bound::Included(upper) => key <= upper,
                Bound::Excluded(upper) => key < upper,
                Bound::Unbounded => true,
            };
            above && below
        };
        let mut expected: Vec<_> = self.keys.iter().filter(|(key, _)| is_within(key)).collect();
        if way == Way::Backward {
            expected.reverse();
        }
        let shown = self.shown(lower, upper, way);
        let mut shown = shown.iter().peekable();
        for (key, versions) in expected {
            let rows = shown.next_if(|(shown, _)| shown == key).map_or(&[][..], |(_, rows)| rows);
            self.compare(key, rows, versions);
        }
        assert_eq!(shown.next(), None, "a key that is not there, or not in its place");
    }

    /// What a cursor shows, by key.
    pub(super) fn shown(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        way: Way,
    ) -> Vec<(Vec<u8>, Versions)> {
        let mut cursor = self.runs.cursor(&self.log, lower, upper, way);
        let mut shown: Vec<(Vec<u8>, Versions)> = Vec::new();
        while let Some(row) = cursor.next(&self.runs, &self.log).unwrap() {
            let key = self.log.key_at(row.address).expect("the entry is there");
            match shown.last_mut() {
                Some((last, versions)) if row.same_key_as_before => {
                    assert_eq!(*last, key, "said to be the same key");
                    versions.push((row.address, row.mark));
                }
                _ => shown.push((key, vec![(row.address, row.mark)])),
            }
        }
        shown
    }

    /// Versions shown against those that there are: none may lack but those that may go.
    fn compare(&self, key: &[u8], shown: &[(Address, Mark)], expected: &[(Address, Mark)]) {
        let there: HashMap<_, _> = shown.iter().copied().collect();
        let stays =
            |(address, _): &&(Address, Mark)| there.contains_key(address) || !self.may_go.0.contains(address);
        let expected: Versions = expected.iter().filter(stays).copied().collect();
        let key = String::from_utf8_lossy(&key[..key.len().min(100)]);
        assert_eq!(shown, expected, "versions of {key:?}");
    }
}

fn bound<'a>(dice: &mut Dice, key: &'a [u8]) -> Bound<&'a [u8]> {
    match dice.roll(5) {
        0 => Bound::Unbounded,
        1 | 2 => Bound::Included(key),
        _ => Bound::Excluded(key),
    }
}
