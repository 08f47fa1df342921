//! A store as it is used every day: writing, reading, ranges, the batch log, streams, compaction, reopening.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::sync::Mutex;
use std::time::Duration;

use pentad_engine::{Batch, Durability, ErrorKind, Expect, Expiry, Options, Retention, Sequence, Store};

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn rows(store: &Store) -> Rows {
    store.range::<&[u8]>(..).map(|row| row.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap()).collect()
}

fn is_clean(store: &Store) -> bool {
    let report = store.verify(&mut |_| {}).unwrap();
    report.damage.is_empty() && report.torn_tail.is_none()
}

#[test]
fn what_was_put_is_there_and_stays_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = Store::open(&path).unwrap();
    assert_eq!(store.sequence(), Sequence(0));
    assert_eq!(store.put("b", "2").unwrap().sequence, Some(Sequence(1)));
    assert_eq!(store.put("a", "1").unwrap().sequence, Some(Sequence(2)));
    assert_eq!(store.delete("b").unwrap().deleted, 1);
    assert_eq!(store.delete("b").unwrap().sequence, None);
    let value = store.get("a").unwrap().unwrap();
    store.close().unwrap();
    assert_eq!(store.get("a").unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(value, b"1", "a value outlives its store");
    for _ in 0..3 {
        let store = Store::open(&path).unwrap();
        assert_eq!(rows(&store), [(b"a".to_vec(), b"1".to_vec())]);
        assert_eq!((store.len(), store.sequence()), (1, Sequence(3)));
        assert!(is_clean(&store));
        store.close().unwrap();
    }
    let reader = Store::open_read_only(&path).unwrap();
    assert_eq!(reader.get("a").unwrap().unwrap(), b"1");
    assert_eq!(reader.put("x", "y").unwrap_err().kind(), ErrorKind::ReadOnly);
}

#[test]
fn a_batch_is_one_commit_and_conditions_decide_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store")).unwrap();
    let mut batch = Batch::new();
    batch.put("k", "1").put("k", "2").delete("k").put("k", "3").put("l", "4");
    assert_eq!(store.commit(batch).unwrap().sequence, Some(Sequence(1)));
    assert_eq!(store.get("k").unwrap().unwrap(), b"3");
    assert_eq!(store.batch(Sequence(1)).unwrap().unwrap().len(), 4, "every pair, in order");
    let mut refused = Batch::new();
    refused.require("k", Expect::Absent).put("m", "5");
    let outcome = store.commit(refused).unwrap();
    assert!(!outcome.applied && outcome.sequence.is_none());
    let mut held = Batch::new();
    held.require("k", Expect::Value("3".into())).require("l", Expect::Unmodified(Sequence(1))).put("m", "5");
    assert!(store.commit(held).unwrap().applied);
    let mut counter = Batch::new();
    counter.increment("n", 5).increment("n", -7);
    assert_eq!(store.commit(counter).unwrap().counter, Some(-2));
    let mut wrong = Batch::new();
    wrong.put("z", "1").put("bad", "x").increment("bad", 1);
    assert_eq!(store.commit(wrong).unwrap_err().kind(), ErrorKind::WrongType);
    assert!(!store.contains_key("z").unwrap(), "nothing of a refused batch is there");
    let mut rename = Batch::new();
    rename.rename("k", "kk");
    assert!(store.commit(rename.clone()).unwrap().applied);
    assert_eq!(store.commit(rename).unwrap_err().kind(), ErrorKind::KeyNotFound);
    assert_eq!(store.get("kk").unwrap().unwrap(), b"3");
}

