//! Writers, readers, ranges, snapshots and compaction at once, on a real disk: every view is of whole batches in order.
//!
//! Each batch of a writer sets all keys of one group of the writer's to the same number, one higher each time, and deletes and
//! rewrites keys beside them. So any view in which the keys of a group differ shows half a batch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pentad_engine::{Batch, Durability, ErrorKind, Options, Retention, Sequence, Store};

const WRITERS: u32 = 3;
const GROUPS: u32 = 4;
const WIDTH: u32 = 8;
/// How long the threads run, in seconds, unless `PENTAD_STRESS_SECONDS` says otherwise; opening and checking come on top.
const RUN_S: u64 = 4;

fn run_time() -> Duration {
    let seconds = std::env::var("PENTAD_STRESS_SECONDS").map_or(RUN_S, |text| {
        text.parse().unwrap_or_else(|error| panic!("PENTAD_STRESS_SECONDS is {text:?}: {error}"))
    });
    Duration::from_secs(seconds)
}

fn key(writer: u32, group: u32, part: u32) -> String {
    format!("{writer}/{group}/{part}")
}

fn batch_of(writer: u32, number: u64) -> Batch {
    let group = u32::try_from(number % u64::from(GROUPS)).unwrap();
    let mut batch = Batch::new();
    let value = format!("{number:010}{}", "x".repeat(usize::try_from(number % 500).unwrap()));
    for part in 0..WIDTH {
        batch.put(key(writer, group, part), value.as_str());
    }
    let passing = format!("{writer}/passing");
    if number.is_multiple_of(2) {
        batch.put(passing, value.as_str())
    } else {
        batch.delete(passing)
    };
    batch.durability(if number.is_multiple_of(16) { Durability::Disk } else { Durability::Os });
    batch
}

fn number_of(value: &[u8]) -> u64 {
    std::str::from_utf8(&value[..10]).unwrap().parse().unwrap()
}

/// The number that a group stands at, whole; 0 before its first batch.
fn whole(rows: &[(Vec<u8>, u64)], context: &str) -> u64 {
    let Some((_, first)) = rows.first() else { return 0 };
    assert_eq!(rows.len(), WIDTH as usize, "{context}: half a batch: {rows:?}");
    assert!(rows.iter().all(|(_, number)| number == first), "{context}: two batches mixed: {rows:?}");
    *first
}

fn rows(
    range: impl Iterator<Item = pentad_engine::Result<(bytes::Bytes, pentad_engine::Value)>>,
) -> Vec<(Vec<u8>, u64)> {
    range.map(|row| row.map(|(key, value)| (key.to_vec(), number_of(&value))).unwrap()).collect()
}

fn write(store: &Store, writer: u32, stop: &AtomicBool) -> u64 {
    let mut number = 0;
    let mut last = Sequence(0);
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let outcome = store.commit(batch_of(writer, number)).unwrap();
        let sequence = outcome.sequence.unwrap();
        assert!(sequence > last, "{sequence} was given after {last}");
        last = sequence;
        assert!(store.sequence() >= sequence, "an acknowledged commit is visible");
        assert!(store.tail() >= outcome.tail);
        let group = u32::try_from(number % u64::from(GROUPS)).unwrap();
        let value = store.get(key(writer, group, 3)).unwrap().unwrap();
        assert_eq!(number_of(&value), number, "a writer reads what he wrote");
    }
    number
}

fn read(store: &Store, stop: &AtomicBool) {
    let mut seen = vec![0; (WRITERS * GROUPS) as usize];
    let mut last = Sequence(0);
    while !stop.load(Ordering::Relaxed) {
        for writer in 0..WRITERS {
            for group in 0..GROUPS {
                let prefix = format!("{writer}/{group}/");
                let at = &mut seen[(writer * GROUPS + group) as usize];
                let number = whole(&rows(store.prefix(&prefix)), "range");
                assert!(number >= *at, "group {prefix} went back from {at} to {number}");
                let backwards = whole(&rows(store.prefix(&prefix).rev()), "range from the end");
                assert!(backwards >= number);
                let keys: Vec<_> = (0..WIDTH).map(|part| key(writer, group, part)).collect();
                let many = store.get_many(&keys).unwrap();
                let many: Vec<_> =
                    many.iter().flatten().map(|value| (Vec::new(), number_of(value))).collect();
                *at = whole(&many, "get_many").max(backwards);
                // One by one the keys may come from later and later batches, never from earlier ones.
                for key in &keys {
                    let single = store.get(key).unwrap().map_or(0, |value| number_of(&value));
                    assert!(single >= *at, "{key} is at {single}, its batch was seen at {at}");
                    *at = single;
                }
            }
        }
        let now = store.sequence();
        assert!(now >= last, "the sequence went back from {last} to {now}");
        last = now;
    }
}

