//! A store and the model side by side: every step is done to both, and everything that can be asked is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::colliding::{colliding_hash, colliding_key};
use super::compaction::{self, Moved};
use super::fake_log::FakeLog;
use super::model::{Model, Name};
use super::store::{DELETE, PLAIN, hash_of, until};
use crate::address::Address;
use crate::index::{self, Change, Direction, Index, KeyPiece, Met, Rank, Space, Version, View};
use crate::numbers::Timestamp;

pub(super) const KEYS: u8 = 30;
pub(super) const HASHES: u8 = 3;
const SECRET: u64 = 0x5eed;

/// What a commit does to one key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Write {
    Put(u8),
    PutFor(u8, u64),
    Delete(u8),
    PutHash(u8),
    PutHashFor(u8, u64),
    DeleteHash(u8),
}

/// See the module.
#[derive(Debug)]
pub(super) struct World {
    log: FakeLog,
    pub(super) index: Index<FakeLog>,
    model: Model,
    current: View,
    pub(super) pins: Vec<View>,
    /// Keys are of so many families of colliding ones.
    families: u8,
    /// Also the name of the last version: its size.
    written: u64,
    applied: BTreeSet<u64>,
    dropped: BTreeSet<u64>,
}

impl World {
    pub(super) fn new(families: u8) -> Self {
        let log = FakeLog::default();
        Self {
            index: Index::new(SECRET, log.clone()),
            log,
            model: Model::default(),
            current: View { time: Timestamp(100), ..View::default() },
            pins: Vec::new(),
            families,
            written: 0,
            applied: BTreeSet::new(),
            dropped: BTreeSet::new(),
        }
    }

    pub(super) fn horizon(&self) -> View {
        self.pins.first().copied().unwrap_or(self.current)
    }

    pub(super) fn tick(&mut self, time: u64) {
        self.current.time.0 += time;
    }

    pub(super) fn pin(&mut self) {
        self.pins.push(self.current);
    }

    pub(super) fn commit(&mut self, writes: &[Write]) {
        let sequence = self.current.sequence.next();
        let changes: Vec<(Name, Version)> =
            writes.iter().map(|write| self.append(*write, sequence.0)).collect();
        let mut before = Vec::new();
        let name = |(space, key): &'_ Name| (*space, hash_of(*space, key));
        let names = changes.iter().map(|(of, _)| {
            let (space, hash) = name(of);
            index::Name { space, key: &of.1, hash }
        });
        self.index.resolve(names, |version| before.push(version));
        let commit: Vec<Change<'_>> = changes
            .iter()
            .zip(&before)
            .map(|((of, version), before)| {
                let (space, hash) = name(of);
                Change {
                    space,
                    key: &of.1,
                    hash,
                    version: *version,
                    rank: self.index.rank(version),
                    before: before.as_ref().map(|before| &before.version),
                }
            })
            .collect();
        let (horizon, dropped) = (self.horizon(), &mut self.dropped);
        self.index.apply(&commit, horizon, &mut |version| {
            assert!(dropped.insert(version.bytes), "twice: {version:?}")
        });
        for ((name, version), ordinal) in changes.iter().zip(0..) {
            self.model.set(name, (sequence, ordinal), *version);
        }
        // Nothing of it shows before it is published.
        self.check_view(self.current);
        self.current.sequence = sequence;
        self.current.tail = self.log.tail();
    }

    fn append(&mut self, write: Write, sequence: u64) -> (Name, Version) {
        let time = self.current.time.0;
        let (space, number, kind) = match write {
            Write::Put(key) => (Space::Keys, key, PLAIN),
            Write::PutFor(key, lasts) => (Space::Keys, key, until(time + lasts)),
            Write::Delete(key) => (Space::Keys, key, DELETE),
            Write::PutHash(hash) => (Space::Hashes, hash, PLAIN),
            Write::PutHashFor(hash, lasts) => (Space::Hashes, hash, until(time + lasts)),
            Write::DeleteHash(hash) => (Space::Hashes, hash, DELETE),
        };
        let name = self.name(space, number);
        self.written += 1;
        self.applied.insert(self.written);
        let version = self.log.append(sequence, (space, &name.1, kind, self.written));
        (name, version)
    }

    fn name(&self, space: Space, number: u8) -> Name {
        match space {
            Space::Keys => (space, colliding_key(number % self.families, u32::from(number))),
            Space::Hashes => (space, colliding_hash(number).to_be_bytes().to_vec()),
            Space::System | Space::Named | Space::NamedHashes => unreachable!("the model has two spaces"),
        }
    }

