//! Which segments a compaction takes in, and when one is due.
//!
//! Invariant: log segments are taken oldest first without a gap, sealed, and wholly below the floor of the batch log; a
//! segment that is left alone because of damage holds back those of the log behind it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::Result;
use crate::format::segment_header::{self, SegmentKind};
use crate::log::segment::Segment;
use crate::log::writer::Purpose;
use crate::numbers::SegmentId;
use crate::planted::{Bug, planted};
use crate::store::core::Core;

/// How much garbage may lie about before a compaction is worth its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// While there are writes: half as much as what is alive.
    Busy,
    /// When there are none: an eighth.
    Idle,
}

impl Limit {
    /// Bytes of garbage that are none too many beside so many live ones.
    fn bytes(self, live: u64, segment_bytes: u64) -> u64 {
        match self {
            Self::Busy => (live / 2).max(segment_bytes / 8),
            Self::Idle => (live / 8).max(segment_bytes / 64),
        }
    }

    /// Of so many bytes, how many have to be dead to make them worth a compaction.
    fn least_dead(self, bytes: u64) -> u64 {
        match self {
            Self::Busy => bytes / 4,
            Self::Idle => bytes / 8,
        }
    }
}

/// What could be compacted, and how much of it nobody wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Garbage {
    live_bytes: u64,
    dead_bytes: u64,
    /// Of what no reader wants, tombstones that hide older entries; they go only when all goes into one.
    hiding_bytes: u64,
    segment_bytes: u64,
}

impl Garbage {
    /// Bytes that no reader wants.
    pub(crate) fn bytes(&self) -> u64 {
        self.dead_bytes + self.hiding_bytes
    }

    fn exceeds(&self, limit: Limit) -> bool {
        self.bytes() > limit.bytes(self.live_bytes, self.segment_bytes)
    }

    /// Whether there is so much more that compaction has to make haste.
    pub(crate) fn exceeds_by_far(&self, limit: Limit) -> bool {
        limit == Limit::Busy && self.bytes() > 2 * limit.bytes(self.live_bytes, self.segment_bytes)
    }
}

/// Bytes of garbage that the last compaction under each limit could do nothing about, which is no reason for another one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Left {
    busy: u64,
    idle: u64,
}

impl Left {
    fn under(self, limit: Limit) -> u64 {
        match limit {
            Limit::Busy => self.busy,
            Limit::Idle => self.idle,
        }
    }

    /// Notes what is left behind a compaction.
    pub(super) fn note(&mut self, garbage: Garbage, limit: Option<Limit>) {
        let left = |of| if garbage.exceeds(of) { garbage.bytes() } else { 0 };
        if limit != Some(Limit::Idle) {
            self.busy = left(Limit::Busy);
        }
        // One for the time of writes says nothing of what is worth its work in idle times.
        if limit != Some(Limit::Busy) {
            self.idle = left(Limit::Idle);
        }
    }
}

/// What to compact.
#[derive(Debug)]
pub(super) enum Choice {
    Nothing,
    /// The log has to begin a new segment first.
    Roll,
    Part(Vec<Arc<Segment>>),
    /// All that is not retained: too much of it are tombstones.
    Whole,
}

/// Segments that can only go together.
struct Unit {
    segments: Vec<Arc<Segment>>,
    bytes: u64,
    dead: u64,
}

impl Core {
    /// Whether there is garbage enough to be worth the work.
    pub(crate) fn compaction_is_due(&self, limit: Limit) -> bool {
        let Ok(left) = self.compacting.try_lock() else { return false };
        self.let_go();
        let garbage = self.garbage();
        garbage.exceeds(limit) && garbage.bytes() > left.under(limit) + self.options.segment_bytes / 64
    }

    /// Lets go of what nobody needs any more for no other reason than that time has passed: commits that have left the window,
    /// entries that have expired, what snapshots alone held that were dropped.
    pub(super) fn let_go(&self) {
        self.retain(self.published.tail());
        self.index.collect(self.horizon(), &mut |version| self.count_dead(version));
    }

    /// How much garbage there is in what could be compacted, the active segment included.
    pub(super) fn garbage(&self) -> Garbage {
        let mut inputs = self.inputs(&BTreeSet::new());
        inputs.extend(self.compactable_active(&inputs));
        let (bytes, live_bytes) = self.sizes(&inputs);
        let hiding_bytes = inputs.iter().map(|segment| segment.hiding_bytes()).sum();
        let dead_bytes = bytes.saturating_sub(live_bytes).saturating_sub(hiding_bytes);
        Garbage { live_bytes, dead_bytes, hiding_bytes, segment_bytes: self.options.segment_bytes }
    }

