//! Models of the queue for loom.

use std::sync::Arc as PlainArc;
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use super::super::{Closed, Leader, Offered, Queue};

type Jobs = Queue<u64, Option<u64>>;

/// Doubles each job, counts them, and fails if another one leads meanwhile. Job 13 panics it.
#[derive(Default)]
struct Doubler {
    leading: AtomicBool,
    done: AtomicUsize,
}

impl Doubler {
    fn enter(&self) {
        assert!(!self.leading.swap(true, Ordering::Relaxed), "two lead at a time");
    }

    fn leave(&self) {
        self.leading.store(false, Ordering::Relaxed);
    }
}

impl Leader<u64, Option<u64>> for Doubler {
    fn lead(&self, jobs: &[u64]) -> Vec<Option<u64>> {
        self.enter();
        assert!(!jobs.is_empty(), "a group has a job");
        self.done.fetch_add(jobs.len(), Ordering::Relaxed);
        self.leave();
        if jobs.contains(&13) {
            // Not `panic!`: loom's own hook would take the message for a failed model.
            std::panic::resume_unwind(Box::new("job 13"));
        }
        jobs.iter().map(|job| Some(job * 2)).collect()
    }

    fn waits_for_disk(&self, job: &u64) -> bool {
        *job > 100
    }

    fn panicked(&self, message: &str) -> Option<u64> {
        assert_eq!(message, "job 13", "nothing else panics a leader");
        None
    }
}

