//! Change streams: replay, live, slow consumers, expiries, previous values, and the end.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::{SimClock, SimDisk, SimRandom};
use pentad_engine::{
    Batch, Durability, ErrorKind, Expiry, Options, Retention, Sequence, Store, Watch, WatchEvent,
    WatchFilter, WatchedCommit,
};

const START_NS: u64 = 1_700_000_000_000_000_000;

/// Options on a simulated disk, and its clock.
fn simulated() -> (Options, SimClock) {
    let clock = SimClock::new(START_NS);
    let environment = Environment {
        disk: Arc::new(SimDisk::new(1)),
        clock: Arc::new(clock.clone()),
        random: Arc::new(SimRandom::new(1)),
        background: false,
    };
    (Options::new().environment(environment).segment_bytes(4096).retention(Retention::All), clock)
}

fn put(store: &Store, key: &str, value: &str) -> Sequence {
    store.put(key, value.to_owned()).unwrap().sequence.expect("a put takes a sequence")
}

fn commit(event: Option<WatchEvent>) -> WatchedCommit {
    match event {
        Some(WatchEvent::Commit(commit)) => commit,
        other => panic!("no commit: {other:?}"),
    }
}

/// A commit in words: `sequence: key=value(previous) -key`.
fn words(commit: &WatchedCommit) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut words = format!("{}:", commit.sequence);
    for change in &commit.changes {
        let key = text(&change.key);
        words += &match &change.value {
            Some(value) => format!(" {key}={}", text(value)),
            None => format!(" -{key}"),
        };
        if let Some(previous) = &change.previous {
            words += &format!("({})", text(previous));
        }
    }
    words
}

/// All that there is by now.
fn told(watch: &mut Watch) -> Vec<String> {
    std::iter::from_fn(|| watch.try_next().unwrap())
        .map(|event| match event {
            WatchEvent::Commit(commit) => words(&commit),
            WatchEvent::Expired { key, sequence, .. } => {
                format!("{sequence}: !{}", String::from_utf8_lossy(&key))
            }
            other => panic!("unknown: {other:?}"),
        })
        .collect()
}

#[test]
fn f12_a_watch_replays_and_goes_live_without_a_gap_or_a_repeat() {
    let (options, _) = simulated();
    let store = options.open("/store").unwrap();
    put(&store, "a", "1");
    put(&store, "b:1", "2");
    let mut all = store.watch(WatchFilter::All, Sequence(1)).unwrap();
    let mut prefix = store.watch(WatchFilter::prefix("b:"), Sequence(2)).unwrap();
    let mut key = store.watch(WatchFilter::key("a"), None).unwrap();
    assert_eq!(told(&mut all), ["1: a=1", "2: b:1=2"]);
    let mut batch = Batch::new();
    batch.put("a", "3").delete("b:1").put("b:2", "4");
    store.commit(batch).unwrap();
    put(&store, "c", "5");
    assert_eq!(told(&mut all), ["3: a=3 -b:1 b:2=4", "4: c=5"]);
    assert_eq!(told(&mut prefix), ["2: b:1=2", "3: -b:1 b:2=4"]);
    assert_eq!(told(&mut key), ["3: a=3"]);
    assert_eq!([&all, &prefix, &key].map(Watch::resume_at), [Sequence(5); 3]);
    store.close().unwrap();
    let store = options.open("/store").unwrap();
    put(&store, "a", "6");
    let mut again = store.watch(WatchFilter::All, key.resume_at()).unwrap();
    assert_eq!(told(&mut again), ["5: a=6"], "taken up after a restart");
}

