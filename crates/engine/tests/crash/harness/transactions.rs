//! Transactions amid everything else: some are open while commits, compactions and expiries go on, and what the model says of
//! what they read decides whether they may commit.

use pentad_engine::seams::sim::Rng;
use pentad_engine::{Durability, ErrorKind, Transaction};

use super::history::History;
use super::model::State;
use super::program::step;
use super::request::{Change, End, Request};
use super::scenarios::{finish, world_of};
use super::world::{Cut, World};

/// A transaction and what the model knows of it.
struct Open {
    transaction: Transaction,
    begun_at: u64,
    keys: Vec<Vec<u8>>,
    /// Both ends included.
    ranges: Vec<(Vec<u8>, Vec<u8>)>,
    changes: Vec<Change>,
}

impl Open {
    fn begin(world: &World) -> Self {
        let transaction =
            world.store().transaction().unwrap_or_else(|error| panic!("{}: {error}", world.context()));
        let begun_at = world.past.sequence();
        assert_eq!(transaction.sequence().0, begun_at, "{}", world.context());
        Self { transaction, begun_at, keys: Vec::new(), ranges: Vec::new(), changes: Vec::new() }
    }

    /// Reads or writes something, and compares what it reads with what was there when it began.
    fn go_on(&mut self, world: &World, rng: &mut Rng) {
        let key = some_key(rng);
        let began = world.past.state_at(self.begun_at);
        let now = world.past.latest_ns;
        match rng.index(4) {
            0 => {
                let read =
                    self.transaction.get(&key).unwrap_or_else(|error| panic!("{}: {error}", world.context()));
                if !self.writes(&key) {
                    // An entry that ends meanwhile may be seen or not; that one was there is known all the same.
                    let held = began.keyed.get(&key).filter(|entry| entry.deadline.is_none());
                    if let Some(held) = held {
                        assert_eq!(read.as_deref(), Some(&held.value[..]), "{}: {key:?}", world.context());
                    }
                    self.keys.push(key);
                }
            }
            1 => {
                let to = some_key(rng);
                let (from, to) = if key <= to { (key, to) } else { (to, key) };
                let rows = self.transaction.range(from.clone()..=to.clone()).count();
                let plain = began.rows(now).filter(|(key, entry)| {
                    entry.deadline.is_none() && **key >= from && **key <= to && !self.writes(key)
                });
                assert!(rows >= plain.count(), "{}: rows from {from:?} to {to:?}", world.context());
                self.ranges.push((from, to));
            }
            2 => {
                self.transaction.delete(&key);
                self.changes.retain(|change| !changes_key(change, &key));
                self.changes.push(Change::Delete { key });
            }
            _ => {
                let value = vec![b't'; rng.index(40)];
                self.transaction.put(&key, value.clone());
                self.changes.retain(|change| !changes_key(change, &key));
                self.changes.push(Change::Put { key, value: value.into(), end: End::Never });
            }
        }
    }

    fn writes(&self, key: &[u8]) -> bool {
        self.changes.iter().any(|change| changes_key(change, key))
    }

    /// Whether something that it read has changed.
    fn is_overtaken(&self, past: &History) -> bool {
        let version = |state: &State, key: &[u8]| state.keyed.get(key).map(|entry| entry.stamp);
        (self.begun_at + 1..=past.sequence()).any(|sequence| {
            let (before, after) = (past.state_at(sequence - 1), past.state_at(sequence));
            let touched = |key: &[u8]| version(before, key) != version(after, key);
            self.keys.iter().any(|key| touched(key))
                || self.ranges.iter().any(|(from, to)| {
                    let mut keys = before.keyed.keys().chain(after.keyed.keys());
                    keys.any(|key| key >= from && key <= to && touched(key))
                })
        })
    }

    fn commit(mut self, world: &mut World) {
        let context = format!("{}, transaction begun at {}", world.context(), self.begun_at);
        // In key order, as a transaction writes.
        self.changes.sort_by_key(|change| match change {
            Change::Put { key, .. } | Change::Delete { key } => key.clone(),
            _ => Vec::new(),
        });
        let is_overtaken = self.is_overtaken(&world.past) && !self.changes.is_empty();
        let is_first = self.begun_at == world.past.sequence();
        let request = Request::of(Durability::Disk, self.changes);
        self.transaction.durability(Durability::Disk);
        let transaction = self.transaction;
        let mut conflict = false;
        let result = world.commit_by(&request, |_| {
            transaction.commit().map_err(|error| {
                conflict = error.kind() == ErrorKind::Conflict;
                error.into()
            })
        });
        match result {
            Err(_) if conflict => assert!(!is_first, "{context}: a conflict with nobody: {request}"),
            Err(stop) => panic!("{context}: {stop}"),
            Ok(()) => {
                assert!(!is_overtaken, "{context}: it committed over a change of what it read: {request}")
            }
        }
    }
}

fn changes_key(change: &Change, wanted: &[u8]) -> bool {
    matches!(change, Change::Put { key, .. } | Change::Delete { key } if key == wanted)
}

/// One of the few keys that programs use as well.
fn some_key(rng: &mut Rng) -> Vec<u8> {
    vec![b'a' + u8::try_from(rng.index(6)).expect("a small number")]
}

/// Transactions that overlap with commits, compaction and each other, and a cut of the power in the end.
pub(crate) fn transactions(seed: u64) {
    let (mut world, mix) = world_of(seed);
    let mut rng = Rng::new(seed ^ 0x7a4e);
    world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    let mut open: Vec<Open> = Vec::new();
    let mut handle = world.store().clone();
    for _ in 0..60 {
        if !world.store().same_store(&handle) {
            // It was closed and opened again, which ends what was under way.
            open.clear();
            handle = world.store().clone();
        }
        match rng.index(6) {
            0 if open.len() < 4 => open.push(Open::begin(&world)),
            1 if !open.is_empty() => open.swap_remove(rng.index(open.len())).commit(&mut world),
            2 => {
                // Commits that hit what the transactions read.
                let key = some_key(&mut rng);
                let request = if rng.chance(500) {
                    Request::put(Durability::Os, key, b"between")
                } else {
                    Request::delete(Durability::Os, key)
                };
                world.commit(&request).unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
            }
            3 => step(&mut world, mix).unwrap_or_else(|stop| panic!("{}: {stop}", world.context())),
            _ => {
                for transaction in &mut open {
                    transaction.go_on(&world, &mut rng);
                }
            }
        }
    }
    if world.store().same_store(&handle) {
        open.into_iter().for_each(|transaction| transaction.commit(&mut world));
    }
    drop(handle);
    world.cut(if rng.chance(500) { Cut::Power } else { Cut::Kill });
    world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    finish(&mut world);
}
