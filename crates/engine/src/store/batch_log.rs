//! The batch log: every retained commit, readable by its sequence.
//!
//! The commits themselves are frames of the log; here is where each one stands. Invariant: positions are pushed before their
//! sequence is published, and the floor never moves back.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;

use super::core::Core;
use crate::error::{Error, ErrorKind, Result};
use crate::format::entry::Subject;
use crate::format::frame::FrameHeader;
use crate::log::frame_writer::DraftSubject;
use crate::log::scan::Frames;
use crate::log::segment::Segment;
use crate::log::source::MapSource;
use crate::numbers::{LogOffset, SegmentId, Sequence, Timestamp};
use crate::seams::lock::{Mutex, MutexGuard};
use crate::value::Value;

/// Where the retained commits stand.
#[derive(Debug)]
pub(crate) struct BatchLog {
    entries: Mutex<Entries>,
}

#[derive(Debug)]
struct Entries {
    /// The sequence of the first position.
    first: Sequence,
    positions: VecDeque<BatchPosition>,
}

/// Where one commit stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchPosition {
    pub(crate) segment: SegmentId,
    pub(crate) offset: u64,
    pub(crate) log_offset: LogOffset,
    pub(crate) time: Timestamp,
}

impl BatchLog {
    /// Nothing, with `first` as the next sequence.
    pub(crate) fn new(first: Sequence) -> Self {
        Self { entries: Mutex::new(Entries { first, positions: VecDeque::new() }) }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the commit `sequence`; it follows the one added last.
    pub(crate) fn push(&self, sequence: Sequence, segment: &Segment, offset: u64, time: Timestamp) {
        let mut entries = self.entries();
        if entries.positions.is_empty() {
            entries.first = entries.first.max(sequence);
        }
        debug_assert_eq!(
            entries.first.0 + entries.positions.len() as u64,
            sequence.0,
            "no hole in the batch log"
        );
        let log_offset = segment.log_offset(offset);
        entries.positions.push_back(BatchPosition { segment: segment.id, offset, log_offset, time });
    }

    /// The oldest retained commit, or the next one to come.
    pub(crate) fn oldest_or_next(&self) -> Sequence {
        self.entries().first
    }

    /// The oldest retained commit, if it was published.
    pub(crate) fn oldest(&self, published: Sequence) -> Option<Sequence> {
        let entries = self.entries();
        (!entries.positions.is_empty() && entries.first <= published).then_some(entries.first)
    }

    /// Where the oldest retained commit stands in the log.
    pub(crate) fn oldest_offset(&self) -> Option<LogOffset> {
        self.entries().positions.front().map(|position| position.log_offset)
    }

    /// Where a retained commit stands.
    pub(crate) fn position(&self, sequence: Sequence) -> Option<BatchPosition> {
        let entries = self.entries();
        let index = sequence.0.checked_sub(entries.first.0)?;
        entries.positions.get(usize::try_from(index).ok()?).copied()
    }

    /// Gives up the commits before `floor`.
    pub(crate) fn prune(&self, floor: Sequence) {
        let mut entries = self.entries();
        while entries.first < floor && entries.positions.pop_front().is_some() {
            entries.first = entries.first.next();
        }
        entries.first = entries.first.max(floor);
    }

    /// Gives up all but the newest `count`.
    pub(crate) fn keep_newest(&self, count: u64) {
        self.give_up_while(|length, _| length > count);
    }

    /// Gives up the commits that begin before `offset`.
    pub(crate) fn keep_from(&self, offset: LogOffset) {
        self.give_up_while(|_, position| position.log_offset < offset);
    }

    /// Gives up the commits that were accepted before `time`.
    pub(crate) fn keep_since(&self, time: Timestamp) {
        self.give_up_while(|_, position| position.time < time);
    }

    fn give_up_while(&self, gone: impl Fn(u64, &BatchPosition) -> bool) {
        let mut entries = self.entries();
        while let Some(position) = entries.positions.front() {
            if !gone(entries.positions.len() as u64, position) {
                break;
            }
            entries.positions.pop_front();
            entries.first = entries.first.next();
        }
    }

    /// An estimate of the memory that the positions take, in bytes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        (self.entries().positions.capacity() * size_of::<BatchPosition>()) as u64
    }
}