    /// Drops what no view sees, and checks that this is all that is dropped.
    pub(super) fn collect(&mut self) {
        let (horizon, dropped) = (self.horizon(), &mut self.dropped);
        self.index
            .collect(horizon, &mut |version| assert!(dropped.insert(version.bytes), "twice: {version:?}"));
        let kept: BTreeSet<u64> = self.applied.difference(&self.dropped).copied().collect();
        let names =
            |versions: Vec<Version>| versions.into_iter().map(|version| version.bytes).collect::<Vec<_>>();
        let needed = |name| names(self.model.needed(name, horizon));
        let mut needed: BTreeSet<u64> = self.model.keys.keys().flat_map(needed).collect();
        assert_eq!(needed.difference(&kept).next(), None, "dropped at {horizon:?}, and needed");
        needed
            .extend(self.model.keys.keys().filter_map(|name| Some(self.model.lingers(name, horizon)?.bytes)));
        assert_eq!(kept.difference(&needed).next(), None, "kept at {horizon:?} for nobody");
    }

    /// Moves one version, whether or not anybody wants it; the segment that it was in stays.
    pub(super) fn relocate_one(&mut self, pick: usize) {
        let there = |(name, rank, old): &(Name, Rank, Version)| {
            self.log.at(old.address).map(|_| (name.clone(), *rank, *old))
        };
        let all = self.model.keys.iter().flat_map(|(name, versions)| {
            versions.iter().map(move |(rank, version)| (name.clone(), *rank, *version))
        });
        let all: Vec<(Name, Rank, Version)> = all.filter_map(|entry| there(&entry)).collect();
        let Some((name, rank, old)) = all.get(pick % all.len().max(1)) else { return };
        let to = self.log.copy(old.address, self.log.compacted_segment());
        let hash = hash_of(name.0, &name.1);
        let relocate =
            |from: Address| self.index.relocate(name.0, &name.1, hash, from, (to.address, to.bytes));
        assert!(!relocate(Address::new((1 << Address::BITS) - 1)), "it never stood there");
        assert_eq!(
            relocate(old.address),
            !self.dropped.contains(&old.bytes),
            "whether {old:?} of {name:?} is held"
        );
        if !self.dropped.contains(&old.bytes) {
            assert!(!relocate(old.address), "it has moved already");
            self.model.set(name, *rank, to);
        }
    }

    /// Compacts all that was compacted before and some segments of the log.
    pub(super) fn compact(&mut self, segments: usize) {
        let inputs = self.log.oldest(segments, self.current.sequence.0);
        // As in the store, what a snapshot alone held is dropped first.
        self.collect();
        let dropped = &mut self.dropped;
        let moved = compaction::compact(&self.log, &self.index, &inputs, &mut |version| {
            assert!(dropped.insert(version.bytes), "twice: {version:?}");
        });
        for Moved { space, key, to, .. } in moved {
            let rank = self.log.at(to.address).expect("it was copied a moment ago").rank;
            self.model.set(&(space, key.to_vec()), rank, to);
        }
    }

    /// Opens the store again, for views at the horizon and later, or else only at the newest commit: what is in the log is met
    /// in another order.
    pub(super) fn reopen(&mut self, rotation: usize, back: bool) {
        let mut log = self.log.all();
        let middle = rotation % log.len().max(1);
        log.rotate_left(middle);
        let met = log.iter().map(|(address, stored)| Met {
            address: *address,
            sequence: stored.rank.0,
            hash: hash_of(stored.space, &stored.key),
            piece: KeyPiece::of(&stored.key),
            ordinal: stored.rank.1,
            space: stored.space,
        });
        let oldest = if back { self.horizon() } else { self.current };
        let until = (oldest.sequence, self.current.time);
        let mut kept = BTreeMap::new();
        self.index = Index::rebuild(SECRET, self.log.clone(), met.collect(), until, &mut |version| {
            assert!(kept.insert(version.bytes, version.address).is_none(), "twice: {version:?}");
        });
        let mut model = Model::default();
        for (name, versions) in &self.model.keys {
            let needed: Vec<u64> =
                self.model.needed(name, oldest).iter().map(|version| version.bytes).collect();
            for (rank, version) in versions {
                let address = kept.remove(&version.bytes);
                let is_needed = needed.contains(&version.bytes);
                let lingers = rank.0 <= oldest.sequence && version.deadline().is_some();
                assert!(address.is_some() || !is_needed, "{version:?} of {name:?} is lost");
                assert!(address.is_none() || is_needed || lingers, "{version:?} of {name:?} is kept");
                if let Some(address) = address {
                    let born = self.log.at(address).expect("it was met").born;
                    model.set(name, *rank, Version { address, born, ..*version });
                }
            }
        }
        assert_eq!(kept, BTreeMap::new(), "these came back");
        self.model = model;
        let held = |versions: &BTreeMap<Rank, Version>| {
            versions.values().map(|version| version.bytes).collect::<Vec<_>>()
        };
        self.applied = self.model.keys.values().flat_map(held).collect();
        self.dropped.clear();
        self.pins.clear();
        if oldest != self.current {
            self.pins.push(oldest);
        }
        self.check_len();
    }

