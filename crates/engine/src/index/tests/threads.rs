//! Readers against a writer, a collector and a compactor on threads of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::compaction;
use super::fake_log::FakeLog;
use super::plan::{CROWDED, Dice, KEYS, Plan, crowded_hash, key, name, sequence_of};
use super::store::{DELETE, PLAIN, hash_of, until};
use super::views::Views;
use crate::index::{Change, Direction, Extent, Index, Name, Space, Version, VersionKind, View};
use crate::numbers::Timestamp;

/// The index and what surrounds it in a store.
#[derive(Debug)]
struct World {
    log: FakeLog,
    index: Index<FakeLog>,
    views: Views,
    /// Names of what was dropped.
    dropped: Mutex<BTreeSet<u64>>,
    /// Entries by segment that are counted as live.
    live: Mutex<BTreeMap<usize, i64>>,
}

impl World {
    fn new() -> Self {
        let log = FakeLog::default();
        let index = Index::new(3, log.clone());
        Self { log, index, views: Views::default(), dropped: Mutex::default(), live: Mutex::default() }
    }

    /// Writes, applies and publishes a commit.
    fn commit(&self, sequence: u64, changes: &[(u64, VersionKind)]) {
        let append = |&(number, kind): &(u64, VersionKind)| {
            let key = key(number);
            let version = self.log.append(sequence, (Space::Keys, &key, kind, name(sequence, number)));
            self.count(&version.extent(), 1);
            (hash_of(Space::Keys, &key), key, version)
        };
        let written: Vec<_> = changes.iter().map(append).collect();
        let mut before = Vec::new();
        let names = written.iter().map(|(hash, key, _)| Name { space: Space::Keys, key, hash: *hash });
        self.index.resolve(names, |version| before.push(version));
        let changes: Vec<_> = written
            .iter()
            .zip(&before)
            .map(|((hash, key, version), before)| {
                let rank = self.index.rank(version);
                Change {
                    space: Space::Keys,
                    key,
                    hash: *hash,
                    version: *version,
                    rank,
                    before: before.as_ref().map(|before| &before.version),
                }
            })
            .collect();
        self.index.apply(&changes, self.views.horizon(), &mut |version| self.drop_one(version));
        self.views.publish(sequence, self.log.tail());
    }

    fn drop_one(&self, version: &Extent) {
        assert!(self.dropped.lock().unwrap().insert(version.bytes), "{version:?} is dropped twice");
        self.count(version, -1);
    }

    fn count(&self, version: &Extent, step: i64) {
        *self.live.lock().unwrap().entry(version.address.slot()).or_default() += step;
    }

    fn collect(&self) {
        self.index.collect(self.views.horizon(), &mut |version| self.drop_one(version));
    }

    fn compact(&self, segments: u64) {
        let published = self.views.published().sequence.0;
        let inputs = self.log.oldest(usize::try_from(segments).unwrap(), published);
        let moved =
            compaction::compact(&self.log, &self.index, &inputs, &mut |version| self.drop_one(version));
        moved.iter().for_each(|moved| self.count(&moved.to.extent(), 1));
    }

    fn check_keys(&self, plan: &Plan, view: View, dice: &mut Dice) {
        for _ in 0..20 {
            let number = if dice.roll(4) == 0 { dice.roll(CROWDED) } else { dice.roll(KEYS) };
            let key = key(number);
            let found = self.index.get(&key, hash_of(Space::Keys, &key), view);
            let found = found.map(|found| sequence_of(found.bytes));
            assert_eq!(found, plan.expected(number, view), "key {number} at {view:?}");
        }
        let crowd = (0..CROWDED).filter_map(|number| plan.expected(number, view));
        let found = self.index.newest_with_hash(crowded_hash(), view);
        let found = found.map(|(_, _, found)| sequence_of(found.bytes));
        assert_eq!(found, crowd.max(), "the newest of the crowd at {view:?}");
        let crowd = (0..CROWDED).filter(|number| plan.expected(*number, view).is_some());
        assert_eq!(
            self.index.all_with_hash(crowded_hash(), view).len(),
            crowd.count(),
            "the crowd at {view:?}"
        );
    }

