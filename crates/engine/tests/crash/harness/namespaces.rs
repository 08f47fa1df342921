//! Commits over several namespaces, and drops of them, cut off at any moment: what is left is what some number of them made,
//! whole and in every namespace, and nothing of what was dropped comes back.
//!
//! Invariant: how far the store came is read from one system entry, and everything else has to agree with it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::{Rng, SimClock, SimDisk, SimRandom};
use pentad_engine::{Batch, Durability, Error, Options, Retention, Snapshot, Store};

use super::world::STORE;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

const NAMES: [&str; 3] = ["one", "two", "three"];
const APPLIED: &str = "applied";

/// What a store holds, by the names of its namespaces; `""` is its own keyspace.
type State = BTreeMap<String, Rows>;

enum Change {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    DeleteFrom(Vec<u8>),
}

/// A commit, written out: changes of keys, and after them the name that is dropped.
struct Step {
    changes: Vec<(&'static str, Change)>,
    drops: Option<&'static str>,
    durability: Durability,
}

impl Step {
    fn random(rng: &mut Rng) -> Self {
        let changes = (0..1 + rng.below(4)).map(|_| {
            let name = if rng.chance(200) { "" } else { NAMES[rng.index(NAMES.len())] };
            let key = format!("key {}", rng.below(8)).into_bytes();
            let change = match rng.below(8) {
                0 => Change::DeleteFrom(key),
                1 | 2 => Change::Delete(key),
                _ => {
                    let mut value = vec![0; if rng.chance(100) { 1_500 } else { 1 + rng.index(60) }];
                    rng.fill(&mut value);
                    Change::Put(key, value)
                }
            };
            (name, change)
        });
        let changes = changes.collect();
        let drops = rng.chance(150).then(|| NAMES[rng.index(NAMES.len())]);
        let durability = if rng.chance(400) { Durability::Disk } else { Durability::Os };
        Self { changes, drops, durability }
    }

    fn commit(&self, store: &Store, number: usize) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.durability(self.durability).put_system(APPLIED, number.to_string());
        for (name, change) in &self.changes {
            let handle = if name.is_empty() { store.own_keyspace() } else { store.namespace(name)? };
            batch.within(&handle);
            match change {
                Change::Put(key, value) => batch.put(key, value.as_slice()),
                Change::Delete(key) => batch.delete(key),
                Change::DeleteFrom(key) => batch.delete_range(key.as_slice()..),
            };
        }
        if let Some(name) = self.drops {
            batch.drop_namespace(name);
        }
        store.commit(batch).map(drop)
    }

    fn apply(&self, state: &mut State) {
        for (name, change) in &self.changes {
            let rows = state.entry((*name).to_owned()).or_default();
            match change {
                Change::Put(key, value) => drop(rows.insert(key.clone(), value.clone())),
                Change::Delete(key) => drop(rows.remove(key)),
                Change::DeleteFrom(key) => rows.retain(|held, _| held < key),
            }
        }
        if let Some(name) = self.drops {
            state.remove(name);
        }
    }
}

fn options(disk: &SimDisk, seed: u64) -> Options {
    let environment = Environment {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(SimClock::new(77)),
        random: Arc::new(SimRandom::new(seed)),
        background: false,
    };
    Options::new()
        .segment_bytes(4096)
        .checkpoint_bytes(if seed.is_multiple_of(3) { u64::MAX } else { 0 })
        .retention(if seed.is_multiple_of(2) { Retention::Commits(3) } else { Retention::Commits(0) })
        .environment(environment)
}

fn rows_of(rows: pentad_engine::Range, context: &str) -> Rows {
    let row = |row: Result<(_, pentad_engine::Value), Error>| {
        let (key, value): (bytes::Bytes, _) = row.unwrap_or_else(|error| panic!("{context}: {error}"));
        (key.to_vec(), value.to_vec())
    };
    rows.map(row).collect()
}

/// What the store holds; a namespace that is registered and empty counts as one that is not there.
fn state_of(store: &Store, context: &str) -> State {
    let mut state = State::from([(String::new(), rows_of(store.range::<&[u8]>(..), context))]);
    for name in store.namespaces() {
        let handle = store.find_namespace(&name).unwrap_or_else(|error| panic!("{context}: {error}"));
        let handle = handle.unwrap_or_else(|| panic!("{context}: {name} is listed and not there"));
        let rows = rows_of(handle.range::<&[u8]>(..), context);
        assert_eq!(handle.len(), rows.len() as u64, "{context}: keys of {name}");
        for (key, value) in &rows {
            let read = handle.get(key).unwrap_or_else(|error| panic!("{context}: {error}"));
            assert_eq!(read.as_deref(), Some(&value[..]), "{context}: {key:?} of {name} by itself");
        }
        state.insert(name, rows);
    }
    assert_eq!(store.len(), state[""].len() as u64, "{context}: own keys are counted alone");
    plain(state)
}

