//! A watch of the engine as a stream of messages.
//!
//! Invariants: nothing is taken from the engine before the receiver has room for it, so a receiver that does not read holds no
//! memory but that of one commit's handles. A commit goes in parts that a message holds, one behind the other. When the log no
//! longer reaches back to where the receiver is, that is told, and the watch goes on.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use pentad_client::wire::{
    Change, WatchRequest, WatchResponse, WatchedCommit, WatchedExpiry, watch_request, watch_response::Event,
};
use pentad_client::{Failure, FailureKind, PAGE_BYTES_MAX};
use pentad_engine::{ErrorKind, Sequence, Store, Watch, WatchEvent, WatchFilter, WatchedChange};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::failure_of;
use super::view::{bytes_of, check_answer};
use super::whole_log::WholeLog;

/// How often a receiver is told how far it is when nothing else is to be told.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// The messages of one watch. Polled within a runtime of tokio.
#[derive(Debug)]
pub(crate) struct Watching {
    watch: Watch,
    until_now: bool,
    /// In the place of what the watch tells: every commit, those that changed nothing too.
    whole_log: Option<WholeLog>,
    /// What is to be told before anything else.
    due: VecDeque<Event>,
    tick: Interval,
    is_over: bool,
}

impl Watching {
    /// Begins to watch `store`.
    pub(crate) fn new(store: &Store, request: WatchRequest) -> Result<Self, Failure> {
        let is_plain = request.until_now && !request.previous && request.filter.is_none();
        if request.whole_log && !is_plain {
            let text = "the whole log is told until now, for all keys, and without what was there before";
            return Err(Failure::invalid(text));
        }
        let filter = match request.filter {
            None => WatchFilter::All,
            Some(watch_request::Filter::Key(key)) => WatchFilter::Key(key),
            Some(watch_request::Filter::Prefix(prefix)) => WatchFilter::Prefix(prefix),
        };
        let watch = match store.watch(filter, request.from.map(Sequence)) {
            // Another replica may have the commit, and this one soon.
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                return Err(Failure::new(FailureKind::Pruned, error.to_string()));
            }
            watch => watch.map_err(|error| failure_of(&error))?,
        };
        let watch = if request.previous { watch.with_previous() } else { watch };
        let whole_log = request.whole_log.then(|| WholeLog::new(store, watch.resume_at())).transpose();
        let whole_log = whole_log.map_err(|error| failure_of(&error))?;
        let mut tick = interval(TELL_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.reset();
        let due = VecDeque::from([Event::WatchingFrom(watch.resume_at().0)]);
        Ok(Self { watch, until_now: request.until_now, whole_log, due, tick, is_over: false })
    }

    /// Before which commit all was told.
    fn told_before(&self) -> Event {
        let next = self.whole_log.as_ref().map_or_else(|| self.watch.resume_at(), |log| log.next);
        Event::ToldBefore(next.0)
    }

    /// The next event of the engine, if there is one.
    fn take(&mut self, context: &mut Context<'_>) -> Poll<Option<pentad_engine::Result<WatchEvent>>> {
        if let Some(log) = &mut self.whole_log {
            return Poll::Ready(log.take());
        }
        if self.until_now {
            return Poll::Ready(self.watch.try_next().transpose());
        }
        self.watch.poll_next(context)
    }

    fn tell(&mut self, event: WatchEvent) -> Result<(), Failure> {
        match event {
            WatchEvent::Commit(commit) => {
                let (sequence, time_ns) = (commit.sequence.0, commit.time.0);
                let part = |changes, is_continued| {
                    Event::Commit(WatchedCommit { sequence, time_ns, changes, is_continued })
                };
                let (mut changes, mut bytes) = (Vec::new(), 0);
                for change in commit.changes {
                    let change = change_of(change);
                    let length = bytes_of(&change);
                    check_answer("a change", length)?;
                    if !changes.is_empty() && bytes + length > PAGE_BYTES_MAX {
                        self.due.push_back(part(std::mem::take(&mut changes), true));
                        bytes = 0;
                    }
                    bytes += length;
                    changes.push(change);
                }
                self.due.push_back(part(changes, false));
            }
            WatchEvent::Expired { key, deadline, sequence } => {
                let expired = WatchedExpiry { key, sequence: sequence.0, deadline_ns: deadline.0 };
                self.due.push_back(Event::Expired(expired));
            }
            _ => {}
        }
        Ok(())
    }

    /// What there is to say of an error of the engine: where the watch goes on, or that it does not.
    fn tell_error(&mut self, error: &pentad_engine::Error) -> Result<(), Failure> {
        if error.kind() != ErrorKind::NotRetained {
            return Err(failure_of(error));
        }
        let resume_at = match &mut self.whole_log {
            Some(log) => log.skip_lost().map_err(|error| failure_of(&error))?,
            None => self.watch.skip_lost(),
        };
        self.due.push_back(Event::ResumeAt(resume_at.0));
        Ok(())
    }
}

impl Stream for Watching {
    type Item = Result<WatchResponse, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.due.pop_front() {
                self.tick.reset();
                return Poll::Ready(Some(Ok(WatchResponse { event: Some(event) })));
            }
            if self.is_over {
                return Poll::Ready(None);
            }
            let told = match self.take(context) {
                Poll::Ready(Some(Ok(event))) => self.tell(event),
                Poll::Ready(Some(Err(error))) => self.tell_error(&error),
                Poll::Ready(None) => {
                    self.is_over = true;
                    let told_before = self.told_before();
                    self.due.push_back(told_before);
                    Ok(())
                }
                Poll::Pending => {
                    ready!(self.tick.poll_tick(context));
                    let told_before = self.told_before();
                    self.due.push_back(told_before);
                    Ok(())
                }
            };
            if let Err(failure) = told {
                self.is_over = true;
                return Poll::Ready(Some(Err(failure)));
            }
        }
    }
}

/// A change as a message.
fn change_of(change: WatchedChange) -> Change {
    let value = change.value.map(Bytes::from);
    let previous = change.previous.map(Bytes::from);
    let deadline_ns = change.deadline.map(|deadline| deadline.0);
    Change { key: change.key, value, deadline_ns, previous }
}

#[cfg(test)]
#[path = "watching_tests.rs"]
mod tests;
