//! The indexes, built from the log while a store is opened: from all of it, or from a checkpoint and what follows.

use std::collections::HashMap;
use std::sync::Arc;

use super::tail::Tail;
use crate::address::Address;
use crate::format::entry::{EntryHead, Layout, Place};
use crate::format::frame::{FrameHeader, rank_in};
use crate::index::{Index, KeyPiece, Met, Name, Spelled, View};
use crate::log::recovery::Replay;
use crate::log::segment::Segment;
use crate::log::segment_table::SegmentTable;
use crate::numbers::{FrameNumber, SegmentId, Sequence};
use crate::store::log_entries::LogEntries;

/// Collects what recovery shows.
#[derive(Debug)]
pub(crate) struct IndexBuilder {
    secret: u64,
    /// The entries, with places in `segments` for the slots of their addresses.
    met: Vec<Met>,
    segments: Vec<SegmentId>,
    places: HashMap<SegmentId, u32>,
    /// The number and the sequence of the frame being shown.
    number: FrameNumber,
    sequence: Sequence,
    /// How many of its entries were shown.
    entries: u32,
    /// What follows the checkpoint that the index is to be made of.
    tail: Option<Tail>,
}

impl IndexBuilder {
    pub(crate) fn new(secret: u64) -> Self {
        Self {
            secret,
            met: Vec::new(),
            segments: Vec::new(),
            places: HashMap::new(),
            number: FrameNumber(0),
            sequence: Sequence(0),
            entries: 0,
            tail: None,
        }
    }

    /// The same for what follows a checkpoint: it has the index of what came before.
    pub(crate) fn behind_checkpoint(self) -> Self {
        Self { tail: Some(Tail::default()), ..self }
    }

    /// The finished indexes as of `now`, for views at the commit `oldest` and later, or, where `held`, the index of a checkpoint, is
    /// what to go on from, for that view alone; the segments learn how much of each is alive.
    pub(crate) fn finish(
        mut self,
        held: Option<Index<LogEntries>>,
        (oldest, now): (Sequence, View),
        segments: &Arc<SegmentTable>,
        alignment: u64,
    ) -> Index<LogEntries> {
        if let (Some(index), Some(tail)) = (held, &self.tail) {
            tail.apply(&index, segments, now);
            return index;
        }
        // What stands in a segment that recovery has replaced since was shown again in the new one.
        let slots: Vec<Option<u32>> =
            self.segments.iter().map(|id| segments.get(*id).map(|segment| segment.slot())).collect();
        self.met.retain_mut(|met| {
            let Some(slot) = slots[met.address.slot()] else { return false };
            met.address = Address::at(slot, met.address.offset());
            true
        });
        let table = segments.now();
        let entries = LogEntries::new(Arc::clone(segments), alignment);
        Index::rebuild(self.secret, entries, self.met, (oldest, now.time), &mut |version| {
            if let Some(segment) = table.in_slot(version.address.slot()) {
                segment.count_live(version.bytes.cast_signed());
            }
        })
    }

    /// The place of a segment among those that were shown.
    fn place_of(&mut self, segment: SegmentId) -> u32 {
        *self.places.entry(segment).or_insert_with(|| {
            self.segments.push(segment);
            u32::try_from(self.segments.len() - 1).expect("a store has at most 2^20 segments")
        })
    }
}

impl Replay for IndexBuilder {
    fn frame(&mut self, segment: &Arc<Segment>, offset: u64, header: &FrameHeader) {
        (self.number, self.sequence) = (header.number, header.sequence);
        self.entries = 0;
        segment.frame_starts().note(offset);
    }

    fn entry(&mut self, segment: &Arc<Segment>, head: &EntryHead<'_>, layout: &Layout) {
        let mut spelled = Spelled::default();
        let Name { space, key, hash } = Name::of(head.subject, &mut spelled);
        if let Place::External { segment: stream, .. } = head.place {
            segment.refer(stream);
        }
        let rank = rank_in(self.number, self.sequence, head.subject);
        let (sequence, ordinal) =
            head.moved.map_or((rank, self.entries), |moved| (moved.sequence, moved.ordinal));
        self.entries += 1;
        if head.moved.is_some() && head.is_tombstone() {
            segment.count_hiding(layout.end - layout.start);
        }
        if space.is_versioned() {
            segment.raise_last_sequence(sequence.0);
        }
        if let Some(tail) = &mut self.tail {
            let ordinal = self.entries - 1;
            tail.push(segment, (head, layout), (space, key, hash), (sequence, ordinal));
            return;
        }
        let address = Address::at(self.place_of(segment.id), layout.start);
        self.met.push(Met { address, sequence, hash, piece: KeyPiece::of(key), ordinal, space });
    }
}
