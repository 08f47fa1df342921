//! Reading a commit from the log for a watch: what it did to the watched keys.
//!
//! Invariant: what is told of a commit is what its frame says; nothing is kept of it between two watches.

use std::collections::HashMap;

use bytes::Bytes;

use super::event::{WatchedChange, WatchedCommit};
use super::filter::WatchFilter;
use crate::error::{Error, Result};
use crate::index::View;
use crate::keyspace::Keyspace;
use crate::log::commit_search::CommitPlace;
use crate::log::scan::Frames;
use crate::log::segment::Segment;
use crate::numbers::{SegmentId, Sequence};
use crate::store::core::Core;
use crate::store::read::Target;

/// Where the frame behind a commit starts.
pub(super) type Near = (SegmentId, u64);

/// A commit that was read, or what is missing.
#[derive(Debug)]
pub(super) enum Found {
    /// It, and where the next one may be looked for first.
    Commit(WatchedCommit, Near),
    /// It was given up.
    Pruned,
    /// It is there, but what the keys held before was given up.
    PreviousGivenUp,
}

impl Core {
    /// Reads a published commit for a watch.
    pub(super) fn watched_commit(
        &self,
        (keyspace, filter): (Keyspace, &WatchFilter),
        sequence: Sequence,
        near: Option<Near>,
        with_previous: bool,
    ) -> Result<Found> {
        let Some(place) = self.find_commit(sequence, near)? else { return Ok(Found::Pruned) };
        let Some(segment) = self.segments.get(place.segment) else { return Ok(Found::Pruned) };
        let mut commit = match self.changes_of(&segment, &place, (keyspace, filter)) {
            Ok(commit) => commit,
            // A stream goes together with the last segment that refers to it.
            Err(_) if self.segments.get(place.segment).is_none() => return Ok(Found::Pruned),
            Err(error) => return Err(error),
        };
        if with_previous && !commit.changes.is_empty() && !self.add_previous(keyspace, &mut commit, &place)? {
            return Ok(Found::PreviousGivenUp);
        }
        Ok(Found::Commit(commit, (place.segment, place.end())))
    }

    fn changes_of(
        &self,
        segment: &std::sync::Arc<Segment>,
        place: &CommitPlace,
        (keyspace, filter): (Keyspace, &WatchFilter),
    ) -> Result<WatchedCommit> {
        let map = segment.map()?;
        let end = segment.end();
        let mut frames = Frames::up_to(segment, &map, self.identity.alignment.bytes(), end);
        let mut found = Vec::new();
        frames
            .entries(place.offset, &place.header, &mut |head, layout| {
                if let Some(key) = head.subject.key_in(keyspace)
                    && filter.matches(key)
                {
                    let at = (!head.is_tombstone()).then_some(layout.start);
                    found.push((Bytes::copy_from_slice(key), at, head.deadline));
                }
            })
            .map_err(|e| Error::io("read", &segment.path, &e))?;
        let changes = found.into_iter().map(|(key, at, deadline)| {
            let subject = keyspace.keys().draft_subject(&keyspace.full(&key));
            let value = at.map(|at| self.payload_in(segment, at, &subject)?.value()).transpose()?;
            Ok(WatchedChange { key, value, deadline, previous: None })
        });
        let changes = changes.collect::<Result<_>>()?;
        Ok(WatchedCommit { sequence: place.header.sequence, time: place.header.time, changes })
    }

    /// Adds what the keys held before the commit; `false` if that was given up.
    fn add_previous(
        &self,
        keyspace: Keyspace,
        commit: &mut WatchedCommit,
        place: &CommitPlace,
    ) -> Result<bool> {
        let view =
            View { sequence: Sequence(commit.sequence.0 - 1), tail: place.log_offset, time: commit.time };
        if !self.pins.pin_within(view, self.time.now()) {
            return Ok(false);
        }
        let added = self.add_previous_at(keyspace, commit, view);
        self.pins.unpin(view);
        added.map(|()| true)
    }

    fn add_previous_at(&self, keyspace: Keyspace, commit: &mut WatchedCommit, view: View) -> Result<()> {
        // A key that a commit changes twice has held what the first change made of it.
        let mut within: HashMap<Bytes, usize> = HashMap::new();
        for at in 0..commit.changes.len() {
            let key = commit.changes[at].key.clone();
            let previous = match within.insert(key.clone(), at) {
                Some(earlier) => {
                    let earlier = &commit.changes[earlier];
                    earlier.value.clone().filter(|_| earlier.deadline.is_none_or(|at| at > commit.time))
                }
                None => {
                    let look_up = || Ok(self.look_up(keyspace, Target::Key(&key), view));
                    self.read_again(look_up, |hit| self.value_of(hit))?
                }
            };
            commit.changes[at].previous = previous;
        }
        Ok(())
    }
}
