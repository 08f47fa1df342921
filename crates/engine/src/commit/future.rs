//! The door without blocking: a commit as a plain future.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::job::{Job, JobResult};
use super::queue::{Closed, Offered, Place, Ticket};
use crate::batch::Outcome;
use crate::error::{Error, Result};
use crate::seams::sync;
use crate::store::core::Core;

/// A commit on its way.
///
/// It needs no runtime. Nothing happens before the first poll; from then on the store's commit thread does the work, and
/// dropping the future leaves the outcome unknown: the commit takes place as a whole or not at all. Polling never waits for the disk, except in a store without threads of its own
/// ([`Environment::background`](crate::seams::Environment)), where the poll does the work.
#[must_use = "a commit starts when its future is polled"]
pub struct CommitFuture {
    state: State,
}

enum State {
    /// Refused before it was queued.
    Failed(Error),
    /// Not queued yet; it may have a place among those that wait for room.
    New(Arc<Core>, Job, Option<Place>),
    Queued(Arc<Core>, sync::Arc<Ticket<Job, JobResult>>),
    Done,
}

impl CommitFuture {
    pub(crate) fn new(core: Arc<Core>, job: Result<Job>) -> Self {
        Self { state: job.map_or_else(State::Failed, |job| State::New(core, job, None)) }
    }
}

impl Future for CommitFuture {
    type Output = Result<Outcome>;

    /// # Panics
    ///
    /// When polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Failed(error) => return Poll::Ready(Err(error)),
                State::New(core, job, place) => {
                    let bytes = job.bytes();
                    match core.queue.offer(job, bytes, place, context, &*core) {
                        Ok(Offered::Queued(ticket)) => self.state = State::Queued(core, ticket),
                        Ok(Offered::Full(job, place)) => {
                            self.state = State::New(core, job, Some(place));
                            return Poll::Pending;
                        }
                        Err(Closed) => return Poll::Ready(Err(core.closed_error())),
                    }
                }
                State::Queued(core, ticket) => {
                    let result = core.queue.poll(&ticket, context, &*core);
                    if result.is_pending() {
                        self.state = State::Queued(core, ticket);
                    }
                    return result;
                }
                State::Done => panic!("a commit future was polled after it was ready"),
            }
        }
    }
}

impl Drop for CommitFuture {
    fn drop(&mut self) {
        if let State::New(core, _, place) = &mut self.state
            && let Some(place) = place.take()
        {
            core.queue.leave(place);
        }
    }
}

impl fmt::Debug for CommitFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.state {
            State::Failed(_) => "CommitFuture(refused)",
            State::New(..) => "CommitFuture(new)",
            State::Queued(..) => "CommitFuture(queued)",
            State::Done => "CommitFuture(done)",
        })
    }
}
