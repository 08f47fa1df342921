//! Commits with system entries, and commits of nothing else, cut off at any moment: what is left is what some number of them
//! made, whole, user keys and system entries alike.
//!
//! Invariant: how far the store came is read from one system entry, and everything else has to agree with it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use pentad_engine::seams::sim::{Part, PendingPart, Rng, SimClock, SimDisk, SimRandom};
use pentad_engine::seams::{Environment, StoppedClock};
use pentad_engine::{Batch, Durability, Options, Outcome, Retention, Store, Timestamp};

use super::world::STORE;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Where the store says how many commits it has taken.
const APPLIED: &str = "applied";
/// Where it says what sequence the last commit of user keys took.
const SEQUENCE: &str = "sequence";

/// In how many ways the power is cut at the end of each round.
const CUTS: u64 = 6;
const SECTOR_BYTES: u64 = 512;

/// What a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    keys: Rows,
    system: Rows,
    sequence: u64,
    time_ns: u64,
}

/// A commit, written out.
struct Step {
    keys: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    system: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    at_ns: u64,
    durability: Durability,
}

impl Step {
    fn random(rng: &mut Rng, before_ns: u64) -> Self {
        let name = |rng: &mut Rng, kind: &str| format!("{kind} {}", rng.below(5)).into_bytes();
        let value = |rng: &mut Rng| {
            let mut value = vec![0; if rng.chance(100) { 1_500 } else { 1 + rng.index(40) }];
            rng.fill(&mut value);
            rng.chance(750).then_some(value)
        };
        let keys = if rng.chance(400) { 0 } else { 1 + rng.below(3) };
        let keys = (0..keys).map(|_| (name(rng, "key"), value(rng))).collect();
        let system = (0..rng.below(3)).map(|_| (name(rng, "entry"), value(rng))).collect();
        let durability = if rng.chance(400) { Durability::Disk } else { Durability::Os };
        Self { keys, system, at_ns: before_ns + rng.below(3), durability }
    }

    fn batch(&self, number: u64) -> Batch {
        let mut batch = Batch::new();
        batch.durability(self.durability).at(Timestamp(self.at_ns));
        for (key, value) in &self.keys {
            match value {
                Some(value) => batch.put(key, value.as_slice()),
                None => batch.delete(key),
            };
        }
        for (key, value) in &self.system {
            match value {
                Some(value) => batch.put_system(key, value),
                None => batch.delete_system(key),
            };
        }
        batch.put_system(APPLIED, number.to_string());
        batch.put_system_with(SEQUENCE, |outcome: &Outcome| format!("{:?}", outcome.sequence).into_bytes());
        batch
    }

    fn apply(&self, number: u64, state: &mut State) {
        let change = |rows: &mut Rows, key: &Vec<u8>, value: &Option<Vec<u8>>| match value {
            Some(value) => rows.insert(key.clone(), value.clone()).is_none_or(|_| true),
            None => rows.remove(key).is_some(),
        };
        let mut is_changed = false;
        for (key, value) in &self.keys {
            is_changed |= change(&mut state.keys, key, value);
        }
        for (key, value) in &self.system {
            change(&mut state.system, key, value);
        }
        state.sequence += u64::from(is_changed);
        let taken = is_changed.then_some(pentad_engine::Sequence(state.sequence));
        state.system.insert(APPLIED.into(), number.to_string().into_bytes());
        state.system.insert(SEQUENCE.into(), format!("{taken:?}").into_bytes());
        state.time_ns = state.time_ns.max(self.at_ns);
    }
}

fn environment(disk: &SimDisk, seed: u64) -> Environment {
    Environment {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(StoppedClock::over(Arc::new(SimClock::new(77)))),
        random: Arc::new(SimRandom::new(seed)),
        background: false,
    }
}

fn options(disk: &SimDisk, seed: u64) -> Options {
    let checkpoint_bytes = if seed.is_multiple_of(3) { u64::MAX } else { 0 };
    let retention = if seed.is_multiple_of(2) { Retention::Commits(3) } else { Retention::Commits(0) };
    Options::new()
        .segment_bytes(4096)
        .checkpoint_bytes(checkpoint_bytes)
        .retention(retention)
        .environment(environment(disk, seed))
}

