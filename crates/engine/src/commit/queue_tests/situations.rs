//! Single situations, each with a story.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::super::{Closed, Leader, Offered, Place, Queue, Ticket};
use crate::seams::lock::Mutex;

/// Nothing here takes longer than milliseconds; whoever waits so long waits for ever.
const PATIENCE: Duration = Duration::from_secs(20);

type Jobs = Queue<u64, Result<u64, String>>;

/// Doubles each job; notes the groups; panics at job 13.
#[derive(Default)]
struct Doubler {
    groups: Mutex<Vec<Vec<u64>>>,
    leading: AtomicBool,
}

impl Leader<u64, Result<u64, String>> for Doubler {
    fn lead(&self, jobs: &[u64]) -> Vec<Result<u64, String>> {
        assert!(!self.leading.swap(true, Ordering::SeqCst), "two lead at a time");
        self.groups.lock().unwrap().push(jobs.to_vec());
        self.leading.store(false, Ordering::SeqCst);
        assert!(!jobs.contains(&13), "job 13");
        jobs.iter().map(|job| Ok(job * 2)).collect()
    }

    fn panicked(&self, message: &str) -> Result<u64, String> {
        Err(message.to_owned())
    }
}

#[derive(Default)]
struct Bell {
    rung: AtomicUsize,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.fetch_add(1, Ordering::SeqCst);
    }
}

impl Bell {
    fn rung(&self) -> usize {
        self.rung.load(Ordering::SeqCst)
    }
}

fn bell() -> (Arc<Bell>, Waker) {
    let bell = Arc::<Bell>::default();
    (Arc::clone(&bell), Waker::from(bell))
}

fn offer(queue: &Jobs, job: u64, bytes: u64, waker: &Waker) -> Offered<u64, Result<u64, String>> {
    queue.offer(job, bytes, None, &mut Context::from_waker(waker), &Doubler::default()).unwrap()
}

fn queued(queue: &Jobs, job: u64, bytes: u64, waker: &Waker) -> QueuedTicket {
    match offer(queue, job, bytes, waker) {
        Offered::Queued(ticket) => ticket,
        Offered::Full(..) => panic!("there is room for job {job}"),
    }
}

fn full(queue: &Jobs, job: u64, bytes: u64, waker: &Waker) -> Place {
    match offer(queue, job, bytes, waker) {
        Offered::Full(back, place) => {
            assert_eq!(back, job, "the job comes back");
            place
        }
        Offered::Queued(_) => panic!("there is no room for job {job}"),
    }
}

type QueuedTicket = crate::seams::sync::Arc<Ticket<u64, Result<u64, String>>>;

fn poll(queue: &Jobs, ticket: &QueuedTicket, waker: &Waker, leader: &Doubler) -> Poll<Result<u64, String>> {
    queue.poll(ticket, &mut Context::from_waker(waker), leader)
}

/// Runs `work` on another thread and gives up on it when it takes too long.
fn in_time<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = channel();
    let thread = std::thread::Builder::new().spawn(move || done.send(work()).unwrap()).unwrap();
    let result = result.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{what}: {error}"));
    thread.join().unwrap();
    result
}

/// A leadership that lasts until it is ended, on a thread of its own.
fn lead_meanwhile(queue: &Arc<Jobs>) -> (Sender<()>, std::thread::JoinHandle<()>) {
    let (end, ended): (_, Receiver<()>) = channel();
    let (begin, begun) = channel();
    let queue = Arc::clone(queue);
    let thread = std::thread::Builder::new()
        .spawn(move || {
            queue.exclusive(|| {
                begin.send(()).unwrap();
                ended.recv().unwrap();
            });
        })
        .unwrap();
    begun.recv_timeout(PATIENCE).unwrap();
    (end, thread)
}

#[test]
fn a_caller_leads_his_own_job_and_a_poll_leads_where_no_thread_serves() {
    let queue = Jobs::new(100);
    let leader = Doubler::default();
    assert_eq!(queue.run(4, 1, &leader), Ok(Ok(8)));
    let (bell, waker) = bell();
    let ticket = queued(&queue, 5, 1, &waker);
    assert_eq!(poll(&queue, &ticket, &waker, &leader), Poll::Ready(Ok(10)));
    assert_eq!(*leader.groups.lock().unwrap(), [[4], [5]]);
    assert!(bell.rung() <= 1, "the poll that leads needs no wake-up, and certainly not two");
}

