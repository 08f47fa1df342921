//! Commits without blocking that are given up: dropped after any poll, on a store with threads and on one without, with and
//! without room in the queue. A commit takes place as a whole or not at all, nobody else waits for it, and the store goes on.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::{Fault, Op, SimClock, SimDisk, SimRandom};
use pentad_engine::{Batch, CommitFuture, ErrorKind, Options, Outcome, Result, Sequence, Store};

/// Nothing here takes longer than a moment; whoever waits so long waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOKS: u32 = 600;

/// An executor of one task: polls it only when it was woken. It holds no lock, so that ThreadSanitizer can follow it.
struct Bell {
    rung: AtomicBool,
    waits: Thread,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.waits.unpark();
    }
}

impl Bell {
    /// A bell for the thread that calls.
    fn here() -> Arc<Self> {
        Arc::new(Self { rung: AtomicBool::new(false), waits: std::thread::current() })
    }

    fn wait(&self) {
        let mut looks = 0;
        while !self.rung.swap(false, Ordering::Acquire) {
            assert!(looks < LOOKS, "a wake-up was lost");
            std::thread::park_timeout(PATIENCE / LOOKS);
            looks += 1;
        }
    }
}

fn drive(future: CommitFuture) -> Result<Outcome> {
    let bell = Bell::here();
    let waker = Waker::from(Arc::clone(&bell));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => bell.wait(),
        }
    }
}

/// Polls a future so many times, without waiting in between, and gives it up.
fn give_up_after(mut future: CommitFuture, polls: u32) -> Option<Result<Outcome>> {
    for _ in 0..polls {
        if let Poll::Ready(result) = Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop())) {
            return Some(result);
        }
    }
    None
}

fn environment(disk: &SimDisk, background: bool) -> Environment {
    Environment {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(SimClock::new(1_000_000_000)),
        random: Arc::new(SimRandom::new(7)),
        background,
    }
}

fn open(disk: &SimDisk, background: bool, queue_bytes_max: u64) -> Store {
    let options = Options::new().segment_bytes(64 << 10).queue_bytes_max(queue_bytes_max);
    options.environment(environment(disk, background)).open("/store").unwrap()
}

const WIDTH: u32 = 5;

/// A commit whose parts all say the same.
fn wide(number: u32) -> Batch {
    let mut batch = Batch::new();
    for part in 0..WIDTH {
        batch.put(format!("{number:05}/{part}"), number.to_le_bytes().to_vec());
    }
    batch
}

/// How much of commit `number` is there: all or nothing, whatever became of its future.
fn is_there(store: &Store, number: u32) -> bool {
    let rows: Vec<_> = store.prefix(format!("{number:05}/")).map(Result::unwrap).collect();
    assert!(rows.is_empty() || rows.len() == WIDTH as usize, "commit {number} is there in part: {rows:?}");
    assert!(rows.iter().all(|(_, value)| *value == number.to_le_bytes()), "commit {number} is altered");
    !rows.is_empty()
}

/// Fails the test when `work` does not come back.
fn in_time(what: &str, work: impl FnOnce() + Send + 'static) {
    let (done, finished) = channel();
    let thread = std::thread::Builder::new()
        .spawn(move || {
            work();
            done.send(()).unwrap_or_default();
        })
        .unwrap();
    if finished.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
        panic!("{what}: stuck");
    }
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Futures given up after 0, 1, 2 … polls between ones that are driven to their end.
fn give_up_between(background: bool, queue_bytes_max: u64) {
    in_time("commits beside ones that were given up", move || {
        let disk = SimDisk::new(1);
        let store = open(&disk, background, queue_bytes_max);
        let mut known = Vec::new();
        for round in 0..60u32 {
            let first = round * 10;
            for polls in 0..4 {
                let number = first + polls;
                let result = give_up_after(store.submit(wide(number)), polls);
                // Not polled: nothing happened. Answered: it is there. Else it may be, as a whole.
                let certain = if polls == 0 { Some(false) } else { result.map(|r| r.unwrap().applied) };
                known.push((number, certain));
            }
            let outcome = drive(store.submit(wide(first + 8))).unwrap();
            assert!(outcome.applied && store.batch(outcome.sequence.unwrap()).unwrap().is_some());
            assert!(store.commit(wide(first + 9)).unwrap().applied);
            known.extend([(first + 8, Some(true)), (first + 9, Some(true))]);
        }
        store.close().unwrap();
        let store = open(&disk.kill(), false, 1 << 20);
        let mut count = 0;
        for (number, certain) in known {
            let there = is_there(&store, number);
            count += u64::from(there);
            assert!(certain.is_none_or(|certain| certain == there), "commit {number}: {there}");
        }
        assert_eq!(store.sequence(), Sequence(count), "every commit that is there has one sequence");
        assert!(store.verify(&mut |_| {}).unwrap().damage.is_empty());
    });
}

#[test]
fn given_up_commits_are_whole_or_absent_with_a_commit_thread() {
    give_up_between(true, 256 << 20);
}

#[test]
fn given_up_commits_are_whole_or_absent_without_a_thread() {
    give_up_between(false, 256 << 20);
}

#[test]
fn given_up_commits_are_whole_or_absent_when_the_queue_is_always_full() {
    give_up_between(true, 1);
    give_up_between(false, 1);
}

