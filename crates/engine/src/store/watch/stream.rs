//! The stream itself: where it stands, and three ways to take the next event.
//!
//! Invariant: `next` is the first commit that was not told yet; it only moves past a commit together with telling it, or after
//! having read that it changes nothing that is watched. An expiry is told before the first commit that could have written its
//! key again.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

use super::event::WatchEvent;
use super::filter::WatchFilter;
use super::record::{Found, Near};
use crate::error::{Error, ErrorKind, Result};
use crate::keyspace::Keyspace;
use crate::numbers::Sequence;
use crate::planted::{Bug, planted};
use crate::store::core::Core;
use crate::store::handle::Store;

impl Store {
    /// The changes of the keys that `filter` lets through, from the commit `from` on: first those that were made already, then
    /// those to come, each commit once, in order and whole. `None` begins with the next commit.
    ///
    /// Nothing is queued for a watch: it reads the log. One that is slow holds up nobody, and is told when the log does not
    /// reach back to where it stands; then [`Watch::skip_lost`] goes on. While there is a watch, at least the last 16 MiB of
    /// the log are retained. In a store that is open for reading only, a watch ends with the last commit.
    ///
    /// ```
    /// use pentad_engine::{WatchEvent, WatchFilter};
    /// # let dir = tempfile::tempdir()?;
    /// # let store = pentad_engine::Store::open(dir.path())?;
    ///
    /// store.put("user:1", "Ada")?;
    /// let mut watch = store.watch(WatchFilter::prefix("user:"), store.oldest_batch())?;
    /// store.put("user:2", "Grace")?;
    /// for name in ["Ada", "Grace"] {
    ///     let Some(WatchEvent::Commit(commit)) = watch.next().transpose()? else { panic!("a put is a commit") };
    ///     assert_eq!(commit.changes[0].value.as_deref(), Some(name.as_bytes()));
    /// }
    /// assert!(watch.try_next()?.is_none(), "nothing has happened since");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotRetained`] with the oldest commit when `from` was given up,
    /// [`ErrorKind::InvalidInput`] when it is beyond the next commit, [`ErrorKind::Closed`].
    pub fn watch(&self, filter: WatchFilter, from: impl Into<Option<Sequence>>) -> Result<Watch> {
        let core = self.core();
        core.check_open()?;
        self.serve_watches()?;
        let watch = Watch::new(Arc::clone(core), (self.keyspace(), filter), from.into());
        core.check_open()?;
        let coming = core.published.sequence().next();
        if watch.next > coming {
            let text = format!("commit {} is not there yet; the next one will be {coming}", watch.next);
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        if watch.next < core.batches.oldest_or_next() {
            return Err(watch.lost());
        }
        Ok(watch)
    }
}

/// A stream of changes; see [`Store::watch`].
///
/// As an iterator it waits for the next event, and ends after an error: the last item of a store that is closed is
/// [`ErrorKind::Closed`]. [`Watch::try_next`] and [`Watch::next_timeout`] wait less, [`Watch::poll_next`] is for tasks.
#[derive(Debug)]
pub struct Watch {
    core: Arc<Core>,
    keyspace: Keyspace,
    filter: WatchFilter,
    /// The first commit that was not told yet, and where it may be looked for first.
    next: Sequence,
    near: Option<Near>,
    /// How many expiries, counted from the first that the index ever told of, are behind it.
    expiries: u64,
    with_previous: bool,
    /// An error was given out, or there is nothing more to come.
    is_over: bool,
    number: u64,
}

impl Watch {
    fn new(core: Arc<Core>, (keyspace, filter): (Keyspace, WatchFilter), from: Option<Sequence>) -> Self {
        let number = core.wakeups.join(|| core.index.tell_expiries(true));
        let expiries = core.index.expiries_told();
        let next = from.unwrap_or_else(|| core.published.sequence().next());
        Self {
            core,
            keyspace,
            filter,
            next,
            near: None,
            expiries,
            with_previous: false,
            is_over: false,
            number,
        }
    }

    /// Has every change say what the key held before it. That reaches back as far as older sequences can be read
    /// ([`Store::oldest_readable`]), and at least as far as there was a watch.
    #[must_use]
    pub fn with_previous(mut self) -> Self {
        self.with_previous = true;
        self
    }

    /// The commit to begin with if the watch is to be taken up later, in this process or the next: every commit before it
    /// was told.
    pub fn resume_at(&self) -> Sequence {
        self.next
    }

    /// Goes on after [`ErrorKind::NotRetained`] with the oldest commit that can be told, and returns its sequence: what was
    /// between [`Watch::resume_at`] and it is lost to this watch.
    pub fn skip_lost(&mut self) -> Sequence {
        let begin = if self.with_previous { self.core.pins.history_begin() } else { Sequence(0) };
        self.next = self.next.max(self.core.batches.oldest_or_next()).max(begin);
        self.expiries = self.core.index.expiries_told();
        self.is_over = false;
        self.next
    }