#[test]
fn jobs_of_one_caller_are_one_group_as_far_as_its_bytes_go() {
    let queue = Jobs::new(100);
    let leader = Doubler::default();
    assert_eq!(queue.run_all(vec![1, 2, 3], |_| 1, &leader), Ok(vec![Ok(2), Ok(4), Ok(6)]));
    assert_eq!(queue.run_all(Vec::new(), |_| 1, &leader), Ok(Vec::new()));
    let half = super::super::GROUP_BYTES_MAX / 2;
    assert_eq!(queue.run_all(vec![4, 5, 6], |_| half, &leader), Ok(vec![Ok(8), Ok(10), Ok(12)]));
    assert_eq!(*leader.groups.lock().unwrap(), [vec![1, 2, 3], vec![4, 5], vec![6]]);
    assert_eq!(queue.run(7, 1, &leader), Ok(Ok(14)), "the room was given back");
    queue.close(&leader);
    assert_eq!(queue.run_all(vec![8], |_| 1, &leader), Err(Closed));
}

#[test]
fn what_waits_together_is_one_group_in_order() {
    let queue = Arc::new(Jobs::new(100));
    let leader = Doubler::default();
    let (end, thread) = lead_meanwhile(&queue);
    let (bell, waker) = bell();
    let tickets: Vec<_> = (1..=3).map(|job| queued(&queue, job, 1, &waker)).collect();
    for ticket in &tickets {
        assert!(poll(&queue, ticket, &waker, &leader).is_pending());
    }
    end.send(()).unwrap();
    thread.join().unwrap();
    assert_eq!(bell.rung(), 3, "without a thread every future is told, because any may be given up");
    assert_eq!(poll(&queue, &tickets[2], &waker, &leader), Poll::Ready(Ok(6)));
    assert_eq!(*leader.groups.lock().unwrap(), [[1, 2, 3]]);
    assert_eq!(poll(&queue, &tickets[0], &waker, &leader), Poll::Ready(Ok(2)));
}

/// The queue used to wake only the future in front. When that one had been dropped, nobody ever led the one behind it.
#[test]
fn a_dropped_future_in_front_does_not_keep_the_wake_up_from_the_one_behind() {
    let queue = Arc::new(Jobs::new(100));
    let leader = Doubler::default();
    let (end, thread) = lead_meanwhile(&queue);
    let (_, lost) = bell();
    let front = queued(&queue, 1, 1, &lost);
    assert!(poll(&queue, &front, &lost, &leader).is_pending());
    let (bell, waker) = bell();
    let behind = queued(&queue, 2, 1, &waker);
    assert!(poll(&queue, &behind, &waker, &leader).is_pending());
    drop(front);
    end.send(()).unwrap();
    thread.join().unwrap();
    assert_eq!(bell.rung(), 1, "the one behind is told");
    assert_eq!(poll(&queue, &behind, &waker, &leader), Poll::Ready(Ok(4)));
    assert_eq!(*leader.groups.lock().unwrap(), [[1, 2]], "the dropped one is committed as well");
}

/// A dropped future's job stays in the queue. A caller who waited for its room waited for ever, because nobody else was
/// there to lead it out.
#[test]
fn a_caller_makes_the_room_that_he_needs() {
    let queue = Arc::new(Jobs::new(10));
    let (end, thread) = lead_meanwhile(&queue);
    let (_, waker) = bell();
    drop(queued(&queue, 1, 10, &waker));
    end.send(()).unwrap();
    thread.join().unwrap();
    let callers = Arc::clone(&queue);
    let result = in_time("the caller gets in", move || callers.run(2, 10, &Doubler::default()));
    assert_eq!(result, Ok(Ok(4)));
    drop(queued(&queue, 3, 10, &waker));
    let next = queued(&queue, 4, 10, &waker);
    assert_eq!(poll(&queue, &next, &waker, &Doubler::default()), Poll::Ready(Ok(8)), "a future does too");
}

