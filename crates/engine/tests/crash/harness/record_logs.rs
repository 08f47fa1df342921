//! A record log on a simulated disk, together with all that it may hold.
//!
//! Invariant: after every call the log shows what the model shows; after a cut and an open it holds what it held after one of the
//! last calls, of a call that appends perhaps a beginning, and none of those whose callback was called is missing. Small records that
//! nobody waits for may be missing there, but not behind a call that takes records away: they may be about these.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::{Rng, SimClock, SimDisk, SimRandom};
use pentad_engine::{Error, RecordLog, RecordLogOptions};

/// Where the log is.
pub(crate) const LOG: &str = "/log";

/// What a log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) floor: u64,
    pub(crate) next: u64,
    pub(crate) records: BTreeMap<u64, Bytes>,
    pub(crate) small: BTreeMap<String, Bytes>,
}

/// A call that changes a log.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Append(u64, Vec<Bytes>),
    TruncateAfter(Option<u64>),
    Purge(u64),
    Small(&'static str, Bytes),
    SmallLater(&'static str, Bytes),
}

impl Held {
    fn purge_below(&mut self, floor: u64) {
        if floor > self.floor {
            self.floor = floor;
            self.next = self.next.max(floor);
            self.records = self.records.split_off(&floor);
        }
    }

    /// What may be there when the call was cut off, the last one being what it leads to.
    fn steps(&self, call: &Call) -> Vec<Self> {
        let mut steps = Vec::new();
        let mut held = self.clone();
        match call {
            Call::Append(first, records) => {
                if *first > held.next {
                    held.purge_below(*first);
                    steps.push(held.clone());
                }
                for (number, record) in (*first..).zip(records) {
                    held.records.insert(number, record.clone());
                    held.next = number + 1;
                    steps.push(held.clone());
                }
                // With nothing to append it is a barrier.
                if steps.is_empty() {
                    steps.push(held);
                }
                return steps;
            }
            Call::TruncateAfter(last) => {
                let first = last.map_or(held.floor, |last| last + 1);
                held.records.split_off(&first);
                held.next = held.next.min(first);
            }
            Call::Purge(through) => held.purge_below(through + 1),
            Call::Small(key, value) | Call::SmallLater(key, value) => {
                held.small.insert((*key).to_owned(), value.clone());
            }
        }
        steps.push(held);
        steps
    }
}

/// What an open log shows.
pub(crate) fn shown(log: &RecordLog, context: &str) -> Held {
    let records = log.read(0..u64::MAX, u64::MAX).unwrap_or_else(|error| panic!("{context}: {error}"));
    let small = |key: &&str| Some(((*key).to_owned(), log.small(key.as_bytes())?));
    let floor = log.purged().map_or(0, |purged| purged + 1);
    let next = log.last_index().map_or(floor, |last| last + 1);
    let held = Held {
        floor,
        next,
        records: records.into_iter().collect(),
        small: KEYS.iter().filter_map(small).collect(),
    };
    let whole = (floor..next).eq(held.records.keys().copied());
    assert!(whole, "{context}: {floor}..{next} has a hole: {:?}", held.records.keys());
    held
}

const KEYS: [&str; 3] = ["vote", "committed", "purged"];

/// Which small records cannot be older than a state says, if that one is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Firm {
    None,
    /// That of this key, which somebody waits for.
    Of(&'static str),
    All,
}

/// The number of the state that a call leads to, and what its callback has heard.
type Answer = (u64, Result<(), Error>);

pub(crate) struct LogWorld {
    pub(crate) rng: Rng,
    pub(crate) disk: SimDisk,
    pub(crate) segment_bytes: u64,
    pub(crate) recent_bytes: u64,
    seed: u64,
    opens: u64,
    /// No two opens draw the same numbers.
    environments: Cell<u64>,
    pub(crate) log: Option<RecordLog>,
    created: bool,
    /// Every state since the last that was acknowledged, that one first, each with the small records that are written when it is
    /// reached.
    past: Vec<(Held, Firm)>,
    heard: Arc<Mutex<Vec<Answer>>>,
    /// How many states were dropped from `past`, so that the numbers that callbacks know stay true.
    dropped: u64,
    calls: u64,
    answered: u64,
    /// After so many operations the machine goes off.
    off_at: Option<u64>,
}

impl LogWorld {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x10c5);
        let segment_bytes = 4096 << rng.below(3);
        let recent_bytes = [0, 300, 1 << 20][rng.index(3)];
        Self {
            rng,
            disk: SimDisk::new(seed),
            segment_bytes,
            recent_bytes,
            seed,
            opens: 0,
            environments: Cell::new(0),
            log: None,
            created: false,
            past: vec![(Held::default(), Firm::All)],
            heard: Arc::default(),
            dropped: 0,
            calls: 0,
            answered: 0,
            off_at: None,
        }
    }

    /// The machine goes off after so many operations more.
    pub(crate) fn off_in(&mut self, operations: u64) {
        let at = self.disk.operations() + operations;
        self.disk.fail_after(at);
        self.off_at = Some(at);
    }

    pub(crate) fn is_off(&self) -> bool {
        self.off_at.is_some_and(|at| self.disk.operations() >= at)
    }

    pub(crate) fn context(&self) -> String {
        format!("open {} of seed {}", self.opens, self.seed)
    }

    pub(crate) fn log(&self) -> &RecordLog {
        self.log.as_ref().expect("the log is open")
    }

    /// What the log shows if nothing is lost.
    pub(crate) fn held(&self) -> &Held {
        &self.past.last().expect("one state at least").0
    }

    pub(crate) fn options(&self, disk: &SimDisk) -> RecordLogOptions {
        self.environments.set(self.environments.get() + 1);
        let environment = Environment {
            disk: Arc::new(disk.clone()),
            clock: Arc::new(SimClock::new(1_700_000_000_000_000_000 + self.opens)),
            random: Arc::new(SimRandom::new(self.seed ^ (self.environments.get() << 32))),
            background: false,
        };
        RecordLogOptions::new()
            .segment_bytes(self.segment_bytes)
            .recent_bytes(self.recent_bytes)
            .create(!self.created)
            .environment(environment)
    }

    /// Opens the log and finds out which of the possible states it holds.
    pub(crate) fn open(&mut self) -> Result<(), Error> {
        self.opens += 1;
        let context = self.context();
        let log = self.options(&self.disk).open(LOG)?;
        self.created = true;
        // A machine that went off with the last operation of the open shows nothing any more.
        if !self.is_off() {
            let held = shown(&log, &context);
            assert!(
                self.may_hold(&held),
                "{context}: it holds {held:?}\nwhich is none of {} states, from {:?}\nto {:?}",
                self.past.len(),
                self.past.first(),
                self.past.last()
            );
            self.settle(held);
        }
        self.log = Some(log);
        Ok(())
    }

    /// From now on the log holds this for certain.
    pub(crate) fn settle(&mut self, held: Held) {
        self.dropped += self.past.len() as u64;
        self.past = vec![(held, Firm::All)];
        self.heard.lock().unwrap().clear();
        (self.calls, self.answered) = (0, 0);
    }

    /// Makes a call, and compares what it shows.
    ///
    /// # Errors
    ///
    /// That of the log; only a cut or a fault in wait excuses it.
    pub(crate) fn call(&mut self, call: &Call) -> Result<(), Error> {
        let steps = self.held().steps(call);
        let log = self.log().clone();
        let end = self.dropped + self.past.len() as u64 + steps.len() as u64 - 1;
        let heard = Arc::clone(&self.heard);
        let done = move |result| heard.lock().unwrap().push((end, result));
        let answered = !matches!(call, Call::SmallLater(..) | Call::TruncateAfter(_) | Call::Purge(_));
        self.calls += u64::from(answered);
        let made = match call.clone() {
            Call::Append(first, records) => log.append(first, records, done),
            Call::TruncateAfter(last) => log.truncate_after(last),
            Call::Purge(through) => log.purge(through),
            Call::Small(key, value) => log.put_small(key, value, done),
            Call::SmallLater(key, value) => log.put_small_later(key, value),
        };
        // What is refused has not happened.
        if made.is_ok() {
            for held in steps {
                let before = self.held();
                let firm = match call {
                    Call::Small(key, _) => Firm::Of(key),
                    _ if held.floor > before.floor || held.next < before.next => Firm::All,
                    _ => Firm::None,
                };
                self.past.push((held, firm));
            }
        }
        made
    }

    /// Takes note of what callbacks have heard: what was acknowledged can be lost no more.
    pub(crate) fn hear(&mut self) -> Result<(), Error> {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap());
        let context = self.context();
        let mut failed = None;
        for (end, result) in heard {
            self.answered += 1;
            match result {
                Ok(()) => {
                    assert!(failed.is_none(), "{context}: a success behind a failure");
                    let index = usize::try_from(end - self.dropped).unwrap();
                    self.past.drain(..index);
                    self.dropped = end;
                }
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Compares everything with the model, and how many callbacks were called.
    pub(crate) fn check(&self) {
        let context = self.context();
        assert_eq!(self.answered, self.calls, "{context}: calls and answers");
        assert_eq!(&shown(self.log(), &context), self.held(), "{context}");
    }

    /// A random call that the log must take.
    pub(crate) fn any_call(&mut self) -> Call {
        let held = self.held().clone();
        let (floor, next) = (held.floor, held.next);
        let rng = &mut self.rng;
        match rng.below(100) {
            0..55 => {
                let first = if floor == 0 && next == 0 { rng.below(4) } else { next };
                let count = [0, 1, 1, 1, 2, 5][rng.index(6)];
                Call::Append(first, (0..count).map(|_| record(rng)).collect())
            }
            55..65 => {
                let kept = rng.below(next - floor + 1);
                Call::TruncateAfter((floor + kept).checked_sub(1))
            }
            65..75 => Call::Purge((floor + rng.below(next - floor + 2)).saturating_sub(1)),
            75..90 => Call::Small(KEYS[rng.index(3)], record(rng)),
            _ => Call::SmallLater(KEYS[rng.index(3)], record(rng)),
        }
    }

    /// What whoever keeps a log short calls again and again: he says what he is about to purge, and purges it. What he says is long,
    /// so that a cut falls into it.
    fn giving_up(&mut self, number: u64) -> Call {
        let held = self.held().clone();
        match number % 3 {
            0 => Call::Append(held.next, vec![random(&mut self.rng, 40)]),
            1 => Call::SmallLater("purged", random(&mut self.rng, 1500)),
            _ => Call::Purge(held.floor),
        }
    }

    /// Whether a log that is opened now may hold this.
    pub(crate) fn may_hold(&self, held: &Held) -> bool {
        (0..self.past.len()).any(|at| {
            let state = &self.past[at].0;
            let same = (state.floor, state.next, &state.records) == (held.floor, held.next, &held.records);
            same && KEYS.iter().all(|key| self.may_be_under(key, at, held.small.get(*key)))
        })
    }

    /// Whether a small record may be what a cut behind a state left: what nobody waits for may be written later than it was
    /// asked for, with what followed.
    fn may_be_under(&self, key: &str, at: usize, value: Option<&Bytes>) -> bool {
        let mut is_open = true;
        let is_written = |firm: &Firm| *firm == Firm::All || matches!(firm, Firm::Of(other) if *other == key);
        let back = self.past[..=at].iter().rev();
        let mut possible = back.take_while(|(_, firm)| std::mem::replace(&mut is_open, !is_written(firm)));
        possible.any(|(state, _)| state.small.get(key) == value)
    }

    /// Some calls, in one group or one by one.
    pub(crate) fn step(&mut self) -> Result<(), Error> {
        let together = self.rng.chance(500);
        let gives_up = together && self.rng.chance(400);
        let count = if together { 1 + self.rng.below(8) } else { 1 } + if gives_up { 5 } else { 0 };
        let log = self.log().clone();
        let group = together.then(|| log.group());
        for number in 0..count {
            let call = if gives_up { self.giving_up(number) } else { self.any_call() };
            let made = self.call(&call);
            if !self.is_off() && made.is_ok() {
                assert_eq!(&shown(&log, &self.context()), self.held(), "{}: after {call:?}", self.context());
            }
            made?;
        }
        drop(group);
        self.hear()
    }

    /// The process ends without a close.
    pub(crate) fn lose(&mut self, disk: SimDisk) {
        drop(self.hear());
        // What a drop writes goes to the old disk, which nobody looks at any more.
        self.log = None;
        self.heard.lock().unwrap().clear();
        self.disk = disk;
        self.off_at = None;
    }

    /// An error is due to the machine that is off.
    pub(crate) fn excuse(&self, error: &Error) {
        assert!(self.is_off(), "{}: failed on a sound disk: {error}", self.context());
    }
}

fn record(rng: &mut Rng) -> Bytes {
    let length = [3, 40, 40, 200, 1500][rng.index(5)];
    random(rng, length)
}

fn random(rng: &mut Rng, length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    rng.fill(&mut bytes);
    bytes.into()
}

/// Power cuts and kills between and within groups, and within the opens that follow.
pub(crate) fn cuts(seed: u64) {
    let mut world = LogWorld::new(seed);
    for _ in 0..6 {
        while world.log.is_none() {
            if world.rng.chance(350) {
                let operations = world.rng.below(40);
                world.off_in(operations);
            }
            if let Err(error) = world.open() {
                world.excuse(&error);
            }
            if world.is_off() {
                cut(&mut world);
            }
        }
        if world.rng.chance(700) {
            let most = if world.rng.chance(500) { 12 } else { 120 };
            let operations = world.rng.below(most);
            world.off_in(operations);
        }
        for _ in 0..world.rng.below(40) {
            if let Err(error) = world.step() {
                world.excuse(&error);
                break;
            }
        }
        if !world.is_off() {
            world.check();
            if world.rng.chance(300) {
                let closed = world.log().close();
                if !world.is_off() {
                    closed.unwrap_or_else(|error| panic!("{}: {error}", world.context()));
                    world.hear().unwrap();
                    let held = world.held().clone();
                    world.settle(held);
                }
            }
        }
        cut(&mut world);
    }
    world.open().unwrap_or_else(|error| panic!("{}: {error}", world.context()));
    world.step().unwrap();
    world.check();
}

fn cut(world: &mut LogWorld) {
    let disk = if world.rng.chance(700) {
        let seed = world.rng.bits();
        world.disk.crash(seed)
    } else {
        world.disk.kill()
    };
    world.lose(disk);
}
