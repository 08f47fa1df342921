//! System entries, and store time that only commits move: where they show and where they do not.

#![expect(clippy::disallowed_methods, reason = "the identity is looked at as an older version would")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pentad_engine::seams::{Environment, StoppedClock};
use pentad_engine::{
    Batch, Durability, ErrorKind, Expect, Expiry, Options, Outcome, Retention, Sequence, Store, Timestamp,
    WatchEvent, WatchFilter,
};

fn system(store: &Store, key: &str) -> Option<String> {
    store.get_system(key).unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap())
}

fn put_system(store: &Store, key: &str, value: &str) -> Outcome {
    let mut batch = Batch::new();
    batch.put_system(key, value);
    store.commit(batch).unwrap()
}

fn stopped() -> Options {
    Options::new().environment(Environment { clock: Arc::new(StoppedClock::new()), ..Environment::real() })
}

#[test]
fn system_entries_are_with_their_commit_and_outside_every_keyspace() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store")).unwrap();
    let mut watch = store.watch(WatchFilter::All, store.sequence().next()).unwrap();
    let mut batch = Batch::new();
    batch.put("key", "value").put_system("applied", "1").put_system_with("made", |outcome| {
        format!("{:?} {}", outcome.sequence, outcome.deleted).into_bytes()
    });
    assert_eq!(store.commit(batch).unwrap().sequence, Some(Sequence(1)));
    let tail = store.tail();
    let alone = put_system(&store, "applied", "2");
    assert!(alone.applied && alone.sequence.is_none() && alone.tail > tail);
    assert_eq!(system(&store, "applied").as_deref(), Some("2"));
    assert_eq!(system(&store, "made").as_deref(), Some("Some(Sequence(1)) 0"));
    assert_eq!((store.len(), store.sequence()), (1, Sequence(1)));
    assert!(store.get("applied").unwrap().is_none() && system(&store, "key").is_none());
    assert_eq!(store.range::<&[u8]>(..).count(), 1);
    assert_eq!(store.batch(Sequence(1)).unwrap().unwrap().len(), 1);
    assert_eq!(store.commits(Sequence(1)).unwrap().count(), 1);
    assert_eq!(store.snapshot().unwrap().newest_first().unwrap().count(), 1);
    store.put("key", "again").unwrap();
    let told: Vec<_> =
        std::iter::from_fn(|| watch.next_timeout(Duration::from_millis(200)).unwrap()).collect();
    let changes = |event: &WatchEvent| match event {
        WatchEvent::Commit(commit) => (commit.sequence.0, commit.changes.len()),
        other => panic!("{other:?}"),
    };
    assert_eq!(told.iter().map(changes).collect::<Vec<_>>(), [(1, 1), (2, 1)]);
    let prefixed: Vec<_> = store.system_entries("app").unwrap();
    assert_eq!(prefixed, [("applied".into(), "2".into())]);
}

#[test]
fn what_is_refused_or_fails_writes_no_system_entry() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store")).unwrap();
    store.put("text", "no number").unwrap();
    let tail = store.tail();
    let mut refused = Batch::new();
    refused.require("absent", Expect::Present).put("x", "y").put_system("applied", "1");
    assert!(!store.commit(refused).unwrap().applied);
    let mut failing = Batch::new();
    failing.increment("text", 1).put_system("applied", "1");
    assert_eq!(store.commit(failing).unwrap_err().kind(), ErrorKind::WrongType);
    let mut too_long = Batch::new();
    too_long.put_system(vec![b'k'; 70_000], "1");
    assert_eq!(store.commit(too_long).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!((system(&store, "applied"), store.tail()), (None, tail));
    let mut nothing = Batch::new();
    nothing.delete("absent").put_system("applied", "2");
    assert_eq!(store.commit(nothing).unwrap().sequence, None);
    let mut always = Batch::new();
    always.always().put_system("applied", "3");
    assert_eq!(store.commit(always).unwrap().sequence, Some(Sequence(2)));
    assert_eq!(system(&store, "applied").as_deref(), Some("3"));
}

