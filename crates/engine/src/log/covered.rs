//! What a checkpoint says of the log, so that only what was written since has to be read.
//!
//! Invariant: it is used only if it fits: every segment that it covers is there still, under its nonce and with the same end,
//! and every compacted segment and every older one of the log is among them.

use std::collections::BTreeMap;

use super::recovery::LogState;
use crate::format::catalog::{Catalog, SegmentRecord};
use crate::format::checkpoint::CoveredSegment;
use crate::format::segment_header::{self, SegmentKind};
use crate::numbers::{FrameNumber, SegmentId, Sequence, Timestamp};
use crate::planted::{Bug, planted};

/// See the module.
#[derive(Debug)]
pub(crate) struct Covered {
    /// The last frame that is covered; the last commit, the greatest time, the floor and the epoch as of that frame.
    pub(crate) frame: FrameNumber,
    pub(crate) sequence: Sequence,
    pub(crate) time: Timestamp,
    pub(crate) floor: Sequence,
    pub(crate) epoch: u32,
    /// The segment in which that frame ends, and where.
    pub(crate) end: (SegmentId, u64),
    /// The covered segments, each with the starts of its frames.
    pub(crate) segments: BTreeMap<SegmentId, (CoveredSegment, Vec<u32>)>,
}

impl Covered {
    /// Whether the segments of a catalog are those that it was made for.
    pub(crate) fn fits(&self, catalog: &Catalog) -> bool {
        if planted(Bug::StaleCheckpointBelieved) {
            return true;
        }
        let framed = || catalog.segments.iter().filter(|record| record.kind != SegmentKind::Stream);
        let known = framed().filter(|record| self.segments.contains_key(&record.id)).count();
        known == self.segments.len() && framed().all(|record| self.fits_segment(record))
    }

    /// Where the log stands behind what is covered, if it stood like this before.
    pub(super) fn state(&self, before: LogState) -> LogState {
        LogState {
            last_frame: self.frame,
            last_sequence: self.sequence,
            time: before.time.max(self.time),
            floor: before.floor.max(self.floor),
            epoch: before.epoch.max(self.epoch),
            ..before
        }
    }

    fn fits_segment(&self, record: &SegmentRecord) -> bool {
        let covered = self.segments.get(&record.id).map(|(covered, _)| covered);
        let is_newer = record.kind == SegmentKind::Log && record.id > self.end.0;
        let Some(covered) = covered.filter(|covered| covered.nonce == record.nonce) else { return is_newer };
        let is_last = record.kind == SegmentKind::Log && record.id == self.end.0;
        let ends_there = match record.sealed {
            Some(sealed) if is_last => covered.end <= sealed.length,
            Some(sealed) => covered.end == sealed.length,
            None => is_last,
        };
        let is_at_end = !is_last || covered.end == self.end.1;
        !is_newer && ends_there && is_at_end && covered.end >= segment_header::LENGTH
    }
}
