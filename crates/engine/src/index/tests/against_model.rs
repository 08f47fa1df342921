//! Random histories against the model: commits in and out of order, snapshots, expiry, collection, relocation and
//! reopening, with keys whose hashes collide, up to a crowd that shares one.

use std::collections::BTreeSet;
use std::ops::Bound;

use proptest::prelude::*;

use super::super::{Change, Position, Space, Version, View};
use super::model::{Model, Name};
use super::parts::{DELETE, PLAIN, place, until, version, view};
use crate::index::{Direction, Index, Rebuild};

const KEYS: u8 = 30;
const SECRET: u64 = 0x5eed;

#[derive(Clone, Copy, Debug)]
enum Write {
    Put(u8),
    PutFor(u8, u64),
    Delete(u8),
    PutHash(u8),
    PutHashFor(u8, u64),
    DeleteHash(u8),
}

#[derive(Clone, Debug)]
enum Step {
    /// Commits of one group, applied in the given rotation of their order, in one call or one call each.
    Group {
        commits: Vec<Vec<Write>>,
        rotation: usize,
        together: bool,
    },
    Tick(u64),
    Pin,
    Unpin(usize),
    Collect,
    Len,
    Relocate(usize),
    Page {
        lower: u8,
        upper: u8,
        kinds: u8,
        limit: usize,
    },
    Reopen {
        rotation: usize,
    },
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        4 => (0..KEYS).prop_map(Write::Put),
        3 => (0..KEYS, 0..12u64).prop_map(|(key, time)| Write::PutFor(key, time)),
        4 => (0..KEYS).prop_map(Write::Delete),
        1 => (0..3u8).prop_map(Write::PutHash),
        1 => (0..3u8, 0..12u64).prop_map(|(hash, time)| Write::PutHashFor(hash, time)),
        1 => (0..3u8).prop_map(Write::DeleteHash),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let group =
        (prop::collection::vec(prop::collection::vec(write(), 1..12), 1..4), 0..4usize, any::<bool>());
    prop_oneof![
        10 => group.prop_map(|(commits, rotation, together)| Step::Group { commits, rotation, together }),
        3 => (1..8u64).prop_map(Step::Tick),
        2 => Just(Step::Pin),
        2 => any::<usize>().prop_map(Step::Unpin),
        4 => Just(Step::Collect),
        2 => Just(Step::Len),
        3 => any::<usize>().prop_map(Step::Relocate),
        3 => (0..=KEYS, 0..=KEYS, 0..9u8, 0..8usize)
            .prop_map(|(lower, upper, kinds, limit)| Step::Page { lower, upper, kinds, limit }),
        1 => (0..50usize).prop_map(|rotation| Step::Reopen { rotation }),
    ]
}

struct World {
    index: Index,
    model: Model,
    published: u64,
    now: u64,
    pins: Vec<View>,
    /// Keys have this many hashes between them.
    hashes: u64,
    /// Also the name of the last version and the highest place given out.
    names: u64,
    applied: BTreeSet<u64>,
    dropped: BTreeSet<u64>,
}

impl World {
    fn new(hashes: u64) -> Self {
        Self {
            index: Index::new(SECRET),
            model: Model::default(),
            published: 0,
            now: 100,
            pins: Vec::new(),
            hashes,
            names: 0,
            applied: BTreeSet::new(),
            dropped: BTreeSet::new(),
        }
    }

    fn current(&self) -> View {
        view(self.published, self.now)
    }