fn state_of(store: &Store, context: &str) -> State {
    let fail = |error: pentad_engine::Error| -> ! { panic!("{context}: {error}") };
    let keys = store.range::<&[u8]>(..).map(|row| row.unwrap_or_else(|error| fail(error)));
    let keys: Rows = keys.map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    let system = store.system_entries("").unwrap_or_else(|error| fail(error));
    let system: Rows = system.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    for (key, value) in &system {
        let read = store.get_system(key).unwrap_or_else(|error| fail(error));
        assert_eq!(read.as_deref(), Some(&value[..]), "{context}: {key:?} by itself");
        assert!(store.get(key).unwrap_or_else(|error| fail(error)).is_none(), "{context}: {key:?} as a key");
    }
    assert_eq!(store.len(), keys.len() as u64, "{context}: keys are counted alone");
    State { keys, system, sequence: store.sequence().0, time_ns: store.now().0 }
}

/// The states after each of the commits, the empty one first.
struct Past(Vec<State>);

impl Past {
    fn take(&mut self, step: &Step) {
        let mut state = self.last().clone();
        step.apply(self.0.len() as u64, &mut state);
        self.0.push(state);
    }

    fn last(&self) -> &State {
        &self.0[self.0.len() - 1]
    }

    /// Demands that the store holds one of the states in `range`, and goes on from it.
    fn settle(&mut self, store: &Store, range: RangeInclusive<usize>, context: &str) {
        let held = state_of(store, context);
        let applied = held.system.get(APPLIED.as_bytes()).map_or(0, |number| {
            let text = std::str::from_utf8(number).expect("digits");
            text.parse().expect("a number")
        });
        assert!(range.contains(&applied), "{context}: {applied} commits, and {range:?} were possible");
        assert_eq!(held, self.0[applied], "{context}: what {applied} commits made");
        self.0.truncate(applied + 1);
    }
}

/// The disk after a power cut that found a write half done, and everything before it.
fn in_the_middle(disk: &SimDisk, rng: &mut Rng) -> SimDisk {
    let place = |part: &PendingPart| match part.part {
        Part::Data { offset, .. } => (part.operation, offset),
        Part::Length { .. } | Part::Name => (part.operation, 0),
    };
    let pending = disk.pending(SECTOR_BYTES);
    let cut = pending.get(rng.index(pending.len().max(1))).map(place);
    disk.crash_exact(SECTOR_BYTES, &mut |part| cut.is_none_or(|cut| place(part) < cut))
}

fn care(store: &Store, rng: &mut Rng) -> Result<(), pentad_engine::Error> {
    match rng.below(4) {
        0 => store.prune(store.sequence()).map(drop),
        1 => store.compact().map(drop),
        2 => store.maintain(),
        _ => store.checkpoint(),
    }
}

/// See the module.
pub(crate) fn system_entries(seed: u64) {
    let mut rng = Rng::new(seed ^ 0x5e5);
    let mut disk = SimDisk::new(seed);
    let mut past = Past(vec![State::default()]);
    for round in 0..4 {
        let context = format!("seed {seed}, round {round}");
        let opened = options(&disk, seed).open(STORE);
        let store = opened.unwrap_or_else(|error| panic!("{context}: {error}"));
        let newest = past.0.len() - 1;
        past.settle(&store, newest..=newest, &context);
        // What was found at an open is durable.
        let mut durable = newest;
        if rng.chance(700) {
            disk.fail_after(disk.operations() + rng.below(60));
        }
        for _ in 0..25 {
            let step = Step::random(&mut rng, past.last().time_ns);
            let committed = store.commit(step.batch(past.0.len() as u64));
            past.take(&step);
            let Ok(outcome) = committed else { break };
            let expected = past.last().sequence;
            let took = outcome.sequence.map_or(expected, |sequence| sequence.0);
            assert_eq!(took, expected, "{context}: sequence");
            if step.durability == Durability::Disk {
                durable = past.0.len() - 1;
            }
            if rng.chance(150) && care(&store, &mut rng).is_err() {
                break;
            }
            if rng.chance(100) {
                assert_eq!(state_of(&store, &context), *past.last(), "{context}: while open");
            }
        }
        let is_closed = rng.chance(300) && store.close().is_ok();
        drop(store);
        if is_closed {
            durable = past.0.len() - 1;
        }
        for n in 0..CUTS {
            let after = if n % 2 == 0 { disk.crash(rng.bits()) } else { in_the_middle(&disk, &mut rng) };
            let opened = options(&after, seed + n).open(STORE);
            let store = opened.unwrap_or_else(|error| panic!("{context}, cut {n}: {error}"));
            let mut past = Past(past.0.clone());
            past.settle(&store, durable..=past.0.len() - 1, &format!("{context}, cut {n}"));
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