    /// The segment that is being written to, if nothing in it is retained, and nothing behind these inputs.
    fn compactable_active(&self, inputs: &[Arc<Segment>]) -> Option<Arc<Segment>> {
        let table = self.segments.held();
        let (last, sealed) = table.logs().split_last()?;
        let before = inputs.iter().filter(|segment| segment.kind == SegmentKind::Log).count();
        let is_bare = last.last_sequence() < self.batches.oldest_or_next().0;
        (is_bare && before == sealed.len() && last.end() > segment_header::LENGTH).then(|| Arc::clone(last))
    }

    /// What to compact next so that no more garbage than `limit` is left.
    ///
    /// Those segments are chosen of which the most is dead, so that what nobody changes is not written again and again for the
    /// sake of what changes all the time (M. Rosenblum and J. Ousterhout, "The Design and Implementation of a Log-Structured File
    /// System", 1992). The log goes from its beginning only, and as far as pays best; what is old has had the time to die there.
    pub(super) fn choose(&self, limit: Limit, damaged: &BTreeSet<SegmentId>) -> Choice {
        let garbage = self.garbage();
        if !garbage.exceeds(limit) {
            return Choice::Nothing;
        }
        if garbage.hiding_bytes > garbage.dead_bytes {
            return if damaged.is_empty() { Choice::Whole } else { Choice::Nothing };
        }
        let inputs = self.inputs(damaged);
        let active = self.compactable_active(&inputs);
        let (logs, compacted): (Vec<_>, Vec<_>) =
            inputs.into_iter().partition(|segment| segment.kind == SegmentKind::Log);
        let sealed = logs.len();
        let mut units: Vec<Unit> = compacted.into_iter().map(|segment| unit(vec![segment])).collect();
        units.extend(best_beginning(logs.into_iter().chain(active).collect()));
        units.retain(|unit| unit.dead > 0 && unit.dead >= limit.least_dead(unit.bytes));
        units.sort_by(|one, other| more_dead(other, one));
        let mut inputs: Vec<Arc<Segment>> = Vec::new();
        let mut live = 0;
        for segment in units.into_iter().flat_map(|unit| unit.segments) {
            live += segment.live_bytes();
            // As much at a time as one segment holds: what is kept of it is sorted in memory.
            if !inputs.is_empty() && live > self.options.segment_bytes {
                break;
            }
            inputs.push(segment);
        }
        let logs = inputs.iter().filter(|segment| segment.kind == SegmentKind::Log).count();
        if inputs.is_empty() {
            Choice::Nothing
        } else if logs > sealed {
            Choice::Roll
        } else {
            Choice::Part(inputs)
        }
    }

    /// Whether there is a compacted segment that is not one of these.
    pub(super) fn is_outside(&self, inputs: &[Arc<Segment>]) -> bool {
        let table = self.segments.held();
        let mut compacted = table.all().filter(|segment| segment.kind == SegmentKind::Compacted);
        compacted.any(|segment| inputs.iter().all(|input| input.id != segment.id))
    }

    /// Says in the statistics how much a compaction of these will write.
    pub(super) fn expect_work(&self, inputs: &[Arc<Segment>]) {
        let (bytes, live) = self.sizes(inputs);
        self.counters.compaction_began(bytes, live);
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
        // Asked once: a prune or a roll in between would make two answers of two moments, and the later one the larger.
        let mut logs = self.inputs(&BTreeSet::new());
        logs.retain(|segment| segment.kind == SegmentKind::Log);
        let is_damaged = |segment: &Arc<Segment>| damaged.contains(&segment.id);
        let behind = logs.iter().skip_while(|segment| !is_damaged(segment));
        behind.filter(|segment| !is_damaged(segment)).count() as u64
    }
}

fn unit(segments: Vec<Arc<Segment>>) -> Unit {
    let bytes: u64 = segments.iter().map(|segment| segment.end() - segment_header::LENGTH).sum();
    let wanted: u64 = segments.iter().map(|segment| segment.live_bytes() + segment.hiding_bytes()).sum();
    Unit { segments, bytes, dead: bytes.saturating_sub(wanted) }
}

/// Compares by the share that is dead.
fn more_dead(one: &Unit, other: &Unit) -> std::cmp::Ordering {
    let cross = |dead: u64, bytes: u64| u128::from(dead) * u128::from(bytes);
    cross(one.dead, other.bytes).cmp(&cross(other.dead, one.bytes))
}

/// Of all beginnings of the log, the one of which the largest share is dead; of equal ones the longest.
fn best_beginning(logs: Vec<Arc<Segment>>) -> Option<Unit> {
    let beginnings = (1..=logs.len()).map(|count| unit(logs[..count].to_vec()));
    beginnings.max_by(more_dead)
}