    fn check_range(&self, plan: &Plan, view: View, dice: &mut Dice) {
        let start = usize::try_from(dice.roll(KEYS)).unwrap();
        let direction = if dice.roll(2) == 0 { Direction::Forward } else { Direction::Backward };
        let start_key = plan.in_order[start].0.clone();
        let (mut bounds, keys): (Bounds, Vec<_>) = match direction {
            Direction::Forward => {
                ((Bound::Included(start_key), Bound::Unbounded), plan.in_order[start..].iter().collect())
            }
            Direction::Backward => (
                (Bound::Unbounded, Bound::Included(start_key)),
                plan.in_order[..=start].iter().rev().collect(),
            ),
        };
        let mut expected =
            keys.into_iter().filter_map(|(key, number)| Some((key.clone(), plan.expected(*number, view)?)));
        for _ in 0..4 {
            let (lower, upper) = (bounds.0.as_ref().map(Vec::as_slice), bounds.1.as_ref().map(Vec::as_slice));
            let page = self.index.page(lower, upper, view, 50, direction);
            let rows: Vec<_> =
                page.iter().map(|(key, found)| (key.to_vec(), sequence_of(found.bytes))).collect();
            let wanted: Vec<_> = expected.by_ref().take(50).collect();
            assert_eq!(rows, wanted, "{direction:?} at {view:?}");
            let Some((last, _)) = rows.last() else { break };
            match direction {
                Direction::Forward => bounds.0 = Bound::Excluded(last.clone()),
                Direction::Backward => bounds.1 = Bound::Excluded(last.clone()),
            }
        }
    }
}

/// Waits until every thread has got something done, as they may start late on a busy machine, but not for one that
/// has failed.
type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

