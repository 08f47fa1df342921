//! Which segments a compaction takes in, and when one is due.
//!
//! Invariant: log segments are taken oldest first without a gap, sealed, and wholly below the floor of the batch log; a
//! segment that is left alone because of damage holds back those of the log behind it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::core::Core;
use crate::error::Result;
use crate::format::segment_header::{self, SegmentKind};
use crate::log::segment::Segment;
use crate::log::writer::Purpose;
use crate::numbers::SegmentId;
use crate::planted::{Bug, planted};

impl Core {
    /// Whether most of what could be compacted is dead, and enough to be worth the work.
    pub(crate) fn compaction_is_due(&self) -> bool {
        let Ok(left_dead) = self.compacting.try_lock() else { return false };
        let (total, live) = self.sizes(&self.inputs(&BTreeSet::new()));
        let dead = total.saturating_sub(live);
        dead > total / 2 && dead > *left_dead + self.options.segment_bytes / 2
    }

    /// Bytes of segments, and how many of them are alive.
    pub(super) fn sizes(&self, segments: &[Arc<Segment>]) -> (u64, u64) {
        let total = segments.iter().map(|segment| segment.end() - segment_header::LENGTH).sum();
        (total, segments.iter().map(|segment| segment.live_bytes()).sum())
    }

    pub(super) fn is_worthwhile(&self, inputs: &[Arc<Segment>]) -> bool {
        let (total, live) = self.sizes(inputs);
        inputs.iter().any(|segment| segment.kind == SegmentKind::Log) || total > live + total / 8
    }

    /// Of inputs that do not fit on the disk a second time, the compacted ones and the oldest others, up to so many live
    /// bytes; none unless most of that is dead.
    pub(super) fn all_but_dead(&self, mut inputs: Vec<Arc<Segment>>, live_max: u64) -> Vec<Arc<Segment>> {
        inputs.sort_by_key(|segment| segment.kind == SegmentKind::Log);
        let compacted = inputs.iter().filter(|segment| segment.kind == SegmentKind::Compacted).count();
        let mut live = 0;
        let mut fits = |segment: &&Arc<Segment>| {
            live += segment.live_bytes();
            live <= live_max
        };
        let count = inputs.iter().take_while(|segment| fits(segment)).count();
        inputs.truncate(count);
        let (total, live) = self.sizes(&inputs);
        if count >= compacted && total > 2 * live { inputs } else { Vec::new() }
    }

    /// Lets the active segment be compacted if nothing in it is retained.
    pub(super) fn roll_if_compactable(&self) -> Result<()> {
        let floor = self.batches.oldest_or_next();
        self.at_log_end(|writer| {
            let compactable =
                writer.state.last_sequence < floor && writer.active.tail > segment_header::LENGTH;
            if compactable { writer.roll(0, Purpose::Relief) } else { Ok(()) }
        })
    }

    /// The segments to compact: compacted ones, and the oldest log segments without a retained commit.
    pub(super) fn inputs(&self, damaged: &BTreeSet<SegmentId>) -> Vec<Arc<Segment>> {
        let floor = self.batches.oldest_or_next();
        let sealed: BTreeSet<SegmentId> =
            self.catalog.current().segments.iter().filter(|s| s.sealed.is_some()).map(|s| s.id).collect();
        let mut open_ended = true;
        let mut inputs = self.segments.all();
        inputs.retain(|segment| match segment.kind {
            SegmentKind::Stream => false,
            SegmentKind::Compacted => !damaged.contains(&segment.id),
            SegmentKind::Log => {
                // Behind one that is left alone nothing goes, or else the log would have a hole.
                open_ended &= sealed.contains(&segment.id)
                    && segment.last_sequence() < floor.0
                    && !damaged.contains(&segment.id);
                open_ended
            }
        });
        if planted(Bug::ExpiredUncoversOlder)
            && inputs.len() > 1
            && let Some(older) = inputs.iter().position(|segment| segment.kind == SegmentKind::Compacted)
        {
            inputs.remove(older);
        }
        inputs
    }

    /// How many log segments only wait for those that are left alone.
    pub(super) fn held_back(&self, damaged: &BTreeSet<SegmentId>) -> u64 {
        let logs = |left_alone: &BTreeSet<SegmentId>| {
            let mut inputs = self.inputs(left_alone);
            inputs.retain(|segment| segment.kind == SegmentKind::Log && !damaged.contains(&segment.id));
            inputs.len() as u64
        };
        logs(&BTreeSet::new()) - logs(damaged)
    }
}
