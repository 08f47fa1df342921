//! The commit queue: who waits, who leads, who is woken.
//!
//! Invariants: at most one leader at a time; every ticket that was let in gets exactly one result; whenever the
//! queue is not empty and nobody leads, somebody has been told to lead (no lost wake-up). Loom checks them below.
//!
//! The queue's mutex is held for moments only, never over a write or a sync, so a thread of an asynchronous runtime
//! may take it.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use crate::seams::sync::{Arc, Condvar, Mutex, MutexGuard};

/// A group takes what waits up to so many bytes (and at least one job).
const GROUP_BYTES_MAX: u64 = 8 << 20;

/// A queue of jobs `J` with results `R`.
#[derive(Debug)]
pub(crate) struct Queue<J, R> {
    state: Mutex<State<J, R>>,
    /// Where the commit thread waits.
    thread: Condvar,
    /// Where callers wait for room, and maintenance for the leadership.
    changed: Condvar,
    bytes_max: u64,
}

#[derive(Debug)]
struct State<J, R> {
    waiting: VecDeque<Arc<Ticket<J, R>>>,
    /// Bytes of the jobs that wait or are being led.
    bytes: u64,
    leading: bool,
    /// Callers of [`Queue::exclusive`] that wait; they go first.
    exclusive: usize,
    closed: bool,
    /// Whether a commit thread serves the queue.
    served: bool,
    stopping: bool,
    room: Vec<Waker>,
}

/// A job in the queue.
#[derive(Debug)]
pub(crate) struct Ticket<J, R> {
    slot: Mutex<Slot<J, R>>,
    bytes: u64,
    /// Whether a thread waits on `turn` for this ticket; if not, a future does.
    blocking: bool,
    turn: Condvar,
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

/// What becomes of a job offered by a future.
#[derive(Debug)]
pub(crate) enum Offered<J, R> {
    /// It is in the queue.
    Queued(Arc<Ticket<J, R>>),
    /// There is no room; the waker will be called when there is. The job comes back.
    Full(J),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condvar.wait(guard).unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl<J, R> Queue<J, R> {
    /// An empty queue that lets jobs wait up to `bytes_max` bytes.
    pub(crate) fn new(bytes_max: u64) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            bytes: 0,
            leading: false,
            exclusive: 0,
            closed: false,
            served: false,
            stopping: false,
            room: Vec::new(),
        };
        Self { state: Mutex::new(state), thread: Condvar::new(), changed: Condvar::new(), bytes_max }
    }

    /// Runs `job`: leads the group that it is in, or waits for the leader that does.
    pub(crate) fn run(&self, job: J, bytes: u64, lead: &dyn Fn(Vec<J>) -> Vec<R>) -> Result<R, Closed> {
        let mut state = lock(&self.state);
        while !state.closed && !state.has_room(bytes, self.bytes_max) {
            state = wait(&self.changed, state);
        }
        let ticket = state.admit(job, bytes, true).ok_or(Closed)?;
        loop {
            if let Some(result) = lock(&ticket.slot).result.take() {
                return Ok(result);
            }
            state = if state.may_lead() { self.lead_group(state, lead) } else { wait(&ticket.turn, state) };
        }
    }