    /// The next event if there is one by now; `None` if there is not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotRetained`] when the log does not reach back any more to where the watch stands, with where to resume;
    /// [`ErrorKind::Closed`]; [`ErrorKind::Damaged`] when the commit cannot be read. The watch is then over.
    pub fn try_next(&mut self) -> Result<Option<WatchEvent>> {
        if self.is_over {
            return Ok(None);
        }
        let taken = self.take();
        self.is_over |= taken.is_err();
        taken
    }

    /// The next event, waited for as long as that; `None` if there was none, or the watch is over.
    ///
    /// # Errors
    ///
    /// As [`Watch::try_next`].
    pub fn next_timeout(&mut self, time: Duration) -> Result<Option<WatchEvent>> {
        let clock = Arc::clone(&self.core.environment.clock);
        let began = clock.monotonic_ns();
        loop {
            if let Some(event) = self.try_next()? {
                return Ok(Some(event));
            }
            let gone = Duration::from_nanos(clock.monotonic_ns().saturating_sub(began));
            let left = time.saturating_sub(gone);
            if self.is_over || left.is_zero() || !self.core.wakeups.wait(|| self.is_due(), Some(left)) {
                return self.try_next();
            }
        }
    }

    /// The next event, for a task: the waker is called when there may be one. Never waits, and works with any runtime or none:
    /// `std::future::poll_fn(|context| watch.poll_next(context)).await`. `None` when the watch is over.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<WatchEvent>>> {
        loop {
            if let Some(event) = self.try_next().transpose() {
                return Poll::Ready(Some(event));
            }
            if self.is_over {
                return Poll::Ready(None);
            }
            self.core.wakeups.register(self.number, context.waker());
            if !self.is_due() {
                return Poll::Pending;
            }
        }
    }

    /// Whether there may be something to take.
    fn is_due(&self) -> bool {
        self.core.published.sequence() >= self.next
            || self.core.index.expiries_told() != self.expiries
            || self.core.check_open().is_err()
    }

    fn take(&mut self) -> Result<Option<WatchEvent>> {
        loop {
            self.core.check_open()?;
            if let Some(expired) = self.take_expired()? {
                return Ok(Some(expired));
            }
            let newest = self.core.published.sequence();
            if self.next > newest {
                self.is_over = self.core.read_only;
                return Ok(None);
            }
            if planted(Bug::WatchGap) && self.near.is_none() && self.next < newest {
                self.next = newest;
            }
            match self.core.watched_commit(
                (self.keyspace, &self.filter),
                self.next,
                self.near,
                self.with_previous,
            )? {
                Found::Pruned => return Err(self.lost()),
                Found::PreviousGivenUp => return Err(self.previous_lost()),
                Found::Commit(commit, near) => {
                    let repeats = planted(Bug::WatchRepeat) && self.next == newest && self.near.is_some();
                    self.near = (!repeats).then_some(near);
                    if !repeats {
                        self.next = self.next.next();
                    }
                    if !commit.changes.is_empty() {
                        return Ok(Some(WatchEvent::Commit(commit)));
                    }
                }
            }
        }
    }

    /// The next expiry of a watched key behind the commits that were told.
    fn take_expired(&mut self) -> Result<Option<WatchEvent>> {
        while self.core.index.expiries_told() != self.expiries {
            let Ok(expiry) = self.core.index.told_expiry(self.expiries) else {
                let text =
                    format!("this watch was too slow for the keys that expire; resume at {}", self.next);
                return Err(Error::new(ErrorKind::NotRetained, text));
            };
            let Some(expiry) = expiry.filter(|expiry| expiry.after < self.next) else { break };
            self.expiries += 1;
            let subject = expiry.space.subject(&expiry.key);
            let key = subject.key_in(self.keyspace).filter(|key| self.filter.matches(key));
            if let Some(key) = key {
                let key = Bytes::copy_from_slice(key);
                let (deadline, sequence) = (expiry.deadline, expiry.after);
                return Ok(Some(WatchEvent::Expired { key, deadline, sequence }));
            }
        }
        Ok(None)
    }

    fn lost(&self) -> Error {
        let oldest = self.core.batches.oldest_or_next();
        let text = format!("commit {} was pruned, the oldest is {oldest}; resume at {oldest}", self.next);
        Error::new(ErrorKind::NotRetained, text)
    }

    fn previous_lost(&self) -> Error {
        let oldest = self.core.batches.oldest_or_next().max(self.core.pins.history_begin());
        let text = format!("what commit {} replaced was given up; resume at {oldest}", self.next);
        Error::new(ErrorKind::NotRetained, text)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.core.wakeups.leave(self.number, || self.core.index.tell_expiries(false));
    }
}

impl Iterator for Watch {
    type Item = Result<WatchEvent>;

    /// Waits for the next event; `None` when the watch is over.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.try_next().transpose() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            self.core.wakeups.wait(|| self.is_due(), None);
        }
    }
}