/// Drives a future as an executor with one task does: polls only when woken.
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Bell {
    fn wake(self: PlainArc<Self>) {
        *self.rung.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

impl Bell {
    fn new() -> PlainArc<Self> {
        PlainArc::new(Self { rung: Mutex::new(false), changed: Condvar::new() })
    }

    fn wait(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.changed.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// A submitted job, driven to its end by wake-ups alone.
fn submit(queue: &Jobs, leader: &Doubler, job: u64, bytes: u64) -> Result<Option<u64>, Closed> {
    let bell = Bell::new();
    let waker = Waker::from(PlainArc::clone(&bell));
    let mut context = Context::from_waker(&waker);
    let mut place = None;
    let ticket = loop {
        match queue.offer(job, bytes, place.take(), &mut context, leader)? {
            Offered::Queued(ticket) => break ticket,
            Offered::Full(_, kept) => place = Some(kept),
        }
        bell.wait();
    };
    loop {
        match queue.poll(&ticket, &mut context, leader) {
            Poll::Ready(result) => return Ok(result),
            Poll::Pending => bell.wait(),
        }
    }
}

/// A future that is polled once and dropped, in whatever state it is then.
fn submit_and_drop(queue: &Jobs, leader: &Doubler, job: u64, bytes: u64) {
    let waker = Waker::from(Bell::new());
    let mut context = Context::from_waker(&waker);
    match queue.offer(job, bytes, None, &mut context, leader) {
        Ok(Offered::Queued(ticket)) => drop(queue.poll(&ticket, &mut context, leader)),
        Ok(Offered::Full(_, place)) => queue.leave(place),
        Err(Closed) => {}
    }
}

fn shared(bytes_max: u64) -> (Arc<Jobs>, Arc<Doubler>) {
    (Arc::new(Jobs::new(bytes_max)), Arc::new(Doubler::default()))
}

fn spawn(
    queue: &Arc<Jobs>,
    leader: &Arc<Doubler>,
    work: impl FnOnce(&Jobs, &Doubler) + 'static,
) -> thread::JoinHandle<()> {
    let (queue, leader) = (Arc::clone(queue), Arc::clone(leader));
    thread::spawn(move || work(&queue, &leader))
}

#[test]
fn loom_callers_get_their_own_results_under_one_leader() {
    loom::model(|| {
        let (queue, leader) = shared(100);
        let second = spawn(&queue, &leader, |queue, leader| assert_eq!(queue.run(2, 1, leader), Ok(Some(4))));
        let third = spawn(&queue, &leader, |queue, leader| assert_eq!(queue.run(3, 1, leader), Ok(Some(6))));
        assert_eq!(queue.run(1, 1, &*leader), Ok(Some(2)));
        second.join().unwrap();
        third.join().unwrap();
        assert_eq!(leader.done.load(Ordering::Relaxed), 3);
    });
}

/// Another one may lead some of the jobs of a caller that waits for an earlier one of them.
#[test]
fn loom_a_caller_of_many_jobs_gets_all_results_whoever_leads() {
    loom::model(|| {
        let (queue, leader) = shared(100);
        let other = spawn(&queue, &leader, |queue, leader| assert_eq!(queue.run(3, 1, leader), Ok(Some(6))));
        // Each is longer than half a group, so there are two of them.
        let half = super::super::GROUP_BYTES_MAX / 2 + 1;
        assert_eq!(queue.run_all(vec![1, 2], |_| half, &*leader), Ok(vec![Some(2), Some(4)]));
        other.join().unwrap();
        assert_eq!(leader.done.load(Ordering::Relaxed), 3);
    });
}

/// The leader of the second group knows of the caller of the first, and gives him the chance to come back.
#[test]
fn loom_a_leader_that_gathers_waits_for_nobody_in_vain() {
    loom::model(|| {
        let (queue, leader) = shared(1000);
        let second = spawn(&queue, &leader, |queue, leader| {
            assert_eq!(queue.run(102, 1, leader), Ok(Some(204)));
        });
        assert_eq!(queue.run(101, 1, &*leader), Ok(Some(202)));
        assert_eq!(queue.run(103, 1, &*leader), Ok(Some(206)));
        second.join().unwrap();
        assert_eq!(leader.done.load(Ordering::Relaxed), 3);
    });
}

#[test]
fn loom_callers_that_wait_for_room_get_in() {
    loom::model(|| {
        let (queue, leader) = shared(1);
        let second = spawn(&queue, &leader, |queue, leader| assert_eq!(queue.run(2, 5, leader), Ok(Some(4))));
        let third =
            spawn(&queue, &leader, |queue, leader| assert_eq!(submit(queue, leader, 3, 1), Ok(Some(6))));
        assert_eq!(queue.run(1, 1, &*leader), Ok(Some(2)));
        second.join().unwrap();
        third.join().unwrap();
    });
}

#[test]
fn loom_futures_without_a_thread_lead_each_other() {
    loom::model(|| {
        let (queue, leader) = shared(100);
        let second =
            spawn(&queue, &leader, |queue, leader| assert_eq!(submit(queue, leader, 2, 1), Ok(Some(4))));
        let third = spawn(&queue, &leader, |queue, leader| assert_eq!(queue.run(3, 1, leader), Ok(Some(6))));
        assert_eq!(submit(&queue, &leader, 1, 1), Ok(Some(2)));
        second.join().unwrap();
        third.join().unwrap();
    });
}

#[test]
fn loom_the_commit_thread_serves_futures_and_callers_until_it_is_stopped() {
    loom::model(|| {
        let (queue, leader) = shared(100);
        queue.expect_thread();
        let served = spawn(&queue, &leader, |queue, leader| queue.serve(leader));
        let second = spawn(&queue, &leader, |queue, leader| assert_eq!(queue.run(2, 1, leader), Ok(Some(4))));
        assert_eq!(submit(&queue, &leader, 1, 1), Ok(Some(2)));
        second.join().unwrap();
        queue.stop();
        served.join().unwrap();
    });
}

#[test]
fn loom_a_thread_that_stops_leaves_no_future_behind() {
    loom::model(|| {
        let (queue, leader) = shared(1);
        queue.expect_thread();
        let served = spawn(&queue, &leader, |queue, leader| queue.serve(leader));
        let stopping = spawn(&queue, &leader, |queue, _| queue.stop());
        assert_eq!(submit(&queue, &leader, 1, 1), Ok(Some(2)));
        stopping.join().unwrap();
        served.join().unwrap();
    });
}

#[test]
fn loom_a_dropped_future_eats_no_wake_up() {
    loom::model(|| {
        let (queue, leader) = shared(100);
        let dropped = spawn(&queue, &leader, |queue, leader| submit_and_drop(queue, leader, 1, 1));
        let maintenance = spawn(&queue, &leader, |queue, leader| {
            queue.exclusive(|| {
                leader.enter();
                leader.leave();
            });
        });
        assert_eq!(submit(&queue, &leader, 2, 1), Ok(Some(4)));
        dropped.join().unwrap();
        maintenance.join().unwrap();
    });
}

#[test]
fn loom_a_future_dropped_while_it_waits_for_room_eats_no_wake_up() {
    loom::model(|| {
        let (queue, leader) = shared(1);
        let dropped = spawn(&queue, &leader, |queue, leader| submit_and_drop(queue, leader, 1, 1));
        let third = spawn(&queue, &leader, |queue, leader| assert_eq!(queue.run(3, 1, leader), Ok(Some(6))));
        assert_eq!(submit(&queue, &leader, 2, 1), Ok(Some(4)));
        dropped.join().unwrap();
        third.join().unwrap();
    });
}

#[test]
fn loom_maintenance_goes_alone_and_gives_the_leadership_on() {
    loom::model(|| {
        let (queue, leader) = shared(100);
        let maintenance = spawn(&queue, &leader, |queue, leader| {
            queue.exclusive(|| {
                leader.enter();
                leader.leave();
            });
        });
        let second = spawn(&queue, &leader, |queue, leader| assert_eq!(queue.run(2, 1, leader), Ok(Some(4))));
        assert_eq!(queue.run(1, 1, &*leader), Ok(Some(2)));
        maintenance.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn loom_closing_waits_for_what_was_let_in_and_lets_nothing_in_after() {
    loom::model(|| {
        let (queue, leader) = shared(1);
        let caller = spawn(&queue, &leader, |queue, leader| match queue.run(2, 1, leader) {
            Ok(result) => assert_eq!(result, Some(4)),
            Err(Closed) => assert_eq!(queue.run(2, 1, leader), Err(Closed)),
        });
        let future = spawn(&queue, &leader, |queue, leader| match submit(queue, leader, 1, 1) {
            Ok(result) => assert_eq!(result, Some(2)),
            Err(Closed) => {}
        });
        queue.close(&*leader);
        let done = leader.done.load(Ordering::Relaxed);
        assert_eq!(queue.run(3, 1, &*leader), Err(Closed));
        caller.join().unwrap();
        future.join().unwrap();
        assert_eq!(leader.done.load(Ordering::Relaxed), done, "nothing was led after the close");
    });
}

#[test]
fn loom_f25_a_leader_that_panics_leaves_nobody_waiting() {
    loom::model(|| {
        let (queue, leader) = shared(1);
        let second = spawn(&queue, &leader, |queue, leader| assert_eq!(queue.run(13, 1, leader), Ok(None)));
        let third =
            spawn(&queue, &leader, |queue, leader| assert_eq!(submit(queue, leader, 13, 1), Ok(None)));
        let result = queue.run(1, 1, &*leader).unwrap();
        assert!(matches!(result, None | Some(2)), "led alone or in the group of 13");
        second.join().unwrap();
        third.join().unwrap();
    });
}