#[test]
fn f16_ranges_go_both_ways_and_keep_their_view() {
    let dir = tempfile::tempdir().unwrap();
    let store = Options::new().durability(Durability::Os).open(dir.path().join("store")).unwrap();
    for i in 0..2000u32 {
        store.put(format!("{i:05}"), i.to_le_bytes().to_vec()).unwrap();
    }
    let mut range = store.range("00100".to_owned().."00200".to_owned());
    for i in 0..2000u32 {
        store.put(format!("{i:05}"), "new value").unwrap();
    }
    let first = range.next().unwrap().unwrap();
    let last = range.next_back().unwrap().unwrap();
    assert_eq!((&first.0[..], &last.0[..]), (&b"00100"[..], &b"00199"[..]));
    assert_eq!(first.1, 100u32.to_le_bytes());
    assert_eq!(range.map(Result::unwrap).filter(|(_, v)| v.len() == 4).count(), 98);
    assert_eq!(store.prefix("0010").count(), 10);
    assert_eq!(store.range("b".."a").count(), 0);
    assert_eq!(store.prefix("").rev().count(), 2000);
    let mut both = store.range::<&str>(..);
    let mut met = 0;
    while both.next().is_some() {
        met += 1;
        met += usize::from(both.next_back().is_some());
    }
    assert_eq!(met, 2000, "the two ends meet without a gap or a repeat");
}

#[test]
fn a_stream_of_any_length_comes_back_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = Store::open(&path).unwrap();
    let bytes: Vec<u8> = (0..3_000_000u32).flat_map(|i| (i ^ 0x5bd1).to_le_bytes()).collect();
    let mut writer = store.stream().unwrap();
    writer.write_all(&bytes).unwrap();
    store.put("long", writer.finish().unwrap()).unwrap();
    let mut dropped = store.stream().unwrap();
    dropped.write_all(b"never put").unwrap();
    drop(dropped.finish().unwrap());
    store.put("inline", bytes[..2_000_000].to_vec()).unwrap();
    let mut rename = Batch::new();
    rename.rename("long", "longer");
    store.commit(rename).unwrap();
    store.close().unwrap();
    let store = Store::open(&path).unwrap();
    assert!(store.get("longer").unwrap().unwrap() == bytes);
    let mut read = Vec::new();
    store.reader("longer").unwrap().unwrap().read_to_end(&mut read).unwrap();
    assert!(read == bytes);
    assert!(store.get("inline").unwrap().unwrap() == bytes[..2_000_000]);
    assert_eq!(store.stats().stream_segments, 1);
    store.delete("longer").unwrap();
    store.prune(Sequence(100)).unwrap();
    store.compact().unwrap();
    assert_eq!(store.stats().stream_segments, 0);
    assert!(store.get("inline").unwrap().unwrap() == bytes[..2_000_000]);
    assert!(is_clean(&store));
}

#[test]
fn compaction_keeps_what_is_alive_or_pinned_and_frees_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let options = Options::new()
        .durability(Durability::Os)
        .segment_bytes(64 << 10)
        .retention(Retention::Commits(10))
        .auto_compact(false);
    let store = options.open(&path).unwrap();
    for round in 0..10u8 {
        for i in 0..500u32 {
            store.put(format!("{i:04}"), vec![round; 100]).unwrap();
        }
    }
    for i in (0..500u32).step_by(2) {
        store.delete(format!("{i:04}")).unwrap();
    }
    let before = rows(&store);
    let snapshot = store.snapshot().unwrap();
    let report = store.compact().unwrap();
    assert!(report.bytes_after < report.bytes_before / 5, "{report:?}");
    assert_eq!(rows(&store), before);
    for i in 0..500u32 {
        store.put(format!("{i:04}"), "x").unwrap();
    }
    for _ in 0..30 {
        store.put("filler", vec![0; 5000]).unwrap();
    }
    store.compact().unwrap();
    let seen: Rows =
        snapshot.range::<&[u8]>(..).map(|row| row.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap()).collect();
    assert!(seen == before, "the snapshot sees what it saw");
    drop(snapshot);
    let after = rows(&store);
    assert!(is_clean(&store));
    store.close().unwrap();
    let store = options.open(&path).unwrap();
    assert_eq!(rows(&store), after);
    assert_eq!(store.oldest_batch(), Some(Sequence(store.sequence().0 - 9)));
    assert!(is_clean(&store));
}

