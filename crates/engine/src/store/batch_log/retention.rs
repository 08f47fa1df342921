//! Which commits the batch log goes on retaining: the floor follows the end of the log as the option says.
//!
//! Invariant: the floor never passes a commit within the window. Windows of bytes let the floor lag behind by a 64th part of
//! themselves, so that old pages of the log are looked at now and then only, and not with every commit.

use std::sync::PoisonError;

use crate::error::Result;
use crate::log::commit_search::{CommitPlace, CommitSearch};
use crate::numbers::{LogOffset, Sequence, Timestamp};
use crate::options::Retention;
use crate::store::core::Core;
use crate::store::handle::Store;

/// The least that [`Retention::Automatic`] keeps.
const AUTOMATIC_BYTES_MIN: u64 = 64 << 20;
/// As long as anybody watches, so many bytes at the end of the log are retained whatever the option says, so that a watch that
/// keeps up somewhat is never told that it is too late.
pub(in crate::store) const WATCHED_BYTES: u64 = 16 << 20;
/// Part of a window of bytes by which the floor may lag behind.
const LAG: u64 = 64;
/// Commits that are walked past before the place is searched for.
const STEPS: usize = 16;

impl Store {
    /// Changes how much of the batch log stays readable, from now on and until the store is closed, and returns how many commits
    /// that gave up. What has left the window is given up for good, as by [`Store::prune`]: also when the window is made wider
    /// again, and for whoever opens the store later. The option itself is not stored; the next open brings its own.
    ///
    /// ```
    /// # use pentad_engine::{Retention, Sequence, Store};
    /// # let dir = tempfile::tempdir()?;
    /// # let store = Store::open(dir.path())?;
    /// for n in 0..10 {
    ///     store.put("key", format!("{n}"))?;
    /// }
    /// assert_eq!(store.set_retention(Retention::Commits(3))?, 7);
    /// assert_eq!(store.oldest_batch(), Some(Sequence(8)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`Store::commit`]. After an error the new window holds all the same, but what it gave up may be back at the next open.
    pub fn set_retention(&self, retention: Retention) -> Result<u64> {
        let core = self.core();
        core.check_writable()?;
        let before = core.batches.oldest_or_next();
        *core.retention.lock().unwrap_or_else(PoisonError::into_inner) = retention;
        core.retain(core.published.tail());
        let floor = core.batches.oldest_or_next();
        self.prune(floor)?;
        Ok(floor.0.saturating_sub(before.0))
    }
}

impl Core {
    /// Moves the floor of the batch log as the retention option says, and the beginning of the history as it allows. Where a
    /// frame on the way cannot be read any more, both stay before it, and the statistics say so.
    pub(crate) fn retain(&self, tail: LogOffset) {
        let retention = *self.retention.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = self.retain_within(retention, tail);
        self.upkeep.note("moving the floor of the batch log", moved);
        self.upkeep.note("moving the beginning of the history", self.keep_history());
    }

    fn retain_within(&self, retention: Retention, tail: LogOffset) -> Result<()> {
        let is_watched = self.wakeups.are_watched();
        let watched_bytes = if is_watched { WATCHED_BYTES } else { 0 };
        let watched = LogOffset(tail.0.saturating_sub(watched_bytes));
        match retention {
            Retention::All => Ok(()),
            Retention::Commits(count) if is_watched => {
                let first = Sequence(self.batches.next().0.saturating_sub(count));
                self.keep_from(|commit| commit.header.sequence < first && commit.log_offset < watched)
            }
            Retention::Commits(count) => {
                self.batches.keep_newest(count);
                Ok(())
            }
            Retention::Bytes(bytes) => self.keep_bytes(tail, |_| bytes.max(watched_bytes)),
            Retention::Automatic => self.keep_bytes(tail, |kept| {
                // Cheap first: the live bytes are summed only when there may be something to give up.
                if kept <= AUTOMATIC_BYTES_MIN {
                    u64::MAX
                } else {
                    let live = self.live_bytes().saturating_sub(self.index.held_bytes());
                    AUTOMATIC_BYTES_MIN.max(live / 4)
                }
            }),
            Retention::Age(age) => {
                let ns = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
                let since = Timestamp(self.time.now().0.saturating_sub(ns));
                self.keep_from(|commit| {
                    commit.header.time < since && (!is_watched || commit.log_offset < watched)
                })
            }
        }
    }

    /// Gives up commits until no more than the window behind `tail` is kept; `window` is told how much is kept now.
    fn keep_bytes(&self, tail: LogOffset, window: impl Fn(u64) -> u64) -> Result<()> {
        let Some(oldest) = self.oldest_place(&mut self.batches.oldest_place())? else { return Ok(()) };
        let kept = tail.0.saturating_sub(oldest.log_offset.0);
        let window = window(kept);
        if kept <= window.saturating_add(window / LAG) {
            return Ok(());
        }
        if window == 0 {
            // The end itself, which needs no looking for.
            self.batches.prune(self.batches.next());
            return Ok(());
        }
        let from = LogOffset(tail.0.saturating_sub(window));
        self.keep_from(|commit| commit.log_offset < from)
    }

    /// Gives up the commits of which `is_before` holds: the oldest ones.
    fn keep_from(&self, is_before: impl Fn(&CommitPlace) -> bool) -> Result<()> {
        let mut held = self.batches.oldest_place();
        let mut found = self.oldest_place(&mut held)?;
        let search = CommitSearch::new(self.segments.held());
        let mut steps = 0;
        while let Some(place) = found.filter(|place| is_before(place)) {
            found = if steps < STEPS {
                search.next_from(place.segment, place.end())?
            } else {
                search.first_not(&is_before)?
            };
            steps += 1;
        }
        let floor = found.map_or_else(|| self.batches.next(), |place| place.header.sequence);
        self.batches.prune(floor);
        *held = found;
        Ok(())
    }

    /// Where the oldest retained commit stands; `None` when there is none.
    fn oldest_place(&self, held: &mut Option<CommitPlace>) -> Result<Option<CommitPlace>> {
        let floor = self.batches.oldest_or_next();
        if !self.batches.retains(floor) {
            return Ok(None);
        }
        if held.is_none_or(|place| place.header.sequence != floor) {
            *held = self.find_commit(floor, None)?;
        }
        Ok(*held)
    }

    /// Where a commit stands, given the place of the frame behind the commit before it, if that is known; `None` when it is not
    /// retained, or not any more.
    pub(crate) fn find_commit(
        &self,
        sequence: Sequence,
        near: Option<(crate::numbers::SegmentId, u64)>,
    ) -> Result<Option<CommitPlace>> {
        if !self.batches.retains(sequence) {
            return Ok(None);
        }
        let search = CommitSearch::new(self.segments.held());
        let is_it = |place: &CommitPlace| place.header.sequence == sequence;
        let mut found = match near {
            Some((segment, offset)) => search.next_from(segment, offset),
            None => Ok(None),
        };
        if !matches!(&found, Ok(Some(place)) if is_it(place)) {
            found = search.first_not(|place| place.header.sequence < sequence);
        }
        match found {
            Ok(Some(place)) if is_it(&place) => Ok(Some(place)),
            // Given up and compacted meanwhile.
            _ if !self.batches.retains(sequence) => Ok(None),
            Ok(_) => {
                let text =
                    format!("commit {sequence} is retained, and no segment of the log holds it any more");
                Err(crate::Error::damaged(&self.dir, 0, text))
            }
            Err(error) => {
                let text = format!("{error}; commit {sequence} was looked for");
                Err(crate::Error::new(error.kind(), text))
            }
        }
    }
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