/// One retained commit.
#[derive(Clone, Debug)]
pub struct CommitRecord {
    /// Its place in the order of commits.
    pub sequence: Sequence,
    /// Store time when it was accepted.
    pub time: Timestamp,
    /// What it did, in the caller's order; `None` is a delete. Hash-only entries are left out.
    pub changes: Vec<(Bytes, Option<Value>)>,
}

impl Core {
    /// Reads a retained commit; `None` when it is not retained or not there yet.
    pub(crate) fn commit_record(&self, sequence: Sequence) -> Result<Option<CommitRecord>> {
        self.check_open()?;
        if sequence > self.published.sequence() {
            return Ok(None);
        }
        let Some(position) = self.batches.position(sequence) else { return Ok(None) };
        let Some(segment) = self.segments.get(position.segment) else {
            // Given up and compacted since the position was looked up.
            return Ok(None);
        };
        self.read_retained(&segment, position.offset, sequence)
    }

    /// Reads a commit that was retained when its segment was looked up; `None` when it was given up and compacted since.
    fn read_retained(
        &self,
        segment: &Arc<Segment>,
        offset: u64,
        sequence: Sequence,
    ) -> Result<Option<CommitRecord>> {
        match self.read_commit(segment, offset, sequence) {
            // A stream goes together with the last segment that refers to it.
            Err(_) if self.segments.get(segment.id).is_none() => Ok(None),
            read => read.map(Some),
        }
    }

    fn read_commit(&self, segment: &Arc<Segment>, offset: u64, sequence: Sequence) -> Result<CommitRecord> {
        let map = segment.map()?;
        let mut frames = Frames {
            source: MapSource { map: &map, end: segment.end() },
            nonce: segment.nonce,
            alignment: self.identity.alignment.bytes(),
            end: segment.end(),
        };
        let io = |e| Error::io("read", &segment.path, &e);
        let header: FrameHeader = match frames.header(offset).map_err(io)? {
            Some((header, _)) if header.sequence == sequence => header,
            _ => {
                let text = format!("the frame of commit {sequence} cannot be read any more");
                return Err(Error::damaged(&segment.path, offset, text));
            }
        };
        let mut found = Vec::new();
        frames
            .entries(offset, &header, &mut |head, layout| {
                if let Subject::Key(key) = head.subject {
                    let live = (!head.is_tombstone()).then_some(layout.start);
                    found.push((Bytes::copy_from_slice(key), live));
                }
            })
            .map_err(io)?;
        let changes = found
            .into_iter()
            .map(|(key, at)| {
                let value = at
                    .map(|at| {
                        let subject = DraftSubject::Key(key.clone());
                        self.payload_in(segment, at, &subject)?.value()
                    })
                    .transpose()?;
                Ok((key, value))
            })
            .collect::<Result<_>>()?;
        Ok(CommitRecord { sequence, time: header.time, changes })
    }
}

/// Retained commits in order; see [`Store::commits`](super::Store::commits).
#[derive(Debug)]
pub struct Commits {
    pub(crate) core: Arc<Core>,
    pub(crate) next: Sequence,
    pub(crate) last: Sequence,
}

impl Iterator for Commits {
    type Item = Result<CommitRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.last {
            return None;
        }
        let sequence = self.next;
        self.next = sequence.next();
        Some(self.core.commit_record(sequence).and_then(|record| {
            record.ok_or_else(|| {
                let oldest = self.core.batches.oldest_or_next();
                Error::new(
                    ErrorKind::NotRetained,
                    format!("commit {sequence} was pruned; the oldest is {oldest}"),
                )
            })
        }))
    }
}

#[cfg(test)]
#[path = "batch_log_tests.rs"]
mod tests;