#[test]
fn commits_given_up_by_many_threads_at_once_stop_nobody() {
    in_time("threads that give up", || {
        let disk = SimDisk::new(2);
        let store = open(&disk, true, 2000);
        std::thread::scope(|scope| {
            for thread in 0..4u32 {
                let store = store.clone();
                std::thread::Builder::new()
                    .spawn_scoped(scope, move || {
                        for round in 0..100 {
                            let number = thread * 1000 + round * 4;
                            give_up_after(store.submit(wide(number)), 1 + round % 3);
                            assert!(drive(store.submit(wide(number + 1))).unwrap().applied);
                            assert!(store.commit(wide(number + 2)).unwrap().applied);
                        }
                    })
                    .unwrap();
            }
        });
        let there = (0..4000).filter(|&number| is_there(&store, number)).count();
        assert_eq!(store.sequence(), Sequence(there as u64));
        assert!((800..=1200).contains(&there), "{there}");
        store.close().unwrap();
    });
}

#[test]
fn a_store_dropped_while_commits_are_under_way_finishes_them() {
    in_time("the last handle goes", || {
        let disk = SimDisk::new(3);
        let store = open(&disk, true, 1 << 20);
        let mut futures: Vec<CommitFuture> = (0..20).map(|number| store.submit(wide(number))).collect();
        let never_polled = store.submit(wide(99));
        let mut ready = Vec::new();
        for future in &mut futures {
            let polled = Pin::new(future).poll(&mut Context::from_waker(Waker::noop()));
            ready.push(polled.is_ready());
        }
        drop(store);
        for (future, _) in futures.into_iter().zip(ready).filter(|(_, ready)| !ready) {
            assert!(drive(future).unwrap().applied, "what was let in is done");
        }
        assert_eq!(drive(never_polled).unwrap_err().kind(), ErrorKind::Closed);
        let store = open(&disk, false, 1 << 20);
        assert!((0..20).all(|number| is_there(&store, number)));
        assert!(!is_there(&store, 99));
    });
}

#[test]
fn closing_answers_everyone_who_commits_meanwhile() {
    in_time("a close among commits", || {
        for round in 0..20 {
            let disk = SimDisk::new(round);
            let store = open(&disk, true, 600);
            let acknowledged: Vec<u32> = std::thread::scope(|scope| {
                let writers: Vec<_> = (0..4u32)
                    .map(|thread| {
                        let store = store.clone();
                        let write = move || {
                            let mut done = Vec::new();
                            for number in (thread * 1000).. {
                                let result = match number % 2 {
                                    0 => store.commit(wide(number)),
                                    _ => drive(store.submit(wide(number))),
                                };
                                match result {
                                    Ok(_) => done.push(number),
                                    Err(error) if error.kind() == ErrorKind::Closed => break,
                                    Err(error) => panic!("{error}"),
                                }
                            }
                            done
                        };
                        std::thread::Builder::new().spawn_scoped(scope, write).unwrap()
                    })
                    .collect();
                while store.sequence() < Sequence(20) {
                    std::thread::yield_now();
                }
                store.close().unwrap();
                writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
            });
            let store = open(&disk, false, 1 << 20);
            assert!(acknowledged.iter().all(|&number| is_there(&store, number)));
            assert_eq!(store.sequence(), Sequence(acknowledged.len() as u64), "no more, no fewer");
        }
    });
}

/// A clock that panics when it is told to: the nearest that a test comes to a defect under the leader.
#[derive(Debug)]
struct Trap {
    clock: SimClock,
    armed: std::sync::atomic::AtomicBool,
}

impl pentad_engine::seams::Clock for Trap {
    fn wall_ns(&self) -> u64 {
        self.clock.wall_ns()
    }

    fn monotonic_ns(&self) -> u64 {
        let on_commit_thread = std::thread::current().name() == Some("pentad-commit");
        let armed = self.armed.load(std::sync::atomic::Ordering::SeqCst);
        assert!(!(armed && on_commit_thread), "the trap snaps");
        self.clock.monotonic_ns()
    }
}

#[test]
fn f25_a_panic_of_the_commit_thread_is_an_error_for_all_and_poisons() {
    in_time("a panic under the leader", || {
        let disk = SimDisk::new(4);
        let trap = Arc::new(Trap { clock: SimClock::new(1_000_000_000), armed: false.into() });
        let environment = Environment { clock: Arc::clone(&trap) as Arc<_>, ..environment(&disk, true) };
        let store = Options::new().segment_bytes(64 << 10).environment(environment).open("/store").unwrap();
        assert!(drive(store.submit(wide(1))).unwrap().applied);
        trap.armed.store(true, std::sync::atomic::Ordering::SeqCst);
        let error = drive(store.submit(wide(2))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Poisoned);
        assert!(error.to_string().contains("the trap snaps"), "{error}");
        trap.armed.store(false, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(drive(store.submit(wide(3))).unwrap_err().kind(), ErrorKind::Poisoned);
        assert_eq!(store.commit(wide(4)).unwrap_err().kind(), ErrorKind::Poisoned);
        assert!(store.stats().poisoned);
        assert!(is_there(&store, 1), "reads go on");
        assert_eq!(store.close().unwrap_err().kind(), ErrorKind::Poisoned);
        let store = open(&disk, false, 1 << 20);
        assert_eq!([1, 2, 3, 4].map(|number| is_there(&store, number)), [true, false, false, false]);
    });
}

#[test]
fn f07_after_a_failed_sync_nothing_is_written_or_synced_any_more() {
    let disk = SimDisk::new(5);
    let store = open(&disk, false, 1 << 20);
    store.commit(wide(1)).unwrap();
    disk.inject(Fault::error(Op::Sync, 1, std::io::ErrorKind::Other));
    assert_eq!(drive(store.submit(wide(2))).unwrap_err().kind(), ErrorKind::Poisoned);
    let operations = disk.operations();
    for error in [
        store.maintain().unwrap_err(),
        store.compact().unwrap_err(),
        store.sync().unwrap_err(),
        drive(store.submit(wide(3))).unwrap_err(),
        store.close().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Poisoned);
    }
    assert_eq!(disk.operations(), operations, "another sync could seem to succeed");
}