    pub(super) fn check_len(&self) {
        let expected = self.model.live(self.current).len();
        assert_eq!(self.index.len(self.current.time), u64::try_from(expected).unwrap(), "live keys");
    }

    /// Compares all that can be asked, at every view in use.
    pub(super) fn check(&self) {
        self.check_held();
        for view in self.pins.iter().copied().chain([self.current]) {
            self.check_view(view);
        }
    }

    fn check_view(&self, view: View) {
        let live = self.model.live(view);
        for number in 0..KEYS {
            let name = self.name(Space::Keys, number);
            let found = self.index.get(&name.1, hash_of(name.0, &name.1), view);
            assert_eq!(found, self.model.get(&name, view), "key {number} at {view:?}");
        }
        for number in 0..self.families.clamp(HASHES, KEYS) {
            let hash = colliding_hash(number);
            let name = (Space::Hashes, hash.to_be_bytes().to_vec());
            let found = self.index.get_hash_only(hash, view);
            assert_eq!(found, self.model.get(&name, view), "the entry under hash {number} at {view:?}");
            let here: Vec<_> = live.iter().filter(|(name, ..)| hash_of(name.0, &name.1) == hash).collect();
            let newest = here
                .iter()
                .max_by_key(|(_, rank, _)| rank)
                .map(|(name, _, version)| (name.clone(), *version));
            let found = self.index.newest_with_hash(hash, view);
            let found = found.map(|(space, key, version)| ((space, key.to_vec()), version));
            assert_eq!(found, newest, "the newest of hash {number} at {view:?}");
            let all = self.index.all_with_hash(hash, view);
            let mut all: Vec<Name> = all.into_iter().map(|(space, key)| (space, key.to_vec())).collect();
            all.sort();
            let expected: Vec<Name> = here.iter().map(|(name, ..)| name.clone()).collect();
            assert_eq!(all, expected, "all of hash {number} at {view:?}");
        }
        let newest =
            live.iter().max_by_key(|(_, rank, _)| rank).map(|(name, _, version)| (name.clone(), *version));
        let found =
            self.index.newest_live(view).map(|(space, key, version)| ((space, key.to_vec()), version));
        assert_eq!(found, newest, "the newest of all at {view:?}");
        self.check_range((Bound::Unbounded, Bound::Unbounded), view, usize::MAX);
    }

    pub(super) fn check_page(&self, (lower, upper): (u8, u8), kinds: u8, limit: usize) {
        let keys = [lower, upper].map(|number| self.name(Space::Keys, number).1);
        let bound = |key, kind| match kind {
            0 => Bound::Included(key),
            1 => Bound::Excluded(key),
            _ => Bound::Unbounded,
        };
        let bounds = (bound(&keys[0][..], kinds % 3), bound(&keys[1][..], kinds / 3));
        self.check_range(bounds, self.current, limit);
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

    /// What compaction would keep is what some view needs, and nothing of that was reported as dropped.
    fn check_held(&self) {
        let horizon = self.index.horizon();
        let mut held: BTreeMap<Name, Vec<Version>> = BTreeMap::new();
        for space in [Space::Keys, Space::Hashes] {
            let mut after: Option<Vec<u8>> = None;
            loop {
                let page = self.index.versions_page(space, after.as_deref(), 7, self.index.horizon());
                let Some((last, _)) = page.last() else { break };
                after = Some(last.to_vec());
                held.extend(page.into_iter().map(|(key, versions)| ((space, key.to_vec()), versions)));
            }
        }
        for name in self.model.keys.keys() {
            let needed = self.model.needed(name, horizon);
            for version in &needed {
                assert!(!self.dropped.contains(&version.bytes), "{version:?} of {name:?} was dropped");
            }
            assert_eq!(held.remove(name).unwrap_or_default(), needed, "{name:?} held at {horizon:?}");
        }
        assert_eq!(held, BTreeMap::new(), "keys that nobody wrote");
    }
}
