//! Readers against a writer, a collector and a compactor on threads of their own.
//!
//! The commits are planned beforehand, so that every reader knows what its view must show. A view is registered as
//! the store does it: under the lock under which the horizon is taken.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::super::{Position, Space, VersionKind, View};
use super::parts::{DELETE, PLAIN, change, place, until, version, view};
use crate::index::{Direction, Index};
use crate::numbers::{Sequence, Timestamp};

const KEYS: u64 = 3000;
/// So many keys share one hash.
const CROWDED: u64 = 40;

fn key(number: u64) -> Vec<u8> {
    format!("key {number:06}").into_bytes()
}

fn hash(number: u64) -> u64 {
    if number < CROWDED { 1 } else { 1000 + number }
}

/// A small generator (splitmix64, Sebastiano Vigna): the plan and the readers' choices come from seeds.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// What every commit does, and what each key went through.
struct Plan {
    commits: Vec<Vec<(u64, VersionKind)>>,
    keys: BTreeMap<u64, Vec<(u64, VersionKind)>>,
}

impl Plan {
    fn new(commits: u64) -> Self {
        let mut dice = Dice(7);
        let mut plan = Self { commits: Vec::new(), keys: BTreeMap::new() };
        for sequence in 1..=commits {
            // Most commits are small; some take several slices.
            let size = if sequence % 40 == 0 { 2500 } else { 1 + dice.roll(20) };
            let start = dice.roll(KEYS);
            let mut changes = Vec::new();
            for step in 0..size {
                let number =
                    if size > 100 { (start + step) % KEYS } else { dice.roll(KEYS / 10) * 10 % KEYS };
                let kind = match dice.roll(4) {
                    0 => DELETE,
                    1 => until(sequence + dice.roll(30)),
                    _ => PLAIN,
                };
                if changes.iter().any(|(taken, _)| *taken == number) {
                    continue;
                }
                changes.push((number, kind));
                plan.keys.entry(number).or_default().push((sequence, kind));
            }
            plan.commits.push(changes);
        }
        plan
    }

    /// The sequence of the commit whose entry a view shows under a key.
    fn expected(&self, number: u64, view: View) -> Option<Sequence> {
        let history = self.keys.get(&number)?;
        let seen = history.partition_point(|(sequence, _)| *sequence <= view.sequence.0);
        let (sequence, kind) = history[seen.checked_sub(1)?];
        version(sequence, 0, kind).is_live_at(view.time).then_some(Sequence(sequence))
    }
}

/// The published sequence and the views in use. Time goes with the sequence.
#[derive(Default)]
struct Views {
    published: AtomicU64,
    pins: Mutex<BTreeMap<u64, u64>>,
}

impl Views {
    fn pin(&self) -> View {
        let mut pins = self.pins.lock().unwrap();
        let now = self.published.load(Ordering::Acquire);
        *pins.entry(now).or_default() += 1;
        view(now, now)
    }

    fn unpin(&self, view: View) {
        let mut pins = self.pins.lock().unwrap();
        let count = pins.get_mut(&view.sequence.0).expect("it was pinned");
        *count -= 1;
        if *count == 0 {
            pins.remove(&view.sequence.0);
        }
    }

    fn horizon(&self) -> View {
        let pins = self.pins.lock().unwrap();
        let published = self.published.load(Ordering::Acquire);
        let oldest = pins.keys().next().copied().unwrap_or(published);
        view(oldest, oldest)
    }
}

