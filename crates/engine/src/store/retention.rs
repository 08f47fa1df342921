//! Which commits the batch log goes on retaining: the floor follows the end of the log as the option says.
//!
//! Invariant: the floor never passes a commit within the window. Windows of bytes let the floor lag behind by a 64th part of
//! themselves, so that old pages of the log are looked at now and then only, and not with every commit.

use super::core::Core;
use crate::error::Result;
use crate::log::commit_search::{CommitPlace, CommitSearch};
use crate::numbers::{LogOffset, Sequence, Timestamp};
use crate::options::Retention;

/// The least that [`Retention::Automatic`] keeps.
const AUTOMATIC_BYTES_MIN: u64 = 64 << 20;
/// Part of a window of bytes by which the floor may lag behind.
const LAG: u64 = 64;
/// Commits that are walked past before the place is searched for.
const STEPS: usize = 16;

impl Core {
    /// Moves the floor of the batch log as the retention option says. Where a frame on the way cannot be read any more, the
    /// floor stays before it, and the statistics say so.
    pub(crate) fn retain(&self, tail: LogOffset) {
        let moved = match self.options.retention {
            Retention::All => return,
            Retention::Commits(count) => {
                self.batches.keep_newest(count);
                return;
            }
            Retention::Bytes(bytes) => self.keep_bytes(tail, |_| bytes),
            Retention::Automatic => self.keep_bytes(tail, |kept| {
                // Cheap first: the live bytes are summed only when there may be something to give up.
                if kept <= AUTOMATIC_BYTES_MIN {
                    u64::MAX
                } else {
                    AUTOMATIC_BYTES_MIN.max(self.live_bytes() / 4)
                }
            }),
            Retention::Age(age) => {
                let ns = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
                let since = Timestamp(self.time.now().0.saturating_sub(ns));
                self.keep_from(|commit| commit.header.time < since)
            }
        };
        self.upkeep.note("moving the floor of the batch log", moved);
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