fn wait_for(counters: &[&AtomicU64]) {
    for _ in 0..10_000 {
        if counters.iter().all(|counter| counter.load(Ordering::Relaxed) > 0) {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn f12_f13_every_reader_sees_exactly_its_view_while_all_else_moves() {
    let plan = Plan::new(2000);
    let world = World::new();
    let done = AtomicBool::new(false);
    let [pinned, unpinned, moved] = [const { AtomicU64::new(0) }; 3];
    let running = || !done.load(Ordering::Acquire);
    thread::scope(|scope| {
        scope.spawn(|| {
            plan.commits.iter().zip(1..).for_each(|(commit, sequence)| world.commit(sequence, commit));
            wait_for(&[&pinned, &unpinned, &moved]);
            done.store(true, Ordering::Release);
        });
        for seed in 0..2 {
            let (world, plan, pinned) = (&world, &plan, &pinned);
            scope.spawn(move || {
                let mut dice = Dice(100 + seed);
                while running() {
                    let view = world.views.pin();
                    for _ in 0..1 + dice.roll(5) {
                        world.check_keys(plan, view, &mut dice);
                        world.check_range(plan, view, &mut dice);
                        pinned.fetch_add(1, Ordering::Relaxed);
                    }
                    world.views.unpin(view);
                }
            });
        }
        scope.spawn(|| {
            // Without registering its view, as the store does it: what was found counts, and that nothing was found counts if
            // the horizon has not passed the view meanwhile.
            let mut dice = Dice(200);
            while running() {
                let view = world.views.published();
                let number = dice.roll(KEYS);
                let key = key(number);
                let found = world.index.get(&key, hash_of(Space::Keys, &key), view);
                let found = found.map(|found| sequence_of(found.bytes));
                let horizon = world.index.horizon();
                if found.is_some() || (horizon.sequence <= view.sequence && horizon.time <= view.time) {
                    assert_eq!(found, plan.expected(number, view), "key {number} at {view:?}");
                    unpinned.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        scope.spawn(|| {
            while running() {
                world.collect();
                world.index.maintain(Duration::ZERO);
                thread::yield_now();
            }
        });
        scope.spawn(|| {
            let mut dice = Dice(300);
            while running() {
                world.compact(dice.roll(60));
                moved.fetch_add(1, Ordering::Relaxed);
            }
        });
    });
    for counter in [pinned, unpinned, moved] {
        assert!(counter.into_inner() > 0, "a thread did nothing: the run proves nothing");
    }
    check_the_end(&plan, &world);
}

/// What is left when nobody writes any more is what the last view sees, each version of it counted once.
fn check_the_end(plan: &Plan, world: &World) {
    let last = world.views.published();
    world.collect();
    let in_order = plan.in_order.iter();
    let expected: Vec<_> =
        in_order.filter_map(|(key, number)| Some((key.clone(), plan.expected(*number, last)?))).collect();
    assert_eq!(world.index.len(last.time), u64::try_from(expected.len()).unwrap());
    let held = world.index.versions_page(Space::Keys, None, usize::MAX, world.index.horizon());
    let versions =
        |versions: &[Version]| versions.iter().map(|version| sequence_of(version.bytes)).collect::<Vec<_>>();
    let rows: Vec<_> = held.iter().map(|(key, held)| (key.to_vec(), versions(held))).collect();
    assert_eq!(rows, expected.into_iter().map(|(key, sequence)| (key, vec![sequence])).collect::<Vec<_>>());
    let mut all = std::mem::take(&mut *world.dropped.lock().unwrap());
    for (_, versions) in held {
        assert!(all.insert(versions[0].bytes), "{:?} is dropped, and yet held", versions[0]);
        world.count(&versions[0].extent(), -1);
    }
    assert_eq!(all.len(), plan.commits.iter().map(Vec::len).sum::<usize>());
    let there: BTreeSet<usize> = world.log.all().iter().map(|(address, _)| address.slot()).collect();
    let live = std::mem::take(&mut *world.live.lock().unwrap());
    let miscounted: Vec<_> =
        live.into_iter().filter(|(slot, live)| there.contains(slot) && *live != 0).collect();
    assert_eq!(miscounted, [], "segments, and how many entries too many are counted as live");
}

#[test]
fn f13_nobody_counts_half_a_commit() {
    const HALF: u64 = KEYS / 2;
    let world = World::new();
    let done = AtomicBool::new(false);
    let counted = AtomicU64::new(0);
    // Every commit brings one half, with and without deadlines, and deletes the other.
    let commit = |sequence: u64| {
        let kind = |number: u64| match (number % 2 == sequence % 2, number % 3) {
            (false, _) => DELETE,
            (true, 0) => until(u64::MAX),
            (true, _) => PLAIN,
        };
        world.commit(sequence, &(0..KEYS).map(|number| (number, kind(number))).collect::<Vec<_>>());
    };
    commit(1);
    thread::scope(|scope| {
        scope.spawn(|| {
            (2..60).for_each(&commit);
            wait_for(&[&counted]);
            done.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                assert_eq!(world.index.len(Timestamp(0)), HALF);
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
    });
    assert!(counted.into_inner() > 0, "nothing was counted: the run proves nothing");
}

#[test]
fn a_key_written_again_while_its_tombstone_is_collected_is_not_lost() {
    const TOGETHER: u64 = 200;
    const ROUNDS: u64 = 100;
    let world = World::new();
    let done = AtomicBool::new(false);
    let numbers: Vec<u64> = (CROWDED..CROWDED + TOGETHER).collect();
    let freed = || world.dropped.lock().unwrap().len();
    let (mut rounds, mut sequence) = (0, 0);
    let mut commit = |numbers: &[u64], kind: VersionKind| {
        sequence += 1;
        world.commit(sequence, &numbers.iter().map(|number| (*number, kind)).collect::<Vec<_>>());
    };
    let lost = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                world.collect();
            }
        });
        // The collector takes the tombstones in the order of the keys, all in one slice, so the keys that come back first are
        // those that it turns to last. On a busy machine it may start late: rounds count from then on, up to a limit.
        let lost = (0..10_000).find_map(|_| {
            let before = freed();
            commit(&numbers, DELETE);
            numbers.iter().rev().for_each(|number| commit(&[*number], PLAIN));
            rounds += u64::from(freed() > before);
            let view = world.views.published();
            let is_lost = |number: &&u64| {
                let key = key(**number);
                world.index.get(&key, hash_of(Space::Keys, &key), view).is_none()
            };
            numbers.iter().find(is_lost).map(Some).or((rounds == ROUNDS).then_some(None))
        });
        done.store(true, Ordering::Release);
        lost.flatten()
    });
    assert_eq!(lost, None, "this key is lost in round {rounds}");
    assert!(rounds > 0, "nothing was collected: the run proves nothing");
}