#[test]
fn f17_an_expired_entry_is_absent_at_once_and_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = Store::open(&path).unwrap();
    let mut batch = Batch::new();
    batch.put_expiring("gone", "1", Expiry::After(Duration::ZERO));
    batch.put_expiring("soon", "2", Expiry::After(Duration::from_secs(2)));
    batch.put_expiring("never", "3", Expiry::After(Duration::MAX));
    store.commit(batch).unwrap();
    assert!(store.get("gone").unwrap().is_none());
    assert!(store.get("soon").unwrap().is_some());
    assert_eq!(store.len(), 2);
    let snapshot = store.snapshot().unwrap();
    std::thread::sleep(Duration::from_millis(2010));
    assert!(store.get("soon").unwrap().is_none());
    assert!(store.entry_info("soon").unwrap().is_none());
    let seen = snapshot.entry_info("soon").unwrap().unwrap();
    assert!(seen.deadline.unwrap() <= store.now(), "a snapshot still knows a deadline that has passed");
    drop(snapshot);
    assert_eq!(rows(&store).len(), 1);
    assert_eq!(store.len(), 1);
    store.close().unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(store.len(), 1);
    assert_eq!(store.get("never").unwrap().unwrap(), b"3");
}

#[test]
fn entries_under_a_hash_alone_stay_apart_from_keys() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store")).unwrap();
    let hash = pentad_engine::key_hash(b"k");
    let mut batch = Batch::new();
    batch.put_hashed(hash, "by hash");
    store.commit(batch).unwrap();
    assert_eq!(store.get_with_hashed("k").unwrap().unwrap(), b"by hash");
    assert!(store.get("k").unwrap().is_none());
    store.put("k", "keyed").unwrap();
    assert_eq!(store.get_with_hashed("k").unwrap().unwrap(), b"keyed");
    assert_eq!(store.get_hashed(hash).unwrap().unwrap(), b"keyed");
    assert_eq!(store.last_entry().unwrap().unwrap(), b"keyed");
    assert_eq!((store.len(), rows(&store).len()), (2, 1));
    assert_eq!(store.batch(Sequence(1)).unwrap(), Some(vec![]));
    let mut both = Batch::new();
    both.delete_hashed(hash);
    assert_eq!(store.commit(both).unwrap().deleted, 2);
    assert!(store.is_empty());
    assert!(store.last_entry().unwrap().is_none());
}

#[test]
fn futures_commit_without_a_runtime() {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store")).unwrap();
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    for i in 0..100u64 {
        let mut batch = Batch::new();
        batch.put(i.to_le_bytes(), "v");
        let mut future = std::pin::pin!(store.submit(batch));
        let outcome = loop {
            match future.as_mut().poll(&mut context) {
                std::task::Poll::Ready(outcome) => break outcome.unwrap(),
                std::task::Poll::Pending => std::thread::park(),
            }
        };
        assert_eq!(outcome.sequence, Some(Sequence(i + 1)));
    }
    assert_eq!(store.len(), 100);
}

#[test]
fn commits_of_many_threads_share_groups_and_keep_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store")).unwrap();
    let tails = Mutex::new(HashSet::new());
    std::thread::scope(|scope| {
        for thread in 0..8u32 {
            let (store, tails) = (&store, &tails);
            scope.spawn(move || {
                let mut last = Sequence(0);
                for i in 0..50u32 {
                    let outcome = store.put(format!("{thread}-{i}"), "v").unwrap();
                    assert!(tails.lock().unwrap().insert(outcome.tail), "each commit has a tail of its own");
                    let sequence = outcome.sequence.unwrap();
                    assert!(sequence > last && store.sequence() >= sequence);
                    last = sequence;
                }
            });
        }
    });
    assert_eq!((store.len(), store.sequence()), (400, Sequence(400)));
    let stats = store.stats();
    assert_eq!(stats.commits, 400);
    assert!(stats.groups <= stats.commits && stats.syncs <= stats.groups, "{stats:?}");
}
