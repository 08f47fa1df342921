//! The commit queue: who waits, who leads, who is woken.
//!
//! Invariants: at most one leader at a time; every ticket that was let in gets exactly one result, also when the leader
//! panics; whenever the queue is not empty and nobody leads, somebody has been told to lead (no lost wake-up). A future
//! may be dropped, or never be polled again, at any moment, so nothing ever waits for one future alone. Loom checks this in
//! `queue_tests.rs`.
//!
//! The queue's mutex is held for moments only, never over a write or a sync, so a thread of an asynchronous runtime
//! may take it. Wakers are called, and they and the jobs dropped, with no lock held and by nobody who leads: what is behind one
//! may poll again at once, or drop the last handle of the store and so close it.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

use super::bell::Bell;
use super::panics::results_of;
use crate::seams::sync::{Arc, Mutex, MutexGuard, give_way};

/// A group takes what waits up to so many bytes (and at least one job).
const GROUP_BYTES_MAX: u64 = 8 << 20;

/// How often a leader gives way to callers that may come, without anybody coming.
const IN_VAIN_MAX: usize = 2;

/// What carries out a group of jobs `J`, and gives each its result `R`.
pub(crate) trait Leader<J, R> {
    /// One result for each job, in their order.
    fn lead(&self, jobs: &[J]) -> Vec<R>;

    /// Called when a group has its results, and the next one may begin.
    fn told(&self) {}

    /// Whether this job has to wait for the disk: then it is worth a moment to gather more of them for one sync.
    fn waits_for_disk(&self, _job: &J) -> bool {
        false
    }

    /// The result of every job of a group over which [`Leader::lead`] panicked with `message`. Called before anybody
    /// else leads.
    fn panicked(&self, message: &str) -> R;
}

/// A queue of jobs `J` with results `R`.
#[derive(Debug)]
pub(crate) struct Queue<J, R> {
    state: Mutex<State<J, R>>,
    /// Where the commit thread waits.
    thread: Bell,
    /// Where callers wait for room, and maintenance for the leadership.
    changed: Bell,
    bytes_max: u64,
}

#[derive(Debug)]
struct State<J, R> {
    waiting: VecDeque<Arc<Ticket<J, R>>>,
    /// Bytes of the jobs that wait or are being led.
    bytes: u64,
    leading: bool,
    /// How many blocking callers there were lately: those of the last group, and those that came while it was led.
    crowd: usize,
    /// Callers of [`Queue::exclusive`] that wait; they go first.
    exclusive: usize,
    closed: bool,
    /// Whether a commit thread serves the queue.
    served: bool,
    stopping: bool,
    /// Futures that wait for room, by place. All of them are woken when there is some: one that was dropped cannot keep
    /// the news from another.
    room: BTreeMap<u64, Waker>,
    next_place: u64,
}

/// A job in the queue.
#[derive(Debug)]
pub(crate) struct Ticket<J, R> {
    slot: Mutex<Slot<J, R>>,
    bytes: u64,
    /// Whether a thread waits on `turn` for this ticket; if not, a future does.
    blocking: bool,
    waits_for_disk: bool,
    turn: Bell,
}

#[derive(Debug)]
struct Slot<J, R> {
    job: Option<J>,
    result: Option<R>,
    waker: Option<Waker>,
}

/// The queue takes no more jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

/// Where a future waits for room. It is given back by [`Queue::leave`].
#[derive(Debug)]
pub(crate) struct Place(u64);