#[test]
fn a_deleted_system_entry_stays_deleted_and_the_last_operation_of_a_batch_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = Options::new().retention(Retention::Commits(0)).open(&path).unwrap();
    put_system(&store, "a", "1");
    let mut batch = Batch::new();
    batch.delete_system("a").delete_system("never").put_system("b", "1").put_system("b", "2");
    store.commit(batch).unwrap();
    let check = |store: &Store| {
        assert_eq!(store.system_entries("").unwrap(), [("b".into(), "2".into())]);
        assert_eq!((system(store, "a"), system(store, "b").as_deref()), (None, Some("2")));
    };
    check(&store);
    store.compact().unwrap();
    check(&store);
    store.close().unwrap();
    let store = Store::open(&path).unwrap();
    check(&store);
}

/// A replica says how far it is with every commit: what it said before must not stay, whatever the batch log retains.
#[test]
fn old_values_of_a_system_entry_are_reclaimed_although_the_history_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let options = Options::new().segment_bytes(65_536).retention(Retention::Bytes(100_000));
    let store = options.clone().open(&path).unwrap();
    for n in 0..5_000_u64 {
        let mut batch = Batch::new();
        batch
            .durability(Durability::Os)
            .put_system("applied", [n.to_le_bytes().as_slice(), &[7; 100]].concat());
        if n.is_multiple_of(100) {
            batch.put(format!("key {n:05}"), "value");
        }
        store.commit(batch).unwrap();
    }
    store.compact().unwrap();
    let stats = store.stats();
    assert!(stats.disk_bytes < 1_500_000, "{} bytes on disk", stats.disk_bytes);
    assert!(stats.live_bytes < 100_000, "{} live bytes", stats.live_bytes);
    assert_eq!(&store.get_system("applied").unwrap().unwrap()[..8], 4_999_u64.to_le_bytes());
    assert_eq!(store.len(), 50);
    store.close().unwrap();
    let store = options.open(&path).unwrap();
    assert_eq!(&store.get_system("applied").unwrap().unwrap()[..8], 4_999_u64.to_le_bytes());
}

#[test]
fn backups_and_repair_take_system_entries_along() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let store = Store::open(at("store")).unwrap();
    put_system(&store, "applied", "1");
    store.put("key", "value").unwrap();
    put_system(&store, "applied", "2");
    store.backup(at("backups"), &mut |_| ()).unwrap();
    put_system(&store, "applied", "3");
    store.close().unwrap();
    pentad_engine::Backups::open(at("backups")).unwrap().restore(None, at("restored"), &mut |_| ()).unwrap();
    let held = |path: &Path| {
        let store = Store::open(path).unwrap();
        (system(&store, "applied"), store.get("key").unwrap().is_some(), store.len())
    };
    assert_eq!(held(&at("restored")), (Some("2".to_owned()), true, 1));
    pentad_engine::repair(&at("store"), &at("repaired"), &Options::new(), &mut |_| ()).unwrap();
    assert_eq!(held(&at("repaired")), (Some("3".to_owned()), true, 1));
}

/// A replica says of its snapshots which entry they are of. It notes that in the moment of the backup, while entries are applied. Where
/// next to nothing is retained, the floor of the batch log moved on between the moment and the look at it, past the last commit of the
/// backup, and that was refused as damaged when it was restored.
#[test]
fn f25_what_is_noted_in_the_moment_of_a_backup_is_what_the_backup_holds() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: String| dir.path().join(name);
    let store = Options::new().retention(Retention::Commits(0)).open(at("store".into())).unwrap();
    put_system(&store, "applied", "0");
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for applied in 1.. {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                let mut batch = Batch::new();
                batch.put("n", format!("{applied}")).put_system("applied", format!("{applied}"));
                batch.durability(Durability::Os);
                store.commit(batch).unwrap();
            }
        });
        for round in 0..10 {
            let (backups, restored) = (at(format!("backups-{round}")), at(format!("restored-{round}")));
            let mut noted = None;
            store.backup_noting(&backups, || noted = system(&store, "applied"), &mut |_| ()).unwrap();
            pentad_engine::Backups::open(&backups).unwrap().restore(None, &restored, &mut |_| ()).unwrap();
            let restored = Store::open(&restored).unwrap();
            let value = restored.get("n").unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap());
            assert_eq!(system(&restored, "applied"), noted, "round {round}");
            assert_eq!(value.or(Some("0".to_owned())), noted, "round {round}");
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