    /// Puts a future's job into the queue without waiting.
    pub(crate) fn offer(
        &self,
        job: J,
        bytes: u64,
        context: &mut Context<'_>,
    ) -> Result<Offered<J, R>, Closed> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(Closed);
        }
        if !state.has_room(bytes, self.bytes_max) {
            state.room.push(context.waker().clone());
            return Ok(Offered::Full(job));
        }
        let ticket = state.admit(job, bytes, false).ok_or(Closed)?;
        if state.served && state.may_lead() {
            self.thread.notify_one();
        }
        Ok(Offered::Queued(ticket))
    }

    /// Asks for the result of a future's ticket. Where no commit thread serves the queue, the poll leads.
    pub(crate) fn poll(
        &self,
        ticket: &Ticket<J, R>,
        context: &mut Context<'_>,
        lead: &dyn Fn(Vec<J>) -> Vec<R>,
    ) -> Poll<R> {
        loop {
            {
                let mut slot = lock(&ticket.slot);
                if let Some(result) = slot.result.take() {
                    return Poll::Ready(result);
                }
                slot.waker = Some(context.waker().clone());
            }
            let state = lock(&self.state);
            if state.served || !state.may_lead() || state.waiting.is_empty() {
                return Poll::Pending;
            }
            drop(self.lead_group(state, lead));
        }
    }

    /// Serves futures until [`Queue::stop`]: the commit thread's life.
    pub(crate) fn serve(&self, lead: &dyn Fn(Vec<J>) -> Vec<R>) {
        let mut state = lock(&self.state);
        state.served = true;
        loop {
            if !state.waiting.is_empty() && state.may_lead() {
                state = self.lead_group(state, lead);
            } else if state.stopping {
                // Whoever still waits leads for himself from here on.
                state.served = false;
                self.pass_on(&state);
                return;
            } else {
                state = wait(&self.thread, state);
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
        self.thread.notify_all();
    }

    /// Runs `work` while nobody leads. It goes before the jobs that wait.
    pub(crate) fn exclusive<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut state = lock(&self.state);
        state.exclusive += 1;
        while state.leading {
            state = wait(&self.changed, state);
        }
        state.exclusive -= 1;
        state.leading = true;
        drop(state);
        let _step_down = StepDown { queue: self };
        work()
    }

    /// Refuses new jobs from now on; returns when the waiting ones are done.
    pub(crate) fn close(&self, lead: &dyn Fn(Vec<J>) -> Vec<R>) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.wake_room(&self.changed);
        while state.leading || !state.waiting.is_empty() {
            state = if state.may_lead() { self.lead_group(state, lead) } else { wait(&self.changed, state) };
        }
    }

    /// Takes a group, leads it, hands out the results.
    fn lead_group<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<J, R>>,
        lead: &dyn Fn(Vec<J>) -> Vec<R>,
    ) -> MutexGuard<'a, State<J, R>> {
        state.leading = true;
        let group = state.take_group();
        drop(state);
        // If the leader panics the leadership is handed on; the group's tickets stay without a result only then, and
        // the panic is the answer that their callers see: `lead` catches what can be caught.
        let step_down = StepDown { queue: self };
        let jobs = group.iter().filter_map(|ticket| lock(&ticket.slot).job.take()).collect();
        let results = lead(jobs);
        debug_assert_eq!(results.len(), group.len(), "one result for each job");
        for (ticket, result) in group.iter().zip(results) {
            let mut slot = lock(&ticket.slot);
            slot.result = Some(result);
            let waker = slot.waker.take();
            drop(slot);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        std::mem::forget(step_down);
        let mut state = lock(&self.state);
        state.leading = false;
        for ticket in &group {
            state.bytes -= ticket.bytes;
            ticket.turn.notify_one();
        }
        state.wake_room(&self.changed);
        self.pass_on(&state);
        state
    }

    /// Tells whoever is next to lead.
    fn pass_on(&self, state: &State<J, R>) {
        if state.leading {
            return;
        }
        // Maintenance, and a caller that closes the queue, wait here for any change of leadership.
        self.changed.notify_all();
        if let Some(next) = state.waiting.front() {
            if next.blocking {
                next.turn.notify_one();
            } else if state.served {
                self.thread.notify_one();
            } else if let Some(waker) = lock(&next.slot).waker.take() {
                waker.wake();
            }
        }
    }
}

/// Gives the leadership back, also when the leader panics.
struct StepDown<'a, J, R> {
    queue: &'a Queue<J, R>,
}

impl<J, R> Drop for StepDown<'_, J, R> {
    fn drop(&mut self) {
        let mut state = lock(&self.queue.state);
        state.leading = false;
        self.queue.pass_on(&state);
    }
}

impl<J, R> State<J, R> {
    /// One job is always let in, so that a job larger than the limit is not kept out for ever.
    fn has_room(&self, bytes: u64, bytes_max: u64) -> bool {
        self.bytes == 0 || self.bytes + bytes <= bytes_max
    }

    fn may_lead(&self) -> bool {
        !self.leading && self.exclusive == 0
    }

    fn admit(&mut self, job: J, bytes: u64, blocking: bool) -> Option<Arc<Ticket<J, R>>> {
        if self.closed {
            return None;
        }
        let slot = Mutex::new(Slot { job: Some(job), result: None, waker: None });
        let ticket = Arc::new(Ticket { slot, bytes, blocking, turn: Condvar::new() });
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

    fn wake_room(&mut self, changed: &Condvar) {
        changed.notify_all();
        for waker in self.room.drain(..) {
            waker.wake();
        }
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