/// What becomes of a job offered by a future.
#[derive(Debug)]
pub(crate) enum Offered<J, R> {
    /// It is in the queue.
    Queued(Arc<Ticket<J, R>>),
    /// There is no room; the waker will be called when there is. The job comes back.
    Full(J, Place),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl<J, R> Queue<J, R> {
    /// An empty queue that lets jobs in until `bytes_max` bytes wait.
    pub(crate) fn new(bytes_max: u64) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            bytes: 0,
            leading: false,
            crowd: 0,
            exclusive: 0,
            closed: false,
            served: false,
            stopping: false,
            room: BTreeMap::new(),
            next_place: 0,
        };
        Self { state: Mutex::new(state), thread: Bell::new(), changed: Bell::new(), bytes_max }
    }

    /// Runs `job`: leads the group that it is in, or waits for the leader that does.
    pub(crate) fn run(&self, job: J, bytes: u64, leader: &dyn Leader<J, R>) -> Result<R, Closed> {
        let mut state = self.wait_for_room(leader);
        let ticket = state.admit(job, bytes, true, leader).ok_or(Closed)?;
        Ok(self.see_through(state, &ticket, leader).1)
    }

    /// Runs jobs of one caller in their order: queued together, so that they share a group as far as its bytes go.
    pub(crate) fn run_all(
        &self,
        jobs: Vec<J>,
        bytes_of: impl Fn(&J) -> u64,
        leader: &dyn Leader<J, R>,
    ) -> Result<Vec<R>, Closed> {
        let mut state = self.wait_for_room(leader);
        let admitted = jobs.into_iter().map(|job| {
            let bytes = bytes_of(&job);
            state.admit(job, bytes, true, leader).ok_or(Closed)
        });
        let tickets = admitted.collect::<Result<Vec<_>, Closed>>()?;
        let mut results = Vec::with_capacity(tickets.len());
        // In the order of the queue: when a later one is told to lead, those before it have their results.
        for ticket in &tickets {
            let result;
            (state, result) = self.see_through(state, ticket, leader);
            results.push(result);
        }
        Ok(results)
    }

    fn wait_for_room(&self, leader: &dyn Leader<J, R>) -> MutexGuard<'_, State<J, R>> {
        let mut state = lock(&self.state);
        while !state.closed && !state.has_room(self.bytes_max) {
            // Whoever was told to lead may be a future that nobody polls, so who needs the room makes it.
            state = self.lead_or(&self.changed, state, leader);
        }
        state
    }

    /// Leads, or waits, until a caller's ticket has its result.
    fn see_through<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<J, R>>,
        ticket: &Ticket<J, R>,
        leader: &dyn Leader<J, R>,
    ) -> (MutexGuard<'a, State<J, R>>, R) {
        loop {
            if let Some(result) = lock(&ticket.slot).result.take() {
                return (state, result);
            }
            state = self.lead_or(&ticket.turn, state, leader);
        }
    }

    /// Puts a future's job into the queue without waiting. `place` is where it waited for room before, if it did.
    pub(crate) fn offer(
        &self,
        job: J,
        bytes: u64,
        place: Option<Place>,
        context: &mut Context<'_>,
        leader: &dyn Leader<J, R>,
    ) -> Result<Offered<J, R>, Closed> {
        let waker = context.waker().clone();
        let mut state = lock(&self.state);
        while !state.closed && !state.has_room(self.bytes_max) {
            if state.served || !state.may_lead() {
                let Place(place) = place.unwrap_or_else(|| state.new_place());
                let replaced = state.room.insert(place, waker);
                drop(state);
                drop(replaced);
                return Ok(Offered::Full(job, Place(place)));
            }
            state = self.lead_group(state, leader);
        }
        let woken = place.and_then(|Place(place)| state.room.remove(&place));
        let admitted = state.admit(job, bytes, false, leader).ok_or(Closed);
        if admitted.is_ok() && state.served && state.may_lead() {
            self.thread.ring();
        }
        drop(state);
        drop(woken);
        admitted.map(Offered::Queued)
    }

    /// Gives back the place of a future that does not wait for room any more.
    pub(crate) fn leave(&self, Place(place): Place) {
        let waker = lock(&self.state).room.remove(&place);
        drop(waker);
    }

    /// Asks for the result of a future's ticket. Where no commit thread serves the queue, the poll leads.
    pub(crate) fn poll(
        &self,
        ticket: &Ticket<J, R>,
        context: &mut Context<'_>,
        leader: &dyn Leader<J, R>,
    ) -> Poll<R> {
        loop {
            let waker = context.waker().clone();
            let mut slot = lock(&ticket.slot);
            if let Some(result) = slot.result.take() {
                return Poll::Ready(result);
            }
            let replaced = slot.waker.replace(waker);
            drop(slot);
            drop(replaced);
            let state = lock(&self.state);
            if state.served || !state.may_lead() || state.waiting.is_empty() {
                return Poll::Pending;
            }
            drop(self.lead_group(state, leader));
        }
    }

    /// Serves futures until [`Queue::stop`]: the commit thread's life.
    pub(crate) fn serve(&self, leader: &dyn Leader<J, R>) {
        let _retire = Retire { queue: self };
        let mut state = lock(&self.state);
        state.served = true;
        loop {
            if !state.waiting.is_empty() && state.may_lead() {
                state = self.lead_group(state, leader);
            } else if state.stopping {
                return;
            } else {
                state = self.thread.wait(state);
            }
        }
    }

    /// Says that a commit thread is about to serve the queue, so that no future leads before it has started.
    pub(crate) fn expect_thread(&self) {
        lock(&self.state).served = true;
    }

    /// Ends [`Queue::serve`] when the queue is empty.
    pub(crate) fn stop(&self) {
        lock(&self.state).stopping = true;
        self.thread.ring_for_all();
    }

    /// Runs `work` while nobody leads. It goes before the jobs that wait.
    pub(crate) fn exclusive<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut state = lock(&self.state);
        state.exclusive += 1;
        while state.leading {
            state = self.changed.wait(state);
        }
        state.exclusive -= 1;
        state.leading = true;
        drop(state);
        let _step_down = StepDown { queue: self };
        work()
    }

    /// Refuses new jobs from now on; returns when the waiting ones are done.
    pub(crate) fn close(&self, leader: &dyn Leader<J, R>) {
        let mut state = lock(&self.state);
        state.closed = true;
        self.changed.ring_for_all();
        let wakers = state.take_room();
        drop(state);
        wake_all(wakers);
        let mut state = lock(&self.state);
        while state.leading || !state.waiting.is_empty() {
            state = self.lead_or(&self.changed, state, leader);
        }
    }

    /// Leads a group if that is possible, else waits for `bell`.
    fn lead_or<'a>(
        &'a self,
        bell: &Bell,
        state: MutexGuard<'a, State<J, R>>,
        leader: &dyn Leader<J, R>,
    ) -> MutexGuard<'a, State<J, R>> {
        if state.may_lead() { self.lead_group(state, leader) } else { bell.wait(state) }
    }

    /// Takes a group, leads it, hands out the results. Never unwinds.
    fn lead_group<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<J, R>>,
        leader: &dyn Leader<J, R>,
    ) -> MutexGuard<'a, State<J, R>> {
        state.leading = true;
        let mut state = self.gather(state);
        let group = state.take_group();
        drop(state);
        let jobs: Vec<J> = group.iter().filter_map(|ticket| lock(&ticket.slot).job.take()).collect();
        let results = results_of(&jobs, leader);
        let mut wakers = Vec::new();
        for (ticket, result) in group.iter().zip(results) {
            let mut slot = lock(&ticket.slot);
            slot.result = Some(result);
            wakers.extend(slot.waker.take());
        }
        let mut state = lock(&self.state);
        state.bytes -= group.iter().map(|ticket| ticket.bytes).sum::<u64>();
        let callers = |tickets: &mut dyn Iterator<Item = &Arc<Ticket<J, R>>>| {
            tickets.filter(|ticket| ticket.blocking).count()
        };
        state.crowd = callers(&mut group.iter()) + callers(&mut state.waiting.iter());
        wakers.extend(state.take_room());
        // The next leader is told first: the disk is idle until he comes.
        self.step_down(state, wakers);
        // Whoever waits has let go of the lock, under which it looks for its result, so it hears of it. It is told without
        // the lock: it would wake up only to wait for that.
        group.iter().filter(|ticket| ticket.blocking).for_each(|ticket| ticket.turn.ring());
        leader.told();
        // Like the wakers: what a job holds may be the last handle of the store, which closes it, or may panic.
        drop(catch_unwind(AssertUnwindSafe(|| drop(jobs))));
        lock(&self.state)
    }

    /// Gives the callers that were just told of their results a moment to come back with their next jobs, where a sync is
    /// ahead that serves them all: it takes longer than that, and one that finds half of them there is followed by another.
    /// As long as somebody comes, but not without end.
    fn gather<'a>(&'a self, mut state: MutexGuard<'a, State<J, R>>) -> MutexGuard<'a, State<J, R>> {
        let crowd = state.crowd;
        let mut in_vain = 0;
        while state.waiting.len() < crowd
            && in_vain < IN_VAIN_MAX
            && state.exclusive == 0
            && state.waiting.iter().any(|ticket| ticket.waits_for_disk)
        {
            let before = state.waiting.len();
            drop(state);
            give_way();
            state = lock(&self.state);
            in_vain = if state.waiting.len() > before { 0 } else { in_vain + 1 };
        }
        state
    }

    /// Gives the leadership back, tells whoever is next to lead, and calls the wakers.
    fn step_down(&self, mut state: MutexGuard<'_, State<J, R>>, mut wakers: Vec<Waker>) {
        state.leading = false;
        self.pass_on(&state, &mut wakers);
        drop(state);
        wake_all(wakers);
    }

    /// Tells whoever is next to lead, if nobody does.
    fn pass_on(&self, state: &State<J, R>, wakers: &mut Vec<Waker>) {
        if state.leading {
            return;
        }
        // Maintenance, and callers that close the queue or wait for room, look here for any change of leadership.
        self.changed.ring_for_all();
        let Some(next) = state.waiting.front() else { return };
        if next.blocking {
            next.turn.ring();
        } else if state.served {
            self.thread.ring();
        } else {
            // The one in front may have been dropped, or may never be polled again: the first that comes leads.
            for ticket in &state.waiting {
                ticket.turn.ring();
                wakers.extend(lock(&ticket.slot).waker.take());
            }
        }
    }
}

