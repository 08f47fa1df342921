//! Finding commits in the log by what their frames say: nothing is kept in memory for each of them.
//!
//! Commits stand in the order of their sequences, and neither their times nor their places ever go back; so whatever splits
//! them into earlier and later ones is searched for by halves: first among the segments, then among the starts of frames that
//! a segment remembers, and the last few kilobytes are walked from header to header. Invariant: a place that was found held
//! the header of a commit that verified. Which commits are retained is not known here.

use std::sync::Arc;

use super::scan::Frames;
use super::segment::Segment;
use super::segment_table::Table;
use crate::error::{Error, Result};
use crate::format::UNIT;
use crate::format::frame::{self, FrameHeader, FrameKind};
use crate::format::segment_header;
use crate::numbers::{LogOffset, SegmentId};

/// Where a commit stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommitPlace {
    pub(crate) segment: SegmentId,
    /// Where its frame starts in the segment.
    pub(crate) offset: u64,
    /// Where its frame starts in the log.
    pub(crate) log_offset: LogOffset,
    pub(crate) header: FrameHeader,
}

impl CommitPlace {
    /// Where the frame behind it starts in the segment, if there is one.
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.header.frame_length()
    }

    /// Makes sure that its keys can be believed, which a header does not say.
    ///
    /// # Errors
    ///
    /// When they cannot.
    pub(crate) fn check(&self, segment: &Segment, alignment: u64) -> Result<()> {
        if self.header.entries == 0 || segment.holds(self.offset + frame::LENGTH, alignment) {
            return Ok(());
        }
        let text = format!("the keys of commit {} cannot be read any more", self.header.sequence);
        Err(Error::damaged(&segment.path, self.offset, text))
    }
}

/// The commits of the log as it is at one moment.
#[derive(Debug)]
pub(crate) struct CommitSearch {
    table: Arc<Table>,
}

impl CommitSearch {
    pub(crate) fn new(table: Arc<Table>) -> Self {
        Self { table }
    }

    /// The first commit at or behind the frame that starts at `offset` of a segment; where that segment has gone, the first one
    /// behind it.
    ///
    /// # Errors
    ///
    /// When a header on the way does not verify.
    pub(crate) fn next_from(&self, segment: SegmentId, offset: u64) -> Result<Option<CommitPlace>> {
        let logs = self.table.logs();
        let at = logs.partition_point(|log| log.id < segment);
        let offset = match logs.get(at) {
            Some(log) if log.id == segment => offset,
            _ => segment_header::LENGTH,
        };
        self.walk(at, offset)
    }

    /// The first commit of which `is_before` does not hold; it holds of none behind one of which it does not.
    ///
    /// # Errors
    ///
    /// When a header on the last stretch of the way does not verify.
    pub(crate) fn first_not(&self, is_before: impl Fn(&CommitPlace) -> bool) -> Result<Option<CommitPlace>> {
        // What cannot be read does not say on which side it is.
        let side = |at, offset| Some(self.walk(at, offset).ok()?.is_some_and(|place| is_before(&place)));
        let logs = self.table.logs();
        let at = count_before(logs.len(), |at| side(at, segment_header::LENGTH));
        let Some(at) = at.checked_sub(1) else { return self.walk(0, segment_header::LENGTH) };
        let starts = logs[at].frame_starts();
        let start = count_before(starts.count(), |index| side(at, starts.get(index)?));
        let start = start.checked_sub(1).and_then(|index| starts.get(index));
        let mut found = self.walk(at, start.unwrap_or(segment_header::LENGTH))?;
        while let Some(place) = found.filter(|place| is_before(place)) {
            found = self.next_from(place.segment, place.end())?;
        }
        Ok(found)
    }

    /// The first commit at or behind `offset` of the log segment number `at`, or in those behind it.
    fn walk(&self, at: usize, mut offset: u64) -> Result<Option<CommitPlace>> {
        for segment in self.table.logs().get(at..).unwrap_or_default() {
            if let Some(found) = commit_within(segment, offset)? {
                return Ok(Some(found));
            }
            offset = segment_header::LENGTH;
        }
        Ok(None)
    }
}

/// The first commit at or behind `offset` in a segment.
fn commit_within(segment: &Segment, mut offset: u64) -> Result<Option<CommitPlace>> {
    let end = segment.end();
    let map = segment.map()?;
    // Only headers are read, and those do not depend on the alignment of payloads.
    let mut frames = Frames::up_to(segment, &map, UNIT, end);
    while offset < end {
        let header = frames.header(offset).map_err(|e| Error::io("read", &segment.path, &e))?;
        let Some((header, _)) = header else {
            let text = "the header of a frame cannot be read any more";
            return Err(Error::damaged(&segment.path, offset, text));
        };
        if header.kind == FrameKind::Commit {
            let log_offset = segment.log_offset(offset);
            return Ok(Some(CommitPlace { segment: segment.id, offset, log_offset, header }));
        }
        offset += header.frame_length();
    }
    Ok(None)
}

/// How many of `count` places are on the near side; those that do not say are passed over.
fn count_before(count: usize, is_before: impl Fn(usize) -> Option<bool>) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        let telling = (middle..high).find_map(|at| Some((at, is_before(at)?)));
        match telling {
            Some((at, true)) => low = at + 1,
            _ => high = middle,
        }
    }
    low
}

#[cfg(test)]
#[path = "commit_search_tests.rs"]
mod tests;