    fn horizon(&self) -> View {
        self.pins.first().copied().unwrap_or_else(|| self.current())
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Group { commits, rotation, together } => self.group(&commits, rotation, together),
            Step::Tick(time) => self.now += time,
            Step::Pin => self.pins.push(self.current()),
            Step::Unpin(pick) if !self.pins.is_empty() => drop(self.pins.remove(pick % self.pins.len())),
            Step::Unpin(_) => {}
            Step::Collect => {
                let horizon = self.horizon();
                let dropped = &mut self.dropped;
                self.index.collect(horizon, &mut |version| assert!(dropped.insert(version.bytes())));
                self.check_collected(horizon);
            }
            Step::Len => self.check_len(),
            Step::Relocate(pick) => self.relocate(pick),
            Step::Page { lower, upper, kinds, limit } => self.check_page(lower, upper, kinds, limit),
            Step::Reopen { rotation } => self.reopen(rotation),
        }
        self.check_nothing_lost();
        for view in self.pins.clone().into_iter().chain([self.current()]) {
            self.check_view(view);
        }
    }

    fn group(&mut self, commits: &[Vec<Write>], rotation: usize, together: bool) {
        let mut sequence = self.published;
        let mut changes: Vec<Vec<(Name, u64, Version)>> = Vec::new();
        for commit in commits {
            sequence += 1;
            changes.push(commit.iter().map(|write| self.change(*write, sequence)).collect());
        }
        let middle = rotation % changes.len();
        changes.rotate_left(middle);
        if together {
            changes = vec![changes.concat()];
        }
        let horizon = self.horizon();
        for commit in &changes {
            let commit: Vec<_> = commit.iter().map(as_change).collect();
            let dropped = &mut self.dropped;
            self.index.apply(&commit, horizon, &mut |version| assert!(dropped.insert(version.bytes())));
            commit.iter().for_each(|change| self.model.apply(change));
            // Nothing of it shows before it is published.
            self.check_view(self.current());
        }
        self.published = sequence;
    }

    fn change(&mut self, write: Write, sequence: u64) -> (Name, u64, Version) {
        self.names += 1;
        let (space, number, kind) = match write {
            Write::Put(key) => (Space::Keys, key, PLAIN),
            Write::PutFor(key, time) => (Space::Keys, key, until(self.now + time)),
            Write::Delete(key) => (Space::Keys, key, DELETE),
            Write::PutHash(hash) => (Space::Hashes, hash, PLAIN),
            Write::PutHashFor(hash, time) => (Space::Hashes, hash, until(self.now + time)),
            Write::DeleteHash(hash) => (Space::Hashes, hash, DELETE),
        };
        let (key, hash) = match space {
            Space::Keys => (vec![b'k', number], u64::from(number) % self.hashes),
            Space::Hashes => (u64::from(number).to_be_bytes().to_vec(), u64::from(number)),
        };
        self.applied.insert(self.names);
        ((space, key), hash, version(sequence, self.names, kind))
    }

    fn relocate(&mut self, pick: usize) {
        let all: Vec<(Name, Version)> = self
            .model
            .keys
            .iter()
            .flat_map(|(name, versions)| versions.values().map(|version| (name.clone(), *version)))
            .collect();
        let Some((name, old)) = all.get(pick % all.len().max(1)) else { return };
        self.names += 1;
        let to = place(self.names);
        let hash = self.model.hash(name);
        let elsewhere = Position { offset: old.position.offset + 1_000_000, ..old.position };
        assert!(
            !self.index.relocate(name.0, &name.1, hash, old.sequence, elsewhere, to),
            "it never stood there"
        );
        let is_held = !self.dropped.contains(&old.bytes());
        assert_eq!(self.index.relocate(name.0, &name.1, hash, old.sequence, old.position, to), is_held);
        if is_held {
            let mut moved = *old;
            moved.position = to;
            self.model.apply(&as_change(&(name.clone(), hash, moved)));
        }
    }

    fn reopen(&mut self, rotation: usize) {
        let mut log: Vec<(Name, u64, Version)> = Vec::new();
        for (name, versions) in &self.model.keys {
            log.extend(versions.values().map(|version| (name.clone(), self.model.hash(name), *version)));
        }
        let middle = rotation % log.len().max(1);
        log.rotate_left(middle);
        self.applied = log.iter().map(|(_, _, version)| version.bytes()).collect();
        self.dropped.clear();
        let mut rebuild = Rebuild::new(SECRET);
        for entry in &log {
            rebuild.insert(&as_change(entry), &mut |version| assert!(self.dropped.insert(version.bytes())));
        }
        let now = self.current().time;
        let dropped = &mut self.dropped;
        self.index = rebuild.finish(now, &mut |version| assert!(dropped.insert(version.bytes())));
        self.model.reopen();
        self.pins.clear();
        self.check_len();
    }

    fn check_view(&self, view: View) {
        let index = &self.index;
        let live = self.model.live(view);
        for number in 0..KEYS {
            let name = (Space::Keys, vec![b'k', number]);
            let hash = u64::from(number) % self.hashes;
            assert_eq!(index.get(&name.1, hash, view), self.model.get(&name, view), "{name:?} at {view:?}");
        }
        for hash in 0..self.hashes.min(u64::from(KEYS)) {
            let name = (Space::Hashes, hash.to_be_bytes().to_vec());
            assert_eq!(index.get_hash_only(hash, view), self.model.get(&name, view), "{name:?} at {view:?}");
            let here: Vec<_> = live.iter().filter(|(name, _)| self.model.hash(name) == hash).collect();
            let newest = here.iter().max_by_key(|(_, version)| version.rank());
            let found = index.newest_with_hash(hash, view);
            let found = found.map(|(space, key, version)| ((space, key.to_vec()), version));
            assert_eq!(found.as_ref(), newest.copied(), "newest of hash {hash} at {view:?}");
            let mut all: Vec<Name> = index
                .all_with_hash(hash, view)
                .into_iter()
                .map(|(space, key)| (space, key.to_vec()))
                .collect();
            all.sort();
            let expected: Vec<Name> = here.iter().map(|(name, _)| name.clone()).collect();
            assert_eq!(all, expected, "all of hash {hash} at {view:?}");
        }
        let newest = live.iter().max_by_key(|(_, version)| version.rank());
        let found = index.newest_live(view).map(|(space, key, version)| ((space, key.to_vec()), version));
        assert_eq!(found.as_ref(), newest, "newest at {view:?}");
        self.check_range((Bound::Unbounded, Bound::Unbounded), view, usize::MAX);
    }

    fn check_page(&self, lower: u8, upper: u8, kinds: u8, limit: usize) {
        let keys = ([b'k', lower], [b'k', upper]);
        let bound = |key, kind| match kind {
            0 => Bound::Included(key),
            1 => Bound::Excluded(key),
            _ => Bound::Unbounded,
        };
        let bounds = (bound(&keys.0[..], kinds % 3), bound(&keys.1[..], kinds / 3));
        self.check_range(bounds, self.current(), limit);
        self.check_range(bounds, self.horizon(), limit);
    }

    fn check_range(&self, bounds: (Bound<&[u8]>, Bound<&[u8]>), view: View, limit: usize) {
        for direction in [Direction::Forward, Direction::Backward] {
            let rows = self.index.page(bounds.0, bounds.1, view, limit, direction);
            let rows: Vec<_> = rows.into_iter().map(|(key, version)| (key.to_vec(), version)).collect();
            let expected = self.model.page(bounds, view, limit, direction);
            assert_eq!(rows, expected, "{bounds:?} {direction:?} at {view:?}");
        }
    }

    fn check_len(&self) {
        let now = self.current();
        let expected = self.model.live(now).len();
        assert_eq!(self.index.len(now.time), u64::try_from(expected).unwrap(), "live keys at {now:?}");
    }

    fn held(&self) -> Vec<(Name, Vec<Version>)> {
        let mut held = Vec::new();
        for space in [Space::Keys, Space::Hashes] {
            let mut after: Option<Vec<u8>> = None;
            loop {
                let page = self.index.versions_page(space, after.as_deref(), 7);
                let Some((last, _)) = page.last() else { break };
                after = Some(last.to_vec());
                held.extend(page.into_iter().map(|(key, versions)| ((space, key.to_vec()), versions)));
            }
        }
        held
    }

    /// Every version is either held or was reported as dropped, and never both.
    fn check_nothing_lost(&self) {
        let mut all = self.dropped.clone();
        for (name, versions) in self.held() {
            assert!(
                versions.is_sorted_by(|newer, older| newer.sequence > older.sequence),
                "newest first: {name:?}"
            );
            for version in versions {
                assert!(all.insert(version.bytes()), "dropped and yet held: {version:?}");
            }
        }
        assert_eq!(all, self.applied);
    }

    /// Nothing is held that no view can see, but for the one exception that `collect` names.
    fn check_collected(&self, horizon: View) {
        let held: std::collections::BTreeMap<_, _> = self.held().into_iter().collect();
        for name in self.model.keys.keys() {
            let needed = self.model.needed(name, horizon);
            let mut kept = held.get(name).cloned().unwrap_or_default();
            kept.reverse();
            if kept.len() > needed.len() && !needed.is_empty() {
                let oldest = kept.remove(0);
                assert!(
                    oldest.deadline().is_some() && !oldest.is_live_at(horizon.time),
                    "{oldest:?} of {name:?} is kept for nothing at {horizon:?}"
                );
            }
            assert_eq!(kept, needed, "{name:?} collected at {horizon:?}");
        }
    }
}

fn as_change((name, hash, version): &(Name, u64, Version)) -> Change<'_> {
    Change { space: name.0, key: &name.1, hash: *hash, version: *version }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn f15_f16_any_history_reads_like_the_model(
        hashes in prop_oneof![Just(1u64), Just(3u64), Just(1000u64)],
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut world = World::new(hashes);
        for step in steps {
            world.step(step);
        }
        world.pins.clear();
        world.step(Step::Collect);
        world.check_len();
    }
}