#[test]
fn previous_values_are_those_right_before_the_commit() {
    let (options, clock) = simulated();
    for options in [options.clone(), options.retention(Retention::Commits(0)).history_bytes(0)] {
        let dir =
            if options.clone().open("/full").is_ok_and(|store| store.is_empty()) { "/full" } else { "/none" };
        let store = options.open(dir).unwrap();
        put(&store, "a", "0");
        let mut watch = store.watch(WatchFilter::All, None).unwrap().with_previous();
        put(&store, "a", "1");
        put(&store, "a", "2");
        store.compact().unwrap();
        let mut batch = Batch::new();
        batch.delete("a").put("a", "3").put("b", "4");
        store.commit(batch).unwrap();
        let mut batch = Batch::new();
        batch.put_expiring("b", "5", Expiry::After(Duration::from_secs(1)));
        store.commit(batch).unwrap();
        clock.advance(1_000_000_000);
        put(&store, "b", "6");
        let mut told = told(&mut watch);
        told.retain(|event| !event.contains('!'));
        assert_eq!(told, ["2: a=1(0)", "3: a=2(1)", "4: -a(2) a=3 b=4", "5: b=5(4)", "6: b=6"], "in {dir}");
    }
}

#[test]
fn f12_a_watch_that_falls_behind_retention_is_told_where_to_resume() {
    let (options, _) = simulated();
    let store = options.open("/store").unwrap();
    for n in 0..10 {
        put(&store, "key", &n.to_string());
    }
    let mut watch = store.watch(WatchFilter::All, Sequence(3)).unwrap();
    assert_eq!(words(&commit(watch.try_next().unwrap())), "3: key=2");
    store.prune(Sequence(8)).unwrap();
    let error = watch.try_next().expect_err("it was pruned");
    assert_eq!(error.kind(), ErrorKind::NotRetained);
    assert_eq!(error.to_string(), "commit 4 was pruned, the oldest is 8; resume at 8");
    assert!(watch.try_next().unwrap().is_none() && watch.next().is_none(), "an error is told once");
    assert_eq!(watch.skip_lost(), Sequence(8));
    assert_eq!(told(&mut watch), ["8: key=7", "9: key=8", "10: key=9"]);
    let refused = |from| store.watch(WatchFilter::All, Sequence(from)).map(drop).unwrap_err();
    assert_eq!(refused(7).to_string(), "commit 7 was pruned, the oldest is 8; resume at 8");
    assert_eq!(refused(12).kind(), ErrorKind::InvalidInput);
    assert_eq!(refused(12).to_string(), "commit 12 is not there yet; the next one will be 11");
}

#[test]
fn f12_a_watch_that_nobody_reads_holds_no_more_than_its_window_of_the_log() {
    let (options, _) = simulated();
    let options = options.retention(Retention::Commits(0)).history_bytes(0).segment_bytes(1 << 20);
    let store = options.durability(Durability::Os).open("/store").unwrap();
    let watch = store.watch(WatchFilter::All, None).unwrap().with_previous();
    let value = "v".repeat(1 << 20);
    for _ in 0..40 {
        put(&store, "key", &value);
    }
    let stats = store.stats();
    let kept = stats.sequence.0 - stats.oldest_batch.unwrap().0;
    assert!((14..=16).contains(&kept), "{kept} commits of 1 MiB are kept");
    assert!(stats.held_bytes <= 17 << 20, "{} bytes are held", stats.held_bytes);
    store.compact().unwrap();
    assert!(store.stats().disk_bytes < 20 << 20, "{}", store.stats().disk_bytes);
    drop(watch);
    put(&store, "key", "small");
    let stats = store.stats();
    assert_eq!((stats.oldest_batch, stats.held_bytes), (None, 0), "nobody watches any more");
}

#[test]
fn expiries_are_told_once_behind_the_commits_before_them() {
    let (options, clock) = simulated();
    let store = options.open("/store").unwrap();
    let mut batch = Batch::new();
    let soon = |seconds| Expiry::After(Duration::from_secs(seconds));
    batch.put_expiring("s:1", "x", soon(1)).put_expiring("s:2", "y", soon(2)).put_expiring("t", "z", soon(2));
    store.commit(batch).unwrap();
    let mut watch = store.watch(WatchFilter::prefix("s:"), Sequence(1)).unwrap();
    clock.advance(1_000_000_000);
    store.maintain().unwrap();
    let first = commit(watch.try_next().unwrap());
    assert_eq!(
        first.changes[0].deadline.unwrap().0,
        first.time.0 + 1_000_000_000,
        "a replay gives the deadline"
    );
    assert_eq!(told(&mut watch), ["1: !s:1"]);
    put(&store, "s:1", "again");
    clock.advance(5_000_000_000);
    put(&store, "s:2", "again");
    assert_eq!(
        told(&mut watch),
        ["2: s:1=again", "2: !s:2", "3: s:2=again"],
        "one that is put again had expired before"
    );
}