#[test]
fn futures_that_wait_for_room_are_all_told_and_leave_nothing_behind() {
    let queue = Arc::new(Jobs::new(10));
    let leader = Doubler::default();
    let (end, thread) = lead_meanwhile(&queue);
    let (_, waker) = bell();
    let first = queued(&queue, 1, 10, &waker);
    let (given_up, given_up_waker) = bell();
    let (patient, patient_waker) = bell();
    let place = full(&queue, 2, 1, &given_up_waker);
    let mut kept = Some(full(&queue, 3, 1, &patient_waker));
    for _ in 0..100 {
        let offered = queue.offer(3, 1, kept.take(), &mut Context::from_waker(&patient_waker), &leader);
        match offered {
            Ok(Offered::Full(3, place)) => kept = Some(place),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(Arc::strong_count(&patient), 3, "one waker is held however often a future is polled");
    queue.leave(place);
    assert_eq!(Arc::strong_count(&given_up), 2, "none is held of a future that was dropped");
    end.send(()).unwrap();
    thread.join().unwrap();
    assert_eq!(poll(&queue, &first, &waker, &leader), Poll::Ready(Ok(2)));
    assert_eq!((given_up.rung(), patient.rung()), (0, 1));
    match queue.offer(3, 1, kept, &mut Context::from_waker(&patient_waker), &leader) {
        Ok(Offered::Queued(ticket)) => {
            assert_eq!(poll(&queue, &ticket, &patient_waker, &leader), Poll::Ready(Ok(6)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_long_job_gets_in_while_there_is_any_room() {
    let queue = Arc::new(Jobs::new(10));
    let (end, thread) = lead_meanwhile(&queue);
    let (_, waker) = bell();
    queued(&queue, 1, 9, &waker);
    queued(&queue, 2, 1000, &waker);
    queue.leave(full(&queue, 3, 1, &waker));
    end.send(()).unwrap();
    thread.join().unwrap();
}

#[test]
fn f25_a_leader_that_panics_leaves_nobody_waiting() {
    let queue = Arc::new(Jobs::new(100));
    let leader = Arc::new(Doubler::default());
    let (end, thread) = lead_meanwhile(&queue);
    let (bell, waker) = bell();
    let future = queued(&queue, 12, 1, &waker);
    assert!(poll(&queue, &future, &waker, &leader).is_pending());
    let callers: Vec<_> = [13, 14]
        .map(|job| {
            let (queue, leader) = (Arc::clone(&queue), Arc::clone(&leader));
            std::thread::Builder::new().spawn(move || queue.run(job, 1, &*leader)).unwrap()
        })
        .into();
    while queue.state.lock().unwrap().waiting.len() < 3 {
        std::thread::yield_now();
    }
    end.send(()).unwrap();
    thread.join().unwrap();
    for caller in callers {
        let result = in_time("a caller hears of the panic", move || caller.join().unwrap());
        assert_eq!(result, Ok(Err("job 13".to_owned())));
    }
    assert!(bell.rung() > 0);
    assert_eq!(poll(&queue, &future, &waker, &leader), Poll::Ready(Err("job 13".to_owned())));
    assert_eq!(queue.run(1, 1, &*leader), Ok(Ok(2)), "the leadership was given back");
    assert_eq!(queue.state.lock().unwrap().bytes, 0, "and the room");
}

#[test]
fn f25_the_commit_thread_outlives_a_panic_of_its_leader() {
    let queue = Arc::new(Jobs::new(100));
    queue.expect_thread();
    let served = Arc::clone(&queue);
    let thread = std::thread::Builder::new().spawn(move || served.serve(&Doubler::default())).unwrap();
    for (job, expected) in [(13, Err("job 13".to_owned())), (1, Ok(2))] {
        let (bell, waker) = bell();
        let ticket = queued(&queue, job, 1, &waker);
        let result = loop {
            match poll(&queue, &ticket, &waker, &Doubler::default()) {
                Poll::Ready(result) => break result,
                Poll::Pending => while bell.rung() == 0 && queue.state.lock().unwrap().served {},
            }
        };
        assert_eq!(result, expected);
    }
    queue.stop();
    in_time("the thread ends", move || thread.join().unwrap());
}

#[test]
fn work_that_panics_gives_the_leadership_back() {
    let queue = Jobs::new(100);
    let work = || queue.exclusive(|| panic!("in the middle of it"));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_err();
    assert_eq!(queue.run(1, 1, &Doubler::default()), Ok(Ok(2)));
}

/// A waker that holds what is needed to close the queue, as the last handle of a store does in a task that was given up.
struct Closer(Arc<Jobs>, AtomicBool);

impl Wake for Closer {
    fn wake(self: Arc<Self>) {
        self.0.close(&Doubler::default());
        self.1.store(true, Ordering::SeqCst);
    }
}

/// Wakers used to be called by a leader that had not stepped down, and some under the queue's lock.
#[test]
fn a_waker_may_close_the_queue() {
    for waits_for_room in [false, true] {
        let queue = Arc::new(Jobs::new(10));
        let closer = Arc::new(Closer(Arc::clone(&queue), AtomicBool::new(false)));
        let closed = Arc::clone(&closer);
        in_time("the waker returns", move || {
            let (end, thread) = lead_meanwhile(&queue);
            let waker = Waker::from(closer);
            let bytes = if waits_for_room { 10 } else { 1 };
            let (_, quiet) = bell();
            let first = queued(&queue, 1, bytes, &quiet);
            if waits_for_room {
                full(&queue, 2, 1, &waker);
            } else {
                let ticket = queued(&queue, 2, 1, &waker);
                assert!(poll(&queue, &ticket, &waker, &Doubler::default()).is_pending());
            }
            end.send(()).unwrap();
            thread.join().unwrap();
            drop(poll(&queue, &first, &quiet, &Doubler::default()));
            assert_eq!(queue.run(3, 1, &Doubler::default()), Err(Closed));
        });
        assert!(closed.1.load(Ordering::SeqCst));
    }
}

/// A waker that panics, as a defective executor's may.
struct Grenade;

impl Wake for Grenade {
    fn wake(self: Arc<Self>) {
        panic!("in a waker");
    }
}

#[test]
fn a_waker_that_panics_hurts_nobody_else() {
    let queue = Arc::new(Jobs::new(100));
    let (end, thread) = lead_meanwhile(&queue);
    let grenade = Waker::from(Arc::new(Grenade));
    let first = queued(&queue, 1, 1, &grenade);
    assert!(poll(&queue, &first, &grenade, &Doubler::default()).is_pending());
    let (bell, waker) = bell();
    let second = queued(&queue, 2, 1, &waker);
    assert!(poll(&queue, &second, &waker, &Doubler::default()).is_pending());
    end.send(()).unwrap();
    thread.join().unwrap();
    assert_eq!(bell.rung(), 1);
    assert_eq!(queue.run(3, 1, &Doubler::default()), Ok(Ok(6)));
    assert_eq!(poll(&queue, &second, &waker, &Doubler::default()), Poll::Ready(Ok(4)));
}

#[test]
fn closing_finishes_what_waits_and_refuses_the_rest() {
    let queue = Arc::new(Jobs::new(10));
    let leader = Doubler::default();
    let (end, thread) = lead_meanwhile(&queue);
    let (_, waker) = bell();
    let ticket = queued(&queue, 1, 10, &waker);
    let (room, room_waker) = bell();
    let place = full(&queue, 2, 1, &room_waker);
    let blocked = Arc::clone(&queue);
    let caller = std::thread::Builder::new().spawn(move || blocked.run(3, 1, &Doubler::default())).unwrap();
    let closing = Arc::clone(&queue);
    let closer = std::thread::Builder::new().spawn(move || closing.close(&Doubler::default())).unwrap();
    assert_eq!(in_time("who waits for room hears", move || caller.join().unwrap()), Err(Closed));
    while room.rung() == 0 {
        std::thread::yield_now();
    }
    let offered = queue.offer(2, 1, Some(place), &mut Context::from_waker(&room_waker), &leader);
    assert_eq!(offered.unwrap_err(), Closed);
    end.send(()).unwrap();
    thread.join().unwrap();
    in_time("the close returns", move || closer.join().unwrap());
    assert_eq!(poll(&queue, &ticket, &waker, &leader), Poll::Ready(Ok(2)));
    assert_eq!(queue.run(4, 1, &leader), Err(Closed));
}
