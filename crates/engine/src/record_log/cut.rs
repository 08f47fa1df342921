//! Giving back the segments that hold nothing that is wanted any more.
//!
//! Order: small records, and the floor, that stand in these segments are written again and synced in a later one; then the
//! catalog lets them go, in both copies; then their files are removed. Only a beginning of the log goes, so that what is left has
//! no hole. A refusal on the way leaves everything as it was, and the next purge tries again.

use bytes::Bytes;

use super::scribe::{Piece, Scribe};
use crate::log::failure::Failure;
use crate::numbers::SegmentId;
use crate::planted::{Bug, planted};

impl Scribe {
    /// See the module. What the log holds, as it is written, must be synced.
    ///
    /// # Errors
    ///
    /// Fatal ones only: a full disk is none.
    pub(super) fn cut(&mut self) -> Result<(), Failure> {
        match self.try_cut() {
            Err(Failure::Refused(_)) => Ok(()),
            result => result,
        }
    }

    fn try_cut(&mut self) -> Result<(), Failure> {
        let gone = self.unwanted();
        let (Some(first), Some(last)) = (gone.first(), gone.last()) else { return Ok(()) };
        let gone_ids = *first..=*last;
        if !planted(Bug::CutBeforeSmall) {
            self.keep_of(&|segment| gone_ids.contains(&segment))?;
        }
        let shared = &self.writer.shared;
        shared.reserve.relieve(|_| {
            shared.catalog.update(|catalog| {
                self.writer.stamp(catalog);
                catalog.segments.retain(|segment| !gone.contains(&segment.id));
            })
        })?;
        let held = shared.segments.held();
        shared.segments.change([], &gone);
        for segment in held.logs().iter().filter(|segment| gone.contains(&segment.id)) {
            self.written.ends.remove(&segment.id);
            // What cannot be removed now is removed by the next open. Readers have it mapped as long as they need.
            drop(shared.environment.disk.remove_file(&segment.path));
        }
        // What was given up on the way comes back before more of the disk is used.
        self.writer.shared.reserve.hold();
        if planted(Bug::CutBeforeSmall) {
            self.keep_of(&|segment| gone_ids.contains(&segment))?;
        }
        Ok(())
    }

    /// The segments at the beginning of the log in which every record is below the floor.
    fn unwanted(&self) -> Vec<SegmentId> {
        let floor = self.writer.state.floor.0;
        let active = self.writer.active.segment.id;
        let held = self.writer.shared.segments.held();
        let is_below = |segment: &SegmentId| self.written.ends.get(segment).is_none_or(|&end| end <= floor);
        let logs = held.logs().iter().map(|segment| segment.id);
        logs.take_while(|segment| *segment != active && is_below(segment)).collect()
    }

    /// Writes again what counts in segments that go, and syncs it.
    fn keep_of(&mut self, goes: &dyn Fn(SegmentId) -> bool) -> Result<(), Failure> {
        let small: Vec<(Bytes, Bytes)> = self
            .written
            .small
            .iter()
            .filter(|(_, (_, segment))| goes(*segment))
            .map(|(key, (value, _))| (key.clone(), value.clone()))
            .collect();
        let mut pieces = Vec::new();
        if !small.is_empty() {
            pieces.push(Piece::Small(small.iter().map(|(key, value)| (key, value)).collect()));
        }
        let floor = self.writer.state.floor.0;
        if floor > 0 && self.written.floor_at.is_none_or(goes) {
            pieces.push(Piece::Floor(floor));
        }
        self.write_pieces(&pieces, &mut |_| {})?;
        self.writer.sync()
    }
}
