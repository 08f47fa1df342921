//! A store on a simulated disk together with the history that says what it must hold.
//!
//! Invariant: after every successful call the store and the model agree; after a cut and an open they are made to
//! agree within the bounds of the history, or the test fails.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::{Rng, SimClock, SimDisk, SimRandom, Traced};
use pentad_engine::{Durability, Error, Options, Outcome, Retention, Sequence, Store};

use super::check::{check_all, check_sound, check_touched};
use super::followers::Follower;
use super::history::{Commit, History};
use super::model::{Entry, State, Verdict};
use super::request::Request;
use super::stop::Stop;
use super::views::View;

type Work = fn(&Store) -> Result<(), Error>;

/// Where the store is.
pub(crate) const STORE: &str = "/store";
const START_NS: u64 = 1_700_000_000_000_000_000;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The machine loses power: what was not synced may be gone.
    Power,
    /// The process is killed: all that was written is there.
    Kill,
}

pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) disk: SimDisk,
    pub(crate) clock: SimClock,
    pub(crate) past: History,
    pub(crate) views: Vec<View>,
    pub(crate) followers: Vec<Follower>,
    /// How many commits the batch log keeps.
    pub(crate) window: u64,
    pub(crate) segment_bytes: u64,
    /// After how much log a checkpoint is written: 0 is at every close and compaction, `u64::MAX` never.
    pub(crate) checkpoint_bytes: u64,
    /// Keys that are looked up although they may be absent.
    pub(crate) probes: Vec<Vec<u8>>,
    /// What the store's own randomness starts from.
    pub(crate) nonce: u64,
    pub(super) store: Option<Store>,
    seed: u64,
    opens: u64,
    /// An open of the store has succeeded, so there is one for good.
    pub(crate) created: bool,
    /// After a power cut the disk is at rest, and what the first recovery would find is what every later one must.
    found: Option<u64>,
    /// Entries that an earlier process saw expired stay expired over a clean close.
    expired_at_close: Option<u64>,
    log: Vec<Traced>,
    /// After so many operations the machine goes off.
    off_at: Option<u64>,
    /// Whether one seed is run again, so that someone wants to see what happens.
    telling: bool,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            disk: SimDisk::new(seed),
            clock: SimClock::new(START_NS),
            past: History::starting_at(START_NS),
            views: Vec::new(),
            followers: Vec::new(),
            window: u64::MAX,
            segment_bytes: 4096,
            checkpoint_bytes: u64::MAX,
            probes: Vec::new(),
            nonce: seed,
            store: None,
            seed,
            opens: 0,
            created: false,
            found: None,
            expired_at_close: None,
            log: Vec::new(),
            off_at: None,
            telling: std::env::var_os("PENTAD_SIM_SEED").is_some(),
        }
    }

    /// Tells what happens, when one seed is run again.
    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        if self.telling {
            eprintln!("{:>4} {} {}", self.disk.operations(), self.context(), what());
        }
    }

    /// A world around a store that is there, closed, and holds what `past` says.
    pub(crate) fn on(seed: u64, disk: SimDisk, past: History, wall_ns: u64) -> Self {
        // Its nonces must not be those of the world that made the store, whose seed may be the same.
        let nonce = Rng::new(seed ^ 0x0a7e_57a7_e5ee_d000).bits();
        Self { disk, past, clock: SimClock::new(wall_ns), created: true, nonce, ..Self::new(seed) }
    }

    /// Whether an open has succeeded, so that the store must be there from now on.
    pub(crate) fn was_created(&self) -> bool {
        self.created
    }

    /// A world with an open, empty store.
    pub(crate) fn opened(seed: u64) -> Self {
        let mut world = Self::new(seed);
        world.open().expect("a new store opens on a sound disk");
        world
    }

    pub(crate) fn context(&self) -> String {
        format!("open {} of seed {}", self.opens, self.seed)
    }

    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().expect("the store is open")
    }

    pub(crate) fn is_open(&self) -> bool {
        self.store.is_some()
    }

    /// The options with which this world opens its store, on `disk`.
    pub(crate) fn options_on(&self, disk: &SimDisk) -> Options {
        let environment = Environment {
            disk: Arc::new(disk.clone()),
            clock: Arc::new(self.clock.clone()),
            random: Arc::new(SimRandom::new(self.nonce ^ (self.opens << 32))),
            background: false,
        };
        let retention = match self.window {
            u64::MAX => Retention::All,
            window => Retention::Commits(window),
        };
        Options::new()
            .segment_bytes(self.segment_bytes)
            .checkpoint_bytes(self.checkpoint_bytes)
            .retention(retention)
            .create(!self.created)
            .environment(environment)
    }

    /// Opens the store, finds out which of the possible prefixes it holds, and compares all of it.
    ///
    /// # Errors
    ///
    /// That of the engine; only a cut or fault in wait excuses it.
    pub(crate) fn open(&mut self) -> Result<(), Stop> {
        assert!(self.store.is_none(), "one open at a time");
        self.opens += 1;
        let context = self.context();
        let result = self.options_on(&self.disk).open(STORE);
        self.tell(|| match &result {
            Ok(store) => {
                let (sequence, oldest, now) = (store.sequence(), store.oldest_batch(), store.now());
                format!("opened at {sequence}, oldest batch {oldest:?}, now {now}")
            }
            Err(error) => format!("not opened: {error}"),
        });
        let store = result?;
        self.created = true;
        self.accept(store, &context);
        Ok(())
    }

    fn accept(&mut self, store: Store, context: &str) {
        let sequence = store.sequence().0;
        let bounds = self.past.bounds();
        assert!(
            bounds.contains(&sequence),
            "{context}: the store is at {sequence}, but {} was acknowledged and {} issued",
            bounds.start(),
            bounds.end()
        );
        if let Some(found) = self.found.take() {
            assert_eq!(
                sequence, found,
                "{context}: a recovery that was cut off changed what the next one finds"
            );
        }
        self.past.settle(sequence);
        self.accept_floor(&store, context);
        // A machine that went off with the last operation of the open shows nothing any more.
        if !self.is_off() {
            let faults = self.disk.take_faults();
            self.accept_expiry(&store, context);
            check_all(&store, &self.past, self.window, &self.probes, context);
            check_sound(&store, context);
            faults.into_iter().for_each(|fault| self.disk.inject(fault));
        }
        self.past.latest_ns = self.past.latest_ns.max(store.now().0);
        self.store = Some(store);
    }

    /// A prune whose call failed may have happened: whichever it is, it is so from now on.
    fn accept_floor(&mut self, store: &Store, context: &str) {
        let doubtful = self.past.floor_doubtful.min(self.past.sequence() + 1);
        self.past.floor_doubtful = 0;
        if doubtful > self.past.floor {
            let oldest = store.oldest_batch().map_or(self.past.sequence() + 1, |oldest| oldest.0);
            let pruned = oldest >= doubtful;
            assert!(
                pruned || oldest <= self.past.oldest_owed(self.window),
                "{context}: the oldest batch is {oldest}, neither {} nor {doubtful}",
                self.past.floor
            );
            if pruned {
                self.past.floor = doubtful;
            }
        }
    }

    /// Store time may have fallen back to what the log remembers. An entry whose end lies between then and the
    /// latest time that was seen may have been dropped as expired in between, or be back.
    fn accept_expiry(&mut self, store: &Store, context: &str) {
        let now = store.now().0;
        if let Some(then) = self.expired_at_close.take() {
            let back =
                self.past.state().keyed.iter().find(|(_, entry)| !entry.is_live(then) && entry.is_live(now));
            assert_eq!(back, None, "{context}: expired at the close and back at the open, now {now}");
        }
        let latest = self.past.latest_ns;
        let doubtful =
            |entry: &Entry| entry.deadline.is_some_and(|deadline| now < deadline && deadline <= latest);
        self.past.state_mut().keyed.retain(|key, entry| {
            !doubtful(entry) || store.contains_key(key).unwrap_or_else(|error| panic!("{context}: {error}"))
        });
    }

    /// Issues one commit and compares its outcome. A failure leaves it in doubt.
    pub(crate) fn commit(&mut self, request: &Request) -> Result<(), Stop> {
        self.commit_by(request, |store| request.to_batch(store).and_then(|batch| Ok(store.commit(batch)?)))
    }

    /// The same for a commit that comes about in another way, and does what `request` says.
    pub(crate) fn commit_by(
        &mut self,
        request: &Request,
        commit: impl FnOnce(&Store) -> Result<Outcome, Stop>,
    ) -> Result<(), Stop> {
        let context = format!("{}, commit {}", self.context(), self.past.sequence() + 1);
        let store = self.store().clone();
        let (now, tail) = (store.now().0, store.tail());
        let sequence = self.past.sequence() + 1;
        let verdict = self.past.state().apply(request, now, sequence);
        let result = commit(&store);
        self.tell(|| {
            let outcome = result.as_ref().map(|outcome| outcome.sequence).map_err(ToString::to_string);
            format!("{request} at {now}: {outcome:?}")
        });
        match (result, verdict) {
            (Ok(outcome), Verdict::Applied(applied)) => {
                assert!(
                    outcome.applied,
                    "{context}: the conditions hold, but it was not applied: {request:?}"
                );
                let taken = applied.changed.then_some(Sequence(sequence));
                assert_eq!(outcome.sequence, taken, "{context}: sequence of {request:?}");
                assert_eq!(outcome.counter, applied.counter, "{context}: counter of {request:?}");
                if request.changes.len() == 1 {
                    assert_eq!(outcome.deleted, applied.deleted, "{context}: deleted by {request:?}");
                }
                if applied.changed {
                    assert!(outcome.tail > tail, "{context}: the tail did not grow over {request:?}");
                    let commit = Commit { pairs: applied.pairs, state: applied.state };
                    self.past.acknowledge(commit, request.durability == Durability::Disk);
                }
                if !self.is_off() {
                    let faults = self.disk.take_faults();
                    check_touched(self.store(), self.past.state(), request, &context);
                    faults.into_iter().for_each(|fault| self.disk.inject(fault));
                }
            }
            (Ok(outcome), Verdict::NotApplied) => {
                assert!(!outcome.applied, "{context}: a condition fails, but it was applied: {request:?}");
                assert_eq!(outcome.sequence, None, "{context}: {request:?}");
            }
            (Ok(_), Verdict::Refused(kind)) => panic!("{context}: {request:?} should be refused: {kind:?}"),
            (Err(stop), Verdict::Refused(kind)) if stop.kind == Some(kind) => {}
            (Err(stop), verdict) => {
                // Where the store goes on taking writes, the one that failed did not happen; where it is poisoned,
                // nobody knows.
                if store.stats().poisoned
                    && let Verdict::Applied(applied) = verdict
                    && applied.changed
                {
                    self.past.doubtful = Some(Commit { pairs: applied.pairs, state: applied.state });
                }
                return Err(stop);
            }
        }
        assert_eq!(store.sequence().0, self.past.sequence(), "{context}: sequence after {request:?}");
        Ok(())
    }

    /// Drops the batches below `before`.
    pub(crate) fn prune(&mut self, before: u64) -> Result<(), Stop> {
        let context = format!("{}, prune below {before}", self.context());
        let floor = self.past.floor.max(1);
        let to = before.min(self.past.sequence() + 1).max(floor);
        let in_log = |from: u64| to.saturating_sub(from);
        let result = self.store().prune(Sequence(before));
        self.tell(|| format!("prune below {before}: {result:?}"));
        match result {
            Ok(count) => {
                if self.window == u64::MAX {
                    assert_eq!(count, in_log(floor), "{context}: batches dropped");
                }
                if to > floor {
                    self.past.floor = to;
                    // The floor is a frame of the log, and it is durable, so all before it are.
                    self.past.raise();
                }
                Ok(())
            }
            Err(error) => {
                self.past.floor_doubtful = to;
                Err(error.into())
            }
        }
    }

    pub(crate) fn sync(&mut self) -> Result<(), Stop> {
        let result = self.store().sync();
        self.tell(|| format!("sync: {result:?}"));
        result.map(|()| self.past.raise())?;
        Ok(())
    }

    pub(crate) fn compact(&mut self) -> Result<(), Stop> {
        self.rearrange("compact", |store| store.compact().map(drop))
    }

    /// Does something that may move entries and changes none.
    pub(crate) fn rearrange(&mut self, what: &str, work: Work) -> Result<(), Stop> {
        self.note_time();
        let result = work(self.store());
        self.tell(|| format!("{what}: {result:?}"));
        Ok(result?)
    }

    /// Closes the store; readers that are held stay, as far as they are promised to.
    pub(crate) fn close(&mut self) -> Result<(), Stop> {
        self.note_time();
        let store = self.store.take().expect("the store is open");
        let now = store.now().0;
        let closed = store.close();
        self.tell(|| format!("close at {now}: {closed:?}"));
        let context = format!("{}, closed", self.context());
        self.followers.iter_mut().for_each(Follower::rest);
        self.views.retain(|view| matches!(view, View::Value { .. }));
        for view in &mut self.views {
            view.check(false, &context);
        }
        closed?;
        self.past.raise();
        self.expired_at_close = Some(now);
        Ok(())
    }

    /// Remembers the store's time, at which expired entries may come to be dropped.
    pub(crate) fn note_time(&mut self) {
        self.past.latest_ns = self.past.latest_ns.max(self.store().now().0);
    }

    /// Everything, now.
    pub(crate) fn check(&mut self) {
        let context = format!("{}, in between", self.context());
        check_all(self.store(), &self.past, self.window, &self.probes, &context);
        self.check_views();
    }

    /// Lets the machine go off after so many more operations.
    pub(crate) fn off_in(&mut self, operations: u64) {
        let at = self.disk.operations() + operations;
        self.disk.fail_after(at);
        self.off_at = Some(at);
    }

    /// Whether the machine is off.
    pub(crate) fn is_off(&self) -> bool {
        self.off_at.is_some_and(|at| self.disk.operations() >= at)
    }

    /// Takes a failure that a machine which is off excuses.
    pub(crate) fn excuse(&self, stop: &Stop) {
        assert!(self.is_off(), "{}: failed on a sound disk: {stop}", self.context());
    }

    /// Ends the process. The disk is what the cut leaves; readers, locks and handles are gone.
    pub(crate) fn cut(&mut self, cut: Cut) {
        self.tell(|| format!("{cut:?}, owed {:?}", self.past.bounds()));
        let after = match cut {
            Cut::Power => {
                self.past.lose_power();
                self.disk.crash(self.rng.bits())
            }
            Cut::Kill => self.disk.kill(),
        };
        self.put_on(after);
    }

    /// Goes on with another disk, as after a cut of one's own choice.
    pub(crate) fn put_on(&mut self, after: SimDisk) {
        if let Some(store) = &self.store {
            self.past.latest_ns = self.past.latest_ns.max(store.now().0);
        }
        self.views.clear();
        self.followers.iter_mut().for_each(Follower::rest);
        self.store = None;
        self.log.extend(self.disk.trace());
        self.disk = after;
        self.off_at = None;
        self.expired_at_close = None;
        self.clock.set_monotonic(0);
    }

    /// Goes on with the same disk and process after the store was given up: it is dropped, not closed.
    pub(crate) fn abandon(&mut self) {
        let disk = self.disk.clone();
        self.put_on(disk);
    }

    /// After a cut, before the open: what a reader makes of the files, without changing one, and what recovery
    /// finds, on a copy. An interrupted recovery must not change that.
    pub(crate) fn look(&mut self) {
        let context = format!("{}, looking after a cut", self.context());
        let before = self.disk.image();
        if self.created {
            let report = pentad_engine::verify(Path::new(STORE), &self.options_on(&self.disk), &mut |_| {})
                .unwrap_or_else(|error| panic!("{context}: verify: {error}"));
            assert!(
                report.damage.is_empty(),
                "{context}: verify took a tear for damage: {:?}",
                report.damage
            );
            let reader = self
                .options_on(&self.disk)
                .open_read_only(STORE)
                .unwrap_or_else(|error| panic!("{context}: read-only open: {error}"));
            let seen = reader.sequence().0;
            drop(reader);
            assert_eq!(self.disk.image(), before, "{context}: looking changed a file");
            let copy = self.disk.kill();
            let store =
                self.options_on(&copy).open(STORE).unwrap_or_else(|error| panic!("{context}: open: {error}"));
            assert_eq!(store.sequence().0, seen, "{context}: a writer sees other commits than a reader");
            assert!(
                self.past.bounds().contains(&seen),
                "{context}: at {seen}, not within {:?}",
                self.past.bounds()
            );
            // What a killed process wrote may still be lost to a power cut; only a disk at rest is sure to show the
            // same again.
            if self.disk.pending(4096).is_empty() {
                self.found = Some(seen);
            }
        }
    }

    /// Every operation on every disk of this world so far, and the files as they are.
    pub(crate) fn trace(&self) -> (Vec<Traced>, std::collections::BTreeMap<PathBuf, Vec<u8>>) {
        let mut log = self.log.clone();
        log.extend(self.disk.trace());
        (log, self.disk.image())
    }

    pub(crate) fn state(&self) -> &State {
        self.past.state()
    }
}
