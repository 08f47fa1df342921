//! What the parent knows of a store over many rounds, and the comparison with what is there.
//!
//! Invariant: a step that was told is expected, and of those that were not, only the one that its thread was at may be
//! there, whole.

use std::collections::BTreeSet;
use std::path::Path;

use bytes::Bytes;
use pentad_engine::{CommitRecord, Sequence, Store, Value};

use super::process::Told;
use super::program::{COUNTER, Change, Model, SHORT_LIFE, Step, THREADS, prefix};
use crate::health::{self, Rows, difference};

/// The history of one store.
#[derive(Debug)]
pub(crate) struct Past {
    seed: u64,
    models: Vec<Model>,
    count: u64,
    sequence: u64,
    floor: u64,
}

impl Past {
    /// Of a store that does not exist yet.
    pub(crate) fn new(seed: u64) -> Self {
        let models = vec![Model::new(); usize::try_from(THREADS).unwrap()];
        Self { seed, models, count: 0, sequence: 0, floor: 1 }
    }

    /// Looks at the store that a killed child left behind, and takes what it finds for the past of the next round. Where
    /// `recover`, the store is opened for writing and closed; otherwise the next child meets it as it is.
    pub(crate) fn check(&mut self, path: &Path, round: u64, told: &Told, recover: bool) {
        let context = &format!("seed {}, round {round}", self.seed);
        if !path.exists() {
            assert!(!told.opened && self.sequence == 0, "{context}: the store is gone");
            return;
        }
        std::thread::sleep(SHORT_LIFE);
        health::verify(path, context);
        let options = super::options();
        let store = if recover {
            health::open(path, &options, context)
        } else {
            options.open_read_only(path).unwrap_or_else(|error| panic!("{context}: open: {error}"))
        };
        self.check_rows(&store, round, told, context);
        self.check_counter(&store, round, told, context);
        self.check_batch_log(&store, round, told, context);
        if recover {
            health::no_orphans(&store, context);
        }
        store.close().unwrap_or_else(|error| panic!("{context}: close: {error}"));
        if recover {
            assert!(!health::verify(path, context), "{context}: recovery left an unfinished write");
        }
    }

    fn step(&self, round: u64, thread: usize, number: usize) -> Step {
        Step::of(self.seed, round, thread as u64, number as u64)
    }

    /// Each thread stands where it was told to be, or one step on.
    fn check_rows(&mut self, store: &Store, round: u64, told: &Told, context: &str) {
        for (thread, steps) in told.steps.iter().enumerate() {
            let mut model = self.models[thread].clone();
            for number in 1..=steps.len() {
                self.step(round, thread, number).apply(&mut model);
            }
            let found = health::rows(store, &prefix(thread as u64), context);
            let told_rows = rows_of(&model);
            if let Some(before) = difference(&told_rows, &found) {
                self.step(round, thread, steps.len() + 1).apply(&mut model);
                if let Some(after) = difference(&rows_of(&model), &found) {
                    panic!(
                        "{context}: thread {thread} was told {} steps; compared with these, {before}; with one more, {after}",
                        steps.len()
                    );
                }
            }
            for (key, (_, expires)) in &model {
                let info = store.entry_info(key).unwrap().expect("its row was read");
                assert_eq!(info.deadline.is_some(), *expires, "{context}: the deadline of {key}");
            }
            self.models[thread] = model;
        }
    }

    fn check_counter(&mut self, store: &Store, round: u64, told: &Told, context: &str) {
        let (mut least, mut most) = (self.count, self.count);
        for (thread, steps) in told.steps.iter().enumerate() {
            let counted =
                (1..=steps.len()).filter(|number| self.step(round, thread, *number).counts()).count();
            least += counted as u64;
            most += counted as u64 + u64::from(self.step(round, thread, steps.len() + 1).counts());
        }
        let found = store.get(COUNTER).unwrap().map_or(0, |value| {
            std::str::from_utf8(&value)
                .unwrap()
                .parse::<u64>()
                .unwrap_or_else(|_| panic!("{context}: {value:?}"))
        });
        assert!((least..=most).contains(&found), "{context}: counted {found}, told {least} to {most}");
        self.count = found;
    }

    /// The retained commits follow one another from a floor that was asked for to the last one, and hold what was told.
    fn check_batch_log(&mut self, store: &Store, round: u64, told: &Told, context: &str) {
        let last = store.sequence().0;
        let highest = told.steps.iter().flatten().copied().max().unwrap_or(0).max(self.sequence);
        assert!(last >= highest, "{context}: the store is at {last}, {highest} was told");
        assert!(
            last <= highest + THREADS,
            "{context}: the store is at {last}, more than each thread's next step after {highest}"
        );
        let oldest = store.oldest_batch().map_or(last + 1, |oldest| oldest.0);
        let (least, most) = (self.floor.max(told.floors.0), self.floor.max(told.floors.1));
        assert!(
            (least..=most).contains(&oldest),
            "{context}: the oldest commit is {oldest}, not {least} to {most}"
        );

        let mut expected = oldest;
        let mut records = Vec::new();
        for record in store.commits(Sequence(oldest)).unwrap() {
            let record = record.unwrap_or_else(|error| panic!("{context}: commit {expected}: {error}"));
            assert_eq!(record.sequence.0, expected, "{context}: a hole in the batch log");
            expected += 1;
            records.push(record);
        }
        assert_eq!(expected, last + 1, "{context}: the batch log ends early");

        let mut seen = BTreeSet::new();
        for (thread, steps) in told.steps.iter().enumerate() {
            for (number, sequence) in (1..).zip(steps).filter(|(_, sequence)| **sequence > 0) {
                assert!(seen.insert(*sequence), "{context}: commit {sequence} was told twice");
                assert!(*sequence > self.sequence, "{context}: commit {sequence} was there before the round");
                let Some(index) = sequence.checked_sub(oldest) else { continue };
                let record = &records[usize::try_from(index).unwrap()];
                assert!(
                    is_of(record, &self.step(round, thread, number)),
                    "{context}: commit {sequence} is not step {number} of thread {thread}"
                );
            }
        }
        self.sequence = last;
        self.floor = oldest;
    }
}

fn rows_of(model: &Model) -> Rows {
    model.iter().map(|(key, (content, _))| (key.clone().into_bytes(), content.bytes())).collect()
}

/// Whether a commit did what a step says. A key that was absent is not deleted, so deletes may be missing.
fn is_of(record: &CommitRecord, step: &Step) -> bool {
    let Step::Changes(changes, _) = step else {
        return matches!(&record.changes[..], [(key, Some(_))] if key == COUNTER);
    };
    let mut recorded = record.changes.iter().peekable();
    for (key, change) in changes {
        let this = recorded.next_if(|(recorded, _)| recorded == key.as_bytes());
        let value: Option<&(Bytes, Option<Value>)> = this;
        let agrees = match (change, value) {
            (Change::Delete, None | Some((_, None))) => true,
            (
                Change::Put(content)
                | Change::PutForLong(content)
                | Change::PutForShort(content, _)
                | Change::PutStream(content),
                Some((_, Some(value))),
            ) => **value == content.bytes()[..],
            _ => false,
        };
        if !agrees {
            return false;
        }
    }
    recorded.next().is_none()
}