fn follow(store: &Store, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let now = store.sequence();
        if now == Sequence(0) {
            continue;
        }
        // Readable as soon as the sequence says so, unless retention has given it up since.
        match store.batch(now).unwrap() {
            Some(pairs) => {
                let numbers: Vec<u64> = pairs.iter().map(|(_, value)| number_of(value)).collect();
                assert!(numbers.len() >= WIDTH as usize, "commit {now} has {} pairs", numbers.len());
                assert!(numbers.iter().all(|number| *number == numbers[0]), "commit {now} is mixed");
            }
            None => {
                assert!(store.oldest_batch().is_none_or(|oldest| oldest > now), "commit {now} is missing")
            }
        }
        let mut expected = None;
        for record in store.commits(Sequence(now.0.saturating_sub(20))).unwrap() {
            match record {
                Ok(record) => {
                    assert!(
                        expected.is_none_or(|next| next == record.sequence),
                        "a hole before {}",
                        record.sequence
                    );
                    expected = Some(Sequence(record.sequence.0 + 1));
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::NotRetained, "{error}");
                    break;
                }
            }
        }
    }
}

/// Snapshots stay as they are, however long they are held.
fn hold(store: &Store, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let snapshot = store.snapshot().unwrap();
        let before = rows(snapshot.range::<&str>(..));
        for writer in 0..WRITERS {
            for group in 0..GROUPS {
                whole(&rows(snapshot.prefix(format!("{writer}/{group}/"))), "snapshot");
            }
        }
        std::thread::sleep(Duration::from_millis(30));
        for (key, number) in &before {
            assert_eq!(snapshot.get(key).unwrap().map(|value| number_of(&value)), Some(*number), "{key:?}");
        }
        assert_eq!(rows(snapshot.range::<&str>(..)), before, "the snapshot at {}", snapshot.sequence());
    }
}

fn tidy(store: &Store, stop: &AtomicBool) -> u64 {
    let mut moved = 0;
    while !stop.load(Ordering::Relaxed) {
        store.prune(Sequence(store.sequence().0.saturating_sub(50))).unwrap();
        moved += store.compact().unwrap().segments_before;
        store.maintain().unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    moved
}

/// Stops the others also when one fails, so that the failure is told and not waited for.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn f13_every_view_is_of_whole_batches_while_all_goes_on_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let options = Options::new().segment_bytes(64 << 10).retention(Retention::Commits(200));
    let store = options.open(&path).unwrap();
    let stop = AtomicBool::new(false);
    let (written, compacted) = std::thread::scope(|scope| {
        let (store, stop) = (&store, &stop);
        let spawn = |work: fn(&Store, &AtomicBool)| {
            let run = move || {
                let _stop = StopOnDrop(stop);
                work(store, stop);
            };
            std::thread::Builder::new().spawn_scoped(scope, run).unwrap()
        };
        spawn(read);
        spawn(follow);
        spawn(hold);
        let run = move || {
            let _stop = StopOnDrop(stop);
            tidy(store, stop)
        };
        let tidying = std::thread::Builder::new().spawn_scoped(scope, run).unwrap();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let run = move || {
                    let _stop = StopOnDrop(stop);
                    write(store, writer, stop)
                };
                std::thread::Builder::new().spawn_scoped(scope, run).unwrap()
            })
            .collect();
        let mut waited = Duration::ZERO;
        while waited < run_time() && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
            waited += Duration::from_millis(50);
        }
        stop.store(true, Ordering::Relaxed);
        let written: Vec<u64> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        (written, tidying.join().unwrap())
    });
    assert!(written.iter().all(|&count| count > 10), "every writer got on: {written:?}");
    assert!(compacted > 0, "something was compacted meanwhile");
    assert_eq!(store.sequence(), Sequence(written.iter().sum()), "one sequence for each batch, and no hole");
    let before = rows(store.range::<&str>(..));
    assert!(store.verify(&mut |_| {}).unwrap().damage.is_empty());
    store.close().unwrap();
    let store = options.open(&path).unwrap();
    assert_eq!(rows(store.range::<&str>(..)), before);
    assert_eq!(store.sequence(), Sequence(written.iter().sum()));
}

/// A read looks at a view that nothing pins. While a key was rewritten, its old version could be dropped under such a read, which
/// then took the entry under the bare hash for the answer, although the key had never been absent.
#[test]
fn a_key_that_is_rewritten_is_never_taken_for_absent() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new().segment_bytes(1 << 20).durability(Durability::Os);
    let store = options.retention(Retention::Commits(1)).open(dir.path().join("store")).unwrap();
    let hash = pentad_engine::key_hash(b"key");
    let mut batch = Batch::new();
    batch.put_hashed(hash, "under the hash");
    store.commit(batch).unwrap();
    store.put("key", "under the key").unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (store, stop) = (&store, &stop);
        for _ in 0..2 {
            let run = move || {
                let _stop = StopOnDrop(stop);
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(store.get_with_hashed("key").unwrap().unwrap(), b"under the key");
                    assert_eq!(store.get_hashed(hash).unwrap().unwrap(), b"under the key");
                    assert!(store.contains_key("key").unwrap());
                }
            };
            std::thread::Builder::new().spawn_scoped(scope, run).unwrap();
        }
        let _stop = StopOnDrop(stop);
        for _ in 0..20_000 {
            store.put("key", "under the key").unwrap();
        }
    });
}