/// Gives the leadership back after work that is not a group, also when it panics.
struct StepDown<'a, J, R> {
    queue: &'a Queue<J, R>,
}

impl<J, R> Drop for StepDown<'_, J, R> {
    fn drop(&mut self) {
        self.queue.step_down(lock(&self.queue.state), Vec::new());
    }
}

/// Ends the service of the commit thread: whoever still waits leads for himself from here on.
struct Retire<'a, J, R> {
    queue: &'a Queue<J, R>,
}

impl<J, R> Drop for Retire<'_, J, R> {
    fn drop(&mut self) {
        let mut state = lock(&self.queue.state);
        state.served = false;
        let mut wakers = state.take_room();
        self.queue.pass_on(&state, &mut wakers);
        drop(state);
        wake_all(wakers);
    }
}

pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        // A waker that panics, which the panic hook reports, must not keep the others from being called.
        drop(catch_unwind(AssertUnwindSafe(|| waker.wake())));
    }
}

impl<J, R> State<J, R> {
    /// A job is let in while any room is left, however long it is: so a long one is not overtaken for ever by short ones,
    /// and one that is longer than the limit gets in at all.
    fn has_room(&self, bytes_max: u64) -> bool {
        self.bytes == 0 || self.bytes < bytes_max
    }

    fn may_lead(&self) -> bool {
        !self.leading && self.exclusive == 0
    }

    fn admit(
        &mut self,
        job: J,
        bytes: u64,
        blocking: bool,
        leader: &dyn Leader<J, R>,
    ) -> Option<Arc<Ticket<J, R>>> {
        if self.closed {
            return None;
        }
        let waits_for_disk = leader.waits_for_disk(&job);
        let slot = Mutex::new(Slot { job: Some(job), result: None, waker: None });
        let ticket = Arc::new(Ticket { slot, bytes, blocking, waits_for_disk, turn: Bell::new() });
        self.bytes += bytes;
        self.waiting.push_back(Arc::clone(&ticket));
        Some(ticket)
    }

    fn take_group(&mut self) -> Vec<Arc<Ticket<J, R>>> {
        let mut group = Vec::new();
        let mut bytes = 0;
        while let Some(next) = self.waiting.front() {
            if !group.is_empty() && bytes + next.bytes > GROUP_BYTES_MAX {
                break;
            }
            bytes += next.bytes;
            group.extend(self.waiting.pop_front());
        }
        group
    }

    fn new_place(&mut self) -> Place {
        self.next_place += 1;
        Place(self.next_place)
    }

    fn take_room(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.room).into_values().collect()
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
