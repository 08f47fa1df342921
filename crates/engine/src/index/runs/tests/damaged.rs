//! Entries that cannot be read: whatever ties with them, no older version passes for the newest, in any range, before and after
//! merges, and nothing is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::log::{Dice, Log, SHAPES};
use crate::address::Address;
use crate::index::runs::{Effort, KeepAll, Mark, Runs, Way};

/// Runs with a model of them: of each key its versions, newest first.
#[derive(Default)]
struct Rotting {
    runs: Runs,
    log: Log,
    versions: BTreeMap<Vec<u8>, Vec<Address>>,
    keys: BTreeMap<Address, Vec<u8>>,
    damaged: BTreeSet<Address>,
}

impl Rotting {
    fn push(&mut self, keys: &BTreeSet<Vec<u8>>) {
        let records: Vec<_> =
            keys.iter().map(|key| (key.clone(), self.log.append(key), Mark::Value)).collect();
        for (key, address, _) in &records {
            self.versions.entry(key.clone()).or_default().insert(0, *address);
            self.keys.insert(*address, key.clone());
        }
        self.runs.push(&records, &self.log, &KeepAll);
    }

    fn damage(&mut self, dice: &mut Dice, count: usize) {
        for _ in 0..count {
            let address = Address::new(dice.roll(self.keys.len()) as u64 + 1);
            self.log.damage(address);
            self.damaged.insert(address);
        }
    }

    /// The keys of a range as it is read: the addresses of each, newest first.
    fn read(&self, lower: Bound<&[u8]>, upper: Bound<&[u8]>, way: Way) -> Vec<Vec<Address>> {
        let mut cursor = self.runs.cursor(&self.log, lower, upper, way);
        let mut groups: Vec<Vec<Address>> = Vec::new();
        while let Some(row) = cursor.next(&self.runs, &self.log).unwrap() {
            match groups.last_mut() {
                Some(group) if row.same_key_as_before => group.push(row.address),
                _ => groups.push(vec![row.address]),
            }
        }
        groups
    }

    fn check(&self, lower: Bound<&[u8]>, upper: Bound<&[u8]>, way: Way) {
        let groups = self.read(lower, upper, way);
        let mut seen = Vec::new();
        for group in &groups {
            let sound: Vec<_> = group.iter().filter(|address| !self.damaged.contains(address)).collect();
            let keys: BTreeSet<_> = sound.iter().map(|address| &self.keys[address]).collect();
            assert!(keys.len() <= 1, "versions of {keys:?} side by side");
            let Some(key) = keys.first() else { continue };
            seen.push((*key).clone());
            if !self.damaged.contains(&group[0]) {
                assert_eq!(group[0], self.versions[*key][0], "an older version of {key:?} shows");
            }
            assert!(sound.is_sorted_by(|newer, older| newer > older), "{key:?}: {group:?}");
        }
        if way == Way::Backward {
            seen.reverse();
        }
        assert!(seen.is_sorted_by(|key, next| key < next), "out of order: {seen:?}");
        let rows: BTreeSet<_> = groups.concat().into_iter().collect();
        let is_above = |key: &[u8]| match lower {
            Bound::Included(lower) => key >= lower,
            Bound::Excluded(lower) => key > lower,
            Bound::Unbounded => true,
        };
        let is_below = |key: &[u8]| match upper {
            Bound::Included(upper) => key <= upper,
            Bound::Excluded(upper) => key < upper,
            Bound::Unbounded => true,
        };
        for (key, versions) in self.versions.iter().filter(|(key, _)| is_above(key) && is_below(key)) {
            assert!(versions.iter().all(|address| rows.contains(address)), "{key:?} is missing");
        }
        assert!(seen.iter().all(|key| is_above(key) && is_below(key)), "outside: {seen:?}");
    }

    fn check_all(&self, dice: &mut Dice) {
        let keys: Vec<_> = self.versions.keys().collect();
        for way in [Way::Forward, Way::Backward] {
            self.check(Bound::Unbounded, Bound::Unbounded, way);
            for _ in 0..8 {
                let bound = |dice: &mut Dice| {
                    let key = &keys[dice.roll(keys.len())][..];
                    if dice.roll(2) == 0 { Bound::Included(key) } else { Bound::Excluded(key) }
                };
                self.check(bound(dice), bound(dice), way);
                self.check(Bound::Unbounded, bound(dice), way);
                self.check(bound(dice), Bound::Unbounded, way);
            }
        }
        for (key, versions) in &self.versions {
            let found: Vec<_> = self.runs.find(key, &self.log).into_iter().map(|found| found.0).collect();
            let first = found.first().unwrap();
            assert!(self.damaged.contains(first) || *first == versions[0], "an older version of {key:?}");
            assert!(versions.iter().all(|version| found.contains(version)), "{key:?}: {found:?}");
        }
    }
}

#[test]
fn nothing_old_shows_and_nothing_is_lost_where_entries_are_damaged() {
    for shape in SHAPES {
        for seed in 0..30 {
            let mut dice = Dice(seed);
            let mut rotting = Rotting::default();
            let (variety, most) = if seed % 3 == 0 { (400, 150) } else { (12, 6) };
            for round in 0..9 {
                let count = 1 + dice.roll(most);
                let keys = (0..count).map(|_| shape.key(&mut dice, variety)).collect();
                rotting.push(&keys);
                if round > 2 {
                    rotting.damage(&mut dice, 1 + count / 8);
                    rotting.check_all(&mut dice);
                }
                // Ends although some runs cannot be merged.
                while rotting.runs.maintain(&rotting.log, &KeepAll, Effort::Due) {}
            }
            while rotting.runs.maintain(&rotting.log, &KeepAll, Effort::Settle) {}
            rotting.check_all(&mut dice);
        }
    }
}

#[test]
fn a_list_with_damaged_runs_stays_short() {
    let mut dice = Dice(5);
    let mut rotting = Rotting::default();
    let keys: BTreeSet<Vec<u8>> = (0..40)
        .map(|number| format!("group {} of many keys, number {number}", number % 3).into_bytes())
        .collect();
    for round in 0..600 {
        rotting.push(&keys.iter().filter(|_| dice.roll(3) == 0).cloned().collect());
        if round == 7 {
            rotting.damage(&mut dice, 20);
        }
    }
    while rotting.runs.maintain(&rotting.log, &KeepAll, Effort::Settle) {}
    let runs = rotting.runs.size().runs;
    assert!((2..48).contains(&runs), "{runs} runs");
    rotting.check_all(&mut dice);
}