#[test]
fn blocked_threads_hear_of_commits_and_of_the_close() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store")).unwrap();
    const WATCHES: usize = 8;
    const COMMITS: u64 = 200;
    thread::scope(|scope| {
        let readers: Vec<_> = (0..WATCHES)
            .map(|_| {
                let mut watch = store.watch(WatchFilter::All, None).unwrap();
                scope.spawn(move || {
                    let mut expected = 1;
                    loop {
                        match watch.next().expect("an error comes before the end") {
                            Ok(WatchEvent::Commit(commit)) => {
                                assert_eq!(commit.sequence, Sequence(expected));
                                expected += 1;
                            }
                            Ok(other) => panic!("{other:?}"),
                            Err(error) => {
                                assert_eq!(error.kind(), ErrorKind::Closed);
                                assert!(watch.next().is_none());
                                return expected - 1;
                            }
                        }
                    }
                })
            })
            .collect();
        let batch_of = |n: u64| {
            let mut batch = Batch::new();
            batch.put(format!("{n}"), "v").durability(Durability::Os);
            batch
        };
        for n in 0..COMMITS {
            store.commit(batch_of(n)).unwrap();
        }
        let mut last = store.watch(WatchFilter::All, Sequence(COMMITS)).unwrap();
        assert!(last.next_timeout(Duration::from_secs(10)).unwrap().is_some());
        assert!(last.next_timeout(Duration::from_millis(5)).unwrap().is_none());
        // Whoever was told everything waits; the close ends the wait.
        thread::sleep(Duration::from_millis(50));
        store.close().unwrap();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), COMMITS);
        }
        assert_eq!(last.try_next().unwrap_err().kind(), ErrorKind::Closed);
    });
    assert_eq!(store.watch(WatchFilter::All, None).map(drop).unwrap_err().kind(), ErrorKind::Closed);
}

/// Counts how often it is woken, and unparks a thread.
struct Counting(AtomicUsize, thread::Thread);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        self.1.unpark();
    }
}

#[test]
fn a_task_is_woken_for_each_commit_and_only_then() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store")).unwrap();
    let mut watch = store.watch(WatchFilter::key("k"), None).unwrap();
    let woken = Arc::new(Counting(AtomicUsize::new(0), thread::current()));
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut run = |watch: &mut Watch| {
        let mut next = pin!(poll_fn(|context| watch.poll_next(context)));
        loop {
            match next.as_mut().poll(&mut context) {
                Poll::Ready(event) => return event,
                Poll::Pending => thread::park_timeout(Duration::from_secs(10)),
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            for n in 1..=3 {
                put(&store, "k", &n.to_string());
            }
        });
        for n in 1..=3 {
            let event = run(&mut watch).unwrap().unwrap();
            assert_eq!(words(&commit(Some(event))), format!("{n}: k={n}"));
        }
    });
    assert!((1..=4).contains(&woken.0.load(Ordering::SeqCst)), "{}", woken.0.load(Ordering::SeqCst));
    store.close().unwrap();
    assert_eq!(run(&mut watch).unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert!(run(&mut watch).is_none());
}

#[test]
fn a_watch_of_a_reader_ends_with_the_last_commit() {
    let (options, _) = simulated();
    let store = options.open("/store").unwrap();
    put(&store, "a", "1");
    put(&store, "b", "2");
    store.close().unwrap();
    let store = options.open_read_only("/store").unwrap();
    let watch = store.watch(WatchFilter::All, Sequence(2)).unwrap();
    assert_eq!(watch.map(|event| words(&commit(Some(event.unwrap())))).collect::<Vec<_>>(), ["2: b=2"]);
}
