//! Reading retained commits: one by its sequence, or all in order.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::keyspace::Keyspace;
use crate::log::commit_search::CommitPlace;
use crate::log::scan::Frames;
use crate::log::segment::Segment;
use crate::numbers::{SegmentId, Sequence, Timestamp};
use crate::store::core::Core;
use crate::value::Value;

/// One retained commit.
#[derive(Clone, Debug)]
pub struct CommitRecord {
    /// Its place in the order of commits.
    pub sequence: Sequence,
    /// Store time when it was accepted.
    pub time: Timestamp,
    /// What it did to keys of the keyspace that was asked, in the caller's order; `None` is a delete. Hash-only entries are left
    /// out.
    pub changes: Vec<(Bytes, Option<Value>)>,
}

impl Core {
    /// Reads a retained commit; `None` when it is not retained or not there yet.
    pub(crate) fn commit_record(
        &self,
        keyspace: Keyspace,
        sequence: Sequence,
    ) -> Result<Option<CommitRecord>> {
        Ok(self.commit_record_near(keyspace, sequence, None)?.map(|(record, _)| record))
    }

    /// The same, given the place of the frame behind the commit before it; and where the frame behind this one starts.
    fn commit_record_near(
        &self,
        keyspace: Keyspace,
        sequence: Sequence,
        near: Option<(SegmentId, u64)>,
    ) -> Result<Option<(CommitRecord, (SegmentId, u64))>> {
        self.check_open()?;
        if sequence > self.published.sequence() {
            return Ok(None);
        }
        let Some(place) = self.find_commit(sequence, near)? else { return Ok(None) };
        let Some(segment) = self.segments.get(place.segment) else {
            // Given up and compacted since the commit was found.
            return Ok(None);
        };
        let record = self.read_retained(keyspace, &segment, &place)?;
        Ok(record.map(|record| (record, (place.segment, place.end()))))
    }

    /// Reads a commit that was retained when its segment was looked up; `None` when it was given up and compacted since.
    fn read_retained(
        &self,
        keyspace: Keyspace,
        segment: &Arc<Segment>,
        place: &CommitPlace,
    ) -> Result<Option<CommitRecord>> {
        match self.read_commit(keyspace, segment, place) {
            // A stream goes together with the last segment that refers to it.
            Err(_) if self.segments.get(segment.id).is_none() => Ok(None),
            read => read.map(Some),
        }
    }

    fn read_commit(
        &self,
        keyspace: Keyspace,
        segment: &Arc<Segment>,
        place: &CommitPlace,
    ) -> Result<CommitRecord> {
        let map = segment.map()?;
        let end = segment.end();
        let mut frames = Frames::up_to(segment, &map, self.identity.alignment.bytes(), end);
        place.check(segment, self.identity.alignment.bytes())?;
        let mut found = Vec::new();
        frames
            .entries(place.offset, &place.header, &mut |head, layout| {
                if let Some(key) = head.subject.key_in(keyspace) {
                    let live = (!head.is_tombstone()).then_some(layout.start);
                    found.push((Bytes::copy_from_slice(key), live));
                }
            })
            .map_err(|e| Error::io("read", &segment.path, &e))?;
        let changes = found
            .into_iter()
            .map(|(key, at)| {
                let value = at
                    .map(|at| {
                        let subject = keyspace.keys().draft_subject(&keyspace.full(&key));
                        self.payload_in(segment, at, &subject)?.value()
                    })
                    .transpose()?;
                Ok((key, value))
            })
            .collect::<Result<_>>()?;
        Ok(CommitRecord { sequence: place.header.sequence, time: place.header.time, changes })
    }
}

/// Retained commits in order; see [`Store::commits`](crate::Store::commits).
#[derive(Debug)]
pub struct Commits {
    core: Arc<Core>,
    keyspace: Keyspace,
    next: Sequence,
    last: Sequence,
    /// Where the frame behind the commit that was read last starts.
    near: Option<(SegmentId, u64)>,
}

impl Commits {
    pub(crate) fn new(core: Arc<Core>, keyspace: Keyspace, next: Sequence, last: Sequence) -> Self {
        Self { core, keyspace, next, last, near: None }
    }
}

impl Iterator for Commits {
    type Item = Result<CommitRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.last {
            return None;
        }
        let sequence = self.next;
        self.next = sequence.next();
        Some(self.core.commit_record_near(self.keyspace, sequence, self.near.take()).and_then(|found| {
            let (record, near) = found.ok_or_else(|| {
                let oldest = self.core.batches.oldest_or_next();
                Error::new(
                    ErrorKind::NotRetained,
                    format!("commit {sequence} was pruned; the oldest is {oldest}"),
                )
            })?;
            self.near = Some(near);
            Ok(record)
        }))
    }
}

#[cfg(test)]
#[path = "commits_tests.rs"]
mod tests;