fn plain(mut state: State) -> State {
    state.retain(|_, rows| !rows.is_empty());
    state
}

/// The states after each of the commits, the empty one first.
struct Past(Vec<State>);

impl Past {
    fn settle(&mut self, store: &Store, range: RangeInclusive<usize>, context: &str) {
        let applied = store.get_system(APPLIED).unwrap_or_else(|error| panic!("{context}: {error}"));
        let applied: usize = applied.map_or(0, |number| {
            let text = std::str::from_utf8(&number).expect("digits");
            text.parse().expect("a number")
        });
        assert!(range.contains(&applied), "{context}: {applied} commits, and {range:?} were possible");
        let held = state_of(store, context);
        assert_eq!(held, plain(self.0[applied].clone()), "{context}: what {applied} commits made");
        self.0.truncate(applied + 1);
    }
}

/// A snapshot of one namespace, and what it has to see as long as it is held.
type View = (Snapshot, Rows);

fn care(store: &Store, rng: &mut Rng) -> Result<(), Error> {
    match rng.below(4) {
        0 => store.prune(store.sequence()).map(drop),
        1 => store.compact().map(drop),
        2 => store.maintain(),
        _ => store.checkpoint(),
    }
}

/// One life of a store, until it is cut off; returns how many of the commits are durable.
fn live(store: &Store, past: &mut Past, rng: &mut Rng, context: &str) -> usize {
    let mut durable = past.0.len() - 1;
    let mut views: Vec<View> = Vec::new();
    for _ in 0..25 {
        let step = Step::random(rng);
        let number = past.0.len();
        let committed = step.commit(store, number);
        let mut state = past.0[number - 1].clone();
        step.apply(&mut state);
        past.0.push(state);
        if committed.is_err() {
            break;
        }
        if step.durability == Durability::Disk {
            durable = number;
        }
        if rng.chance(250) {
            let name = NAMES[rng.index(NAMES.len())];
            if let Ok(Some(handle)) = store.find_namespace(name)
                && let Ok(snapshot) = handle.snapshot()
            {
                views.push((snapshot, past.0[number].get(name).cloned().unwrap_or_default()));
            }
        }
        if rng.chance(200) && care(store, rng).is_err() {
            break;
        }
        for (snapshot, rows) in &views {
            assert_eq!(rows_of(snapshot.range::<&[u8]>(..), context), *rows, "{context}: a snapshot");
            for (key, value) in rows {
                let read = snapshot.get(key).unwrap_or_else(|error| panic!("{context}: {error}"));
                assert_eq!(read.as_deref(), Some(&value[..]), "{context}: {key:?} in a snapshot");
            }
        }
        if views.len() > 2 {
            views.remove(rng.index(views.len()));
        }
        if rng.chance(100) {
            assert_eq!(state_of(store, context), plain(past.0[number].clone()), "{context}: while open");
        }
    }
    durable
}

/// See the module.
pub(crate) fn namespaces(seed: u64) {
    let mut rng = Rng::new(seed ^ 0x3a3e);
    let mut disk = SimDisk::new(seed);
    let mut past = Past(vec![State::default()]);
    for round in 0..4 {
        let context = format!("seed {seed}, round {round}");
        let opened = options(&disk, seed).open(STORE);
        let store = opened.unwrap_or_else(|error| panic!("{context}: {error}"));
        let newest = past.0.len() - 1;
        past.settle(&store, newest..=newest, &context);
        if rng.chance(700) {
            disk.fail_after(disk.operations() + rng.below(60));
        }
        let mut durable = live(&store, &mut past, &mut rng, &context);
        let is_closed = rng.chance(300) && store.close().is_ok();
        drop(store);
        if is_closed {
            durable = past.0.len() - 1;
        }
        disk = if is_closed { disk.kill() } else { disk.crash(rng.bits()) };
        let opened = options(&disk, seed).open(STORE);
        let store = opened.unwrap_or_else(|error| panic!("{context}, after the cut: {error}"));
        past.settle(&store, durable..=past.0.len() - 1, &context);
        let report = store.verify(&mut |_| ()).unwrap_or_else(|error| panic!("{context}: {error}"));
        assert!(report.damage.is_empty(), "{context}: {:?}", report.damage);
        store.close().unwrap_or_else(|error| panic!("{context}: {error}"));
    }
}