/// Waits until every thread has got something done, as they may start late on a busy machine, but not for one that
/// has failed.
fn wait_for(counters: &[&AtomicU64]) {
    for _ in 0..10_000 {
        if counters.iter().all(|counter| counter.load(Ordering::Relaxed) > 0) {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn check_keys(index: &Index, plan: &Plan, view: View, dice: &mut Dice) {
    for _ in 0..20 {
        let number = dice.roll(KEYS);
        let found = index.get(&key(number), hash(number), view).map(|found| found.sequence);
        assert_eq!(found, plan.expected(number, view), "key {number} at {view:?}");
    }
    let crowd = (0..CROWDED).filter_map(|number| plan.expected(number, view));
    let found = index.newest_with_hash(1, view).map(|(_, _, found)| found.sequence);
    assert_eq!(found, crowd.max(), "the newest of the crowd at {view:?}");
}

fn check_range(index: &Index, plan: &Plan, view: View, dice: &mut Dice) {
    let start = dice.roll(KEYS);
    let direction = if dice.roll(2) == 0 { Direction::Forward } else { Direction::Backward };
    let all = 0..KEYS;
    let numbers: Vec<u64> = match direction {
        Direction::Forward => all.skip_while(|number| *number < start).collect(),
        Direction::Backward => all.rev().skip_while(|number| *number > start).collect(),
    };
    let mut expected = numbers
        .into_iter()
        .filter_map(|number| plan.expected(number, view).map(|found| (key(number), found)));
    let start = key(start);
    let mut bounds: (Bound<Vec<u8>>, Bound<Vec<u8>>) = match direction {
        Direction::Forward => (Bound::Included(start), Bound::Unbounded),
        Direction::Backward => (Bound::Unbounded, Bound::Included(start)),
    };
    for _ in 0..4 {
        let (lower, upper) = (bounds.0.as_ref().map(Vec::as_slice), bounds.1.as_ref().map(Vec::as_slice));
        let page = index.page(lower, upper, view, 50, direction);
        let rows: Vec<_> = page.iter().map(|(key, found)| (key.to_vec(), found.sequence)).collect();
        let wanted: Vec<_> = expected.by_ref().take(50).collect();
        assert_eq!(rows, wanted, "{direction:?} at {view:?}");
        let Some((last, _)) = rows.last() else { break };
        match direction {
            Direction::Forward => bounds.0 = Bound::Excluded(last.clone()),
            Direction::Backward => bounds.1 = Bound::Excluded(last.clone()),
        }
    }
}

#[test]
fn f12_f13_every_reader_sees_exactly_its_view_while_all_else_moves() {
    let plan = Plan::new(2000);
    let index = Index::new(3);
    let views = Views::default();
    let done = AtomicBool::new(false);
    let names = AtomicU64::new(0);
    let dropped = Mutex::new(BTreeSet::new());
    let drop_one = |name: u64| assert!(dropped.lock().unwrap().insert(name), "{name} is dropped twice");
    let [pinned, unpinned, moved] = [const { AtomicU64::new(0) }; 3];
    let running = || !done.load(Ordering::Acquire);

    thread::scope(|scope| {
        scope.spawn(|| {
            for (commit, sequence) in plan.commits.iter().zip(1_u64..) {
                let keys: Vec<_> =
                    commit.iter().map(|(number, kind)| (key(*number), hash(*number), *kind)).collect();
                let changes: Vec<_> = keys
                    .iter()
                    .map(|(key, hash, kind)| {
                        let name = names.fetch_add(1, Ordering::Relaxed);
                        change(key, *hash, version(sequence, name, *kind))
                    })
                    .collect();
                index.apply(&changes, views.horizon(), &mut |version| drop_one(version.bytes()));
                views.published.store(sequence, Ordering::Release);
            }
            wait_for(&[&pinned, &unpinned, &moved]);
            done.store(true, Ordering::Release);
        });
        for seed in 0..2 {
            let (views, index, plan, pinned) = (&views, &index, &plan, &pinned);
            scope.spawn(move || {
                let mut dice = Dice(100 + seed);
                while running() {
                    let view = views.pin();
                    for _ in 0..1 + dice.roll(5) {
                        check_keys(index, plan, view, &mut dice);
                        check_range(index, plan, view, &mut dice);
                        pinned.fetch_add(1, Ordering::Relaxed);
                    }
                    views.unpin(view);
                }
            });
        }
        scope.spawn(|| {
            // Without registering its view: what it read counts if the horizon has not passed it meanwhile.
            let mut dice = Dice(200);
            while running() {
                let now = views.published.load(Ordering::Acquire);
                let number = dice.roll(KEYS);
                let found = index.get(&key(number), hash(number), view(now, now)).map(|found| found.sequence);
                let horizon = index.horizon();
                if horizon.sequence <= Sequence(now) && horizon.time <= Timestamp(now) {
                    assert_eq!(found, plan.expected(number, view(now, now)), "key {number} at {now}");
                    unpinned.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        scope.spawn(|| {
            while running() {
                index.collect(views.horizon(), &mut |version| drop_one(version.bytes()));
                thread::yield_now();
            }
        });
        scope.spawn(|| {
            let mut dice = Dice(300);
            let places = AtomicU64::new(1 << 40);
            while running() {
                let after = key(dice.roll(KEYS));
                for (key, versions) in index.versions_page(Space::Keys, Some(&after), 20) {
                    let number = str::from_utf8(&key[4..]).unwrap().parse().unwrap();
                    for version in versions {
                        let to: Position = place(places.fetch_add(1, Ordering::Relaxed));
                        let (sequence, from) = (version.sequence, version.position);
                        if index.relocate(Space::Keys, &key, hash(number), sequence, from, to) {
                            moved.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            }
        });
    });

    for (what, count) in [("pinned", &pinned), ("unpinned", &unpinned), ("moved", &moved)] {
        assert!(count.load(Ordering::Relaxed) > 0, "nothing was {what}: the run proves nothing");
    }
    // Both parts agree at the end, and nothing is held that is not needed or was reported as dropped.
    let last = views.horizon();
    index.collect(last, &mut |version| drop_one(version.bytes()));
    for number in 0..KEYS {
        let found = index.get(&key(number), hash(number), last).map(|found| found.sequence);
        assert_eq!(found, plan.expected(number, last), "key {number} at the end");
    }
    let live = (0..KEYS).filter(|number| plan.expected(*number, last).is_some()).count();
    assert_eq!(index.len(last.time), u64::try_from(live).unwrap());
    let held = index.versions_page(Space::Keys, None, usize::MAX);
    assert_eq!(held.len(), live);
    let mut all = dropped.into_inner().unwrap();
    for (key, versions) in held {
        assert_eq!(versions.len(), 1, "{key:?} keeps more than it needs");
        assert!(all.insert(versions[0].bytes()), "dropped and yet held");
    }
    assert_eq!(u64::try_from(all.len()).unwrap(), names.into_inner());
}

#[test]
fn f13_nobody_counts_half_a_commit() {
    let index = Index::new(3);
    let done = AtomicBool::new(false);
    let halves: [Vec<_>; 2] = [(0..KEYS).map(key).collect(), (KEYS..2 * KEYS).map(key).collect()];
    let counted = AtomicU64::new(0);
    // Every commit brings one half, with and without deadlines, and deletes the other.
    let commit = |sequence: u64| {
        let (comes, goes) = if sequence.is_multiple_of(2) { (0, 1) } else { (1, 0) };
        let mut changes = Vec::new();
        for (half, is_there) in [(comes, true), (goes, false)] {
            for (key, number) in halves[half].iter().zip(0..) {
                let kind = match (is_there, number % 3) {
                    (false, _) => DELETE,
                    (true, 0) => until(u64::MAX),
                    (true, _) => PLAIN,
                };
                let own = number + KEYS * u64::try_from(half).unwrap();
                changes.push(change(key, own, version(sequence, sequence * 10_000 + own, kind)));
            }
        }
        index.apply(&changes, view(sequence - 1, 0), &mut |_| {});
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
                assert_eq!(index.len(Timestamp(0)), KEYS);
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
    });
    assert!(counted.into_inner() > 0, "nothing was counted: the run proves nothing");
}

#[test]
fn a_key_written_again_while_its_tombstone_is_collected_is_not_lost() {
    const TOGETHER: u64 = 500;
    let index = Index::new(3);
    let published = AtomicU64::new(0);
    let done = AtomicBool::new(false);
    let freed = AtomicU64::new(0);
    let keys: Vec<_> = (CROWDED..CROWDED + TOGETHER).map(|number| (key(number), hash(number))).collect();
    let commit = |keys: &[(Vec<u8>, u64)], kind: VersionKind| {
        let before = published.load(Ordering::Acquire);
        let sequence = before + 1;
        let changes: Vec<_> =
            keys.iter().map(|(key, hash)| change(key, *hash, version(sequence, sequence, kind))).collect();
        index.apply(&changes, view(before, 0), &mut |_| {});
        published.store(sequence, Ordering::Release);
        view(sequence, 0)
    };
    let mut rounds = 0;
    let lost = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                index.collect(view(published.load(Ordering::Acquire), 0), &mut |_| {
                    freed.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        // The collector takes the tombstones in the order of the hashes, all in one slice, so the keys that come
        // back first are the ones that it turns to last. On a busy machine it may start late: rounds count from
        // then on, up to a limit.
        let lost = (0..100_000).find_map(|_| {
            let before = freed.load(Ordering::Relaxed);
            let mut now = commit(&keys, DELETE);
            for key in keys.iter().rev() {
                now = commit(std::slice::from_ref(key), PLAIN);
            }
            rounds += u64::from(freed.load(Ordering::Relaxed) > before);
            let lost = keys.iter().find(|(key, hash)| index.get(key, *hash, now).is_none());
            lost.map(Some).or((rounds == 1000).then_some(None))
        });
        done.store(true, Ordering::Release);
        lost.flatten()
    });
    assert_eq!(lost, None, "this key is lost in round {rounds}");
    assert!(rounds > 0, "nothing was collected: the run proves nothing");
}
