//! Groups on a full disk, put together by hand.

use std::ops::Bound;
use std::sync::Arc;

use crate::batch::{Batch, Reads};
use crate::commit::job::Job;
use crate::commit::queue::Leader;
use crate::error::ErrorKind;
use crate::options::{Options, Retention};
use crate::seams::Environment;
use crate::seams::sim::{SimClock, SimDisk, SimRandom};

#[test]
fn f09_deletes_that_share_a_group_with_refused_puts_are_done() {
    let disk = SimDisk::new(1);
    disk.set_capacity(Some(256 << 10));
    let environment = Environment {
        disk: Arc::new(disk),
        clock: Arc::new(SimClock::new(1)),
        random: Arc::new(SimRandom::new(1)),
        background: false,
    };
    let options = Options::new().segment_bytes(8192).retention(Retention::All).environment(environment);
    let store = options.open("/store").unwrap();
    let filled = (0..1000u32).find(|n| store.put(format!("{n}"), vec![7; 1000]).is_err()).unwrap();
    assert!(filled > 20, "only {filled} values fit");
    for n in 0..filled {
        let mut put = Batch::new();
        put.put("big", vec![8; 5000]);
        let mut delete = Batch::new();
        delete.delete(format!("{n}"));
        let job = |batch: &Batch| Job::Commit(Box::new(batch.clone()));
        let results = store.core().lead(&[job(&put), job(&delete), job(&put), Job::Sync]);
        let kinds: Vec<_> = results.iter().map(|result| result.as_ref().err().map(|e| e.kind())).collect();
        let full = Some(ErrorKind::DiskFull);
        assert_eq!(kinds, [full, None, full, None], "delete {n}");
        assert_eq!(results[1].as_ref().unwrap().deleted, 1);
    }
    assert!(store.is_empty() && !store.stats().poisoned);
}

/// What an earlier commit of the group wrote is in no index yet, and a transaction that read it has to see that all the same.
#[test]
fn f19_of_two_transactions_in_one_group_that_read_what_the_other_writes_one_commits() {
    let environment = Environment {
        disk: Arc::new(SimDisk::new(1)),
        clock: Arc::new(SimClock::new(1)),
        random: Arc::new(SimRandom::new(1)),
        background: false,
    };
    let store = Options::new().segment_bytes(8192).environment(environment).open("/store").unwrap();
    store.put("a", "0").unwrap();
    let snapshot = store.snapshot().unwrap();
    let job = |reads: &[&str], range: Option<(&str, &str)>, writes: &str| {
        let mut read = Reads::new(snapshot.pinned.view);
        read.keys.extend(reads.iter().map(|key| key.as_bytes().to_vec()));
        let bound = |key: &str| Bound::Included(key.as_bytes().to_vec());
        read.ranges.extend(range.map(|(from, to)| (bound(from), bound(to))));
        let mut batch = Batch::new();
        batch.put(writes, "1").require_unchanged(read);
        Job::Commit(Box::new(batch))
    };
    let jobs = [
        job(&["b"], None, "a"),
        job(&["a"], None, "b"),
        job(&[], Some(("a", "b")), "c"),
        job(&["b"], Some(("b", "c")), "d"),
    ];
    let results = store.core().lead(&jobs);
    let applied: Vec<bool> = results.iter().map(|result| result.as_ref().unwrap().applied).collect();
    assert_eq!(applied, [true, false, false, true]);
    assert!(store.contains_key("d").unwrap() && !store.contains_key("b").unwrap());
}

/// The bytes of a value may belong to anything, the last handle of the store included: it is let go by nobody who leads,
/// or closing the store would wait for that very one.
#[test]
fn a_value_that_holds_the_last_handle_of_the_store_closes_it_when_it_is_let_go() {
    /// Short ones are copied into the batch and let go at once.
    static LONG: [u8; 10_000] = [7; 10_000];
    struct Owner(#[expect(dead_code, reason = "held for its drop")] crate::Store);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &LONG
        }
    }
    let environment = Environment {
        disk: Arc::new(SimDisk::new(1)),
        clock: Arc::new(SimClock::new(1)),
        random: Arc::new(SimRandom::new(1)),
        background: false,
    };
    let options = Options::new().segment_bytes(8192).environment(environment);
    let (done, told) = std::sync::mpsc::channel();
    let (of_thread, here) = (options.clone(), done);
    let thread = std::thread::Builder::new().spawn(move || {
        let store = of_thread.open("/store").unwrap();
        let mut batch = Batch::new();
        batch.put("key", bytes::Bytes::from_owner(Owner(store.clone())));
        let mut commit = store.submit(batch);
        drop(store);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let polled = std::future::Future::poll(std::pin::Pin::new(&mut commit), &mut context);
        here.send(matches!(polled, std::task::Poll::Ready(Ok(_)))).unwrap();
    });
    let committed =
        told.recv_timeout(std::time::Duration::from_secs(30)).expect("it does not wait for itself");
    assert!(committed);
    thread.unwrap().join().unwrap();
    let store = options.open("/store").expect("the lock was given back");
    assert_eq!(store.get("key").unwrap().as_deref(), Some(&LONG[..]));
}
