//! F13: batches are whole: after a kill in the middle of one, and to everyone who reads while groups commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::{SimClock, SimDisk, SimRandom};
use pentad_engine::{Batch, Durability, Options, Retention, Sequence, Store};

use crate::harness::request::{Change, End, Request};
use crate::harness::world::{Cut, STORE, World};
use crate::seeds::each_seed;

const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

fn tagged(tag: u64) -> Request {
    let durability = if tag.is_multiple_of(3) { Durability::Disk } else { Durability::Os };
    let value = [tag.to_le_bytes().as_slice(), &[b'x'; 300]].concat();
    let put = |key: &str| Change::Put { key: key.into(), value: value.clone().into(), end: End::Never };
    Request::of(durability, KEYS.iter().map(|key| put(key)).collect())
}

/// The one value of all keys.
fn value_of_all(store: &Store) -> Option<Vec<u8>> {
    let values = store.get_many(&KEYS).unwrap();
    let first = values[0].as_deref().map(<[u8]>::to_vec);
    for (key, value) in KEYS.iter().zip(&values) {
        assert_eq!(value.as_deref(), first.as_deref(), "{key} is of another batch than {}", KEYS[0]);
    }
    first
}

#[test]
fn f13_batch_cut_at_any_operation_is_there_whole_or_not_at_all() {
    each_seed("f13_batches::f13_batch_cut_at_any_operation_is_there_whole_or_not_at_all", 300, |seed| {
        let mut world = World::opened(seed);
        let operations = world.rng.below(40);
        world.off_in(operations);
        for tag in 0..12 {
            if let Err(stop) = world.commit(&tagged(tag)) {
                world.excuse(&stop);
                break;
            }
        }
        let cut = if world.rng.chance(500) { Cut::Power } else { Cut::Kill };
        world.cut(cut);
        world.open().unwrap_or_else(|stop| panic!("seed {seed}: {stop}"));
        let seen = value_of_all(world.store());
        assert_eq!(seen.is_some(), world.past.sequence() > 0, "seed {seed}");
    });
}

fn threaded(disk: &SimDisk) -> Store {
    let environment = Environment {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(SimClock::new(1)),
        random: Arc::new(SimRandom::new(1)),
        background: true,
    };
    let options = Options::new().segment_bytes(65_536).retention(Retention::All).environment(environment);
    options.open(STORE).unwrap()
}

const WRITERS: u64 = 3;
const BATCHES_EACH: u64 = 150;

fn writer(store: &Store, writer: u64) {
    let mut last = Sequence(0);
    for n in 0..BATCHES_EACH {
        let mut batch = Batch::new();
        batch.durability(if n % 4 == 0 { Durability::Disk } else { Durability::Os });
        let value = format!("{writer} {n}");
        for key in KEYS {
            batch.put(key, value.as_str());
        }
        let sequence = store.commit(batch).unwrap().sequence.unwrap();
        assert!(sequence > last, "writer {writer} got {sequence} after {last}");
        assert!(store.sequence() >= sequence, "an acknowledged commit is readable");
        last = sequence;
    }
}

/// Reads until the writers are done, and once more, however late it came to run; returns how many batches it saw.
fn reader(store: &Store, done: &AtomicBool) -> u64 {
    let (mut last, mut seen) = (Sequence(0), 0);
    let mut more = true;
    while more {
        more = !done.load(Ordering::SeqCst);
        let snapshot = store.snapshot().unwrap();
        assert!(snapshot.sequence() >= last, "a reader went back from {last} to {}", snapshot.sequence());
        seen += u64::from(snapshot.sequence() > last);
        last = snapshot.sequence();
        let of_snapshot: Vec<_> = KEYS.iter().map(|key| snapshot.get(key).unwrap()).collect();
        let whole = of_snapshot.iter().all(|value| value.as_deref() == of_snapshot[0].as_deref());
        assert!(whole, "a snapshot at {last} sees parts of batches: {of_snapshot:?}");
        value_of_all(store);
        if last.0 > 0 {
            let batch = store.batch(last).unwrap().expect("a readable sequence has its batch");
            assert_eq!(batch.len(), KEYS.len());
            assert_eq!(of_snapshot[0].as_deref(), Some(&batch[0].1[..]), "snapshot and batch log at {last}");
        }
    }
    seen
}

#[test]
fn f13_readers_during_group_commit_see_whole_batches_in_order() {
    let disk = SimDisk::new(1);
    let store = threaded(&disk);
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2).map(|_| scope.spawn(|| reader(&store, &done))).collect();
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| {
                scope.spawn({
                    let store = &store;
                    move || writer(store, n)
                })
            })
            .collect();
        let results: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        // The readers stop in any case, so that a writer's panic is what the test shows.
        done.store(true, Ordering::SeqCst);
        for result in results {
            result.unwrap();
        }
        readers.into_iter().map(|reader| reader.join().unwrap()).sum::<u64>()
    });
    assert!(seen > 0, "what was written can be seen");
    assert_eq!(store.sequence(), Sequence(WRITERS * BATCHES_EACH));
    store.close().unwrap();
    let store = threaded(&disk.crash(1));
    assert_eq!(store.sequence(), Sequence(WRITERS * BATCHES_EACH));
    assert!(value_of_all(&store).is_some());
}

/// Threads write while the power goes: every one of them must find again what it was promised.
#[test]
fn f13_acknowledged_groups_survive_a_cut_while_threads_write() {
    each_seed("f13_batches::f13_acknowledged_groups_survive_a_cut_while_threads_write", 30, |seed| {
        let disk = SimDisk::new(seed);
        let store = threaded(&disk);
        disk.fail_after(disk.operations() + 40 + seed * 3);
        let acknowledged: Vec<u64> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let store = &store;
                    scope.spawn(move || {
                        let mut count = 0;
                        while count < 1000 && store.put(format!("{writer} {count:04}"), "v").is_ok() {
                            count += 1;
                        }
                        count
                    })
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        let after = disk.crash(seed);
        drop(store);
        let store = threaded(&after);
        for (writer, &count) in acknowledged.iter().enumerate() {
            for n in 0..count {
                let key = format!("{writer} {n:04}");
                assert!(store.contains_key(&key).unwrap(), "seed {seed}: {key} was acknowledged and is gone");
            }
        }
        let extra = store.len() - acknowledged.iter().sum::<u64>();
        assert!(extra <= WRITERS, "seed {seed}: {extra} keys that nobody was told of");
        assert_eq!(store.sequence().0, store.len(), "seed {seed}: one commit, one key");
        store.close().unwrap();
    });
}