/// Bytes 40-47 of the identity: a version that does not know a bit there refuses the store and names the bit.
#[test]
fn the_first_system_entry_is_announced_to_older_versions() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let features = || {
        let bytes = std::fs::read(path.join("identity")).unwrap();
        u64::from_le_bytes(bytes[40..48].try_into().unwrap())
    };
    let store = Store::open(&path).unwrap();
    store.put("key", "value").unwrap();
    assert_eq!(features(), 0, "what older versions know stays theirs to open");
    put_system(&store, "applied", "1");
    assert_eq!(features(), 1);
    assert!(store.verify(&mut |_| ()).unwrap().damage.is_empty());
    store.close().unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(system(&store, "applied").as_deref(), Some("1"));
    assert!(store.verify(&mut |_| ()).unwrap().damage.is_empty());
}

#[test]
fn on_a_stopped_clock_commits_alone_move_store_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = stopped().open(&path).unwrap();
    assert_eq!(store.now(), Timestamp(0));
    let at = |ns: u64| {
        let mut batch = Batch::new();
        batch.at(Timestamp(ns));
        batch
    };
    let mut batch = at(1_000);
    batch.put_expiring("short", "v", Expiry::After(Duration::from_nanos(500))).put("long", "v");
    store.commit(batch).unwrap();
    assert_eq!(store.now(), Timestamp(1_000));
    let mut refused = at(5_000);
    refused.require("absent", Expect::Present).put("x", "y");
    assert!(!store.commit(refused).unwrap().applied);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(
        (store.now(), store.len()),
        (Timestamp(1_000), 2),
        "nothing was written, so nothing has moved"
    );
    // An earlier time is that of the store.
    let mut early = at(10);
    early.put_expiring("relative", "v", Expiry::After(Duration::from_nanos(100)));
    store.commit(early).unwrap();
    assert_eq!(store.entry_info("relative").unwrap().unwrap().deadline, Some(Timestamp(1_100)));
    // Conditions are judged at the time of their commit.
    let mut late = at(1_500);
    late.require("short", Expect::Absent).put_system("clock", "1500");
    assert!(store.commit(late).unwrap().applied);
    assert_eq!((store.now(), store.len()), (Timestamp(1_500), 1));
    assert!(store.get("short").unwrap().is_none() && store.get("long").unwrap().is_some());
    store.close().unwrap();
    let store = stopped().open(&path).unwrap();
    assert_eq!((store.now(), store.len()), (Timestamp(1_500), 1), "as it was, however long ago that is");
}

#[test]
fn each_commit_of_a_group_has_its_own_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = stopped().open(dir.path().join("store")).unwrap();
    let mut batch = Batch::new();
    batch.at(Timestamp(100)).put_expiring("key", "v", Expiry::At(Timestamp(200)));
    store.commit(batch).unwrap();
    std::thread::scope(|scope| {
        for n in 0..8_u64 {
            let store = &store;
            scope.spawn(move || {
                for m in 0..200_u64 {
                    let mut batch = Batch::new();
                    batch.at(Timestamp(100 + n + m)).put(format!("{n} {m}"), "v").put_system("n", "v");
                    store.commit(batch).unwrap();
                }
            });
        }
    });
    let times: Vec<u64> = store.commits(Sequence(1)).unwrap().map(|commit| commit.unwrap().time.0).collect();
    assert!(times.is_sorted() && times[times.len() - 1] == 306 && times[1] < 306, "{times:?}");
    assert_eq!((store.now().0, store.len()), (306, 1_600));
}
