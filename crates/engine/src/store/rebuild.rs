//! The indexes, built from the log while a store is opened.

use std::collections::HashMap;
use std::sync::Arc;

use super::batch_log::BatchLog;
use crate::format::entry::{EntryHead, Layout, Place, Subject};
use crate::format::frame::{FrameHeader, FrameKind};
use crate::hash::key_hash;
use crate::index::{Change, Index, Position, Rebuild, Space, Version, VersionKind};
use crate::log::recovery::Replay;
use crate::log::segment::Segment;
use crate::log::segment_table::SegmentTable;
use crate::numbers::{SegmentId, Sequence, Timestamp};

/// Collects what recovery shows.
#[derive(Debug)]
pub(crate) struct IndexBuilder {
    index: Rebuild,
    pub(crate) batches: BatchLog,
    /// Bytes of live entries by segment.
    live_bytes: HashMap<SegmentId, i64>,
    /// The sequence of the frame being shown.
    sequence: Sequence,
    /// How many of its entries were shown.
    entries: u32,
    /// Whether commits go into the batch log, which has no holes.
    keeps_batches: bool,
}

impl IndexBuilder {
    pub(crate) fn new(secret: u64, floor: Sequence) -> Self {
        Self {
            index: Rebuild::new(secret),
            batches: BatchLog::new(floor),
            live_bytes: HashMap::new(),
            sequence: Sequence(0),
            entries: 0,
            keeps_batches: true,
        }
    }

    /// The same for a store that may have holes: its batch log stays empty.
    pub(crate) fn without_batches(self) -> Self {
        Self { keeps_batches: false, ..self }
    }

    /// The finished indexes as of `now`; the segments learn how much of each is alive.
    pub(crate) fn finish(
        mut self,
        now: Timestamp,
        floor: Sequence,
        segments: &SegmentTable,
    ) -> (Index, BatchLog) {
        let live_bytes = &mut self.live_bytes;
        let index = self.index.finish(now, &mut |version| count(live_bytes, version, -1));
        for (id, bytes) in self.live_bytes {
            if let Some(segment) = segments.get(id) {
                segment.count_live(bytes);
            }
        }
        self.batches.prune(floor);
        (index, self.batches)
    }
}

fn count(live_bytes: &mut HashMap<SegmentId, i64>, version: &Version, sign: i64) {
    *live_bytes.entry(version.position.segment).or_default() += sign * version.bytes().cast_signed();
}

impl Replay for IndexBuilder {
    fn frame(&mut self, segment: &Arc<Segment>, offset: u64, header: &FrameHeader) {
        self.sequence = header.sequence;
        self.entries = 0;
        if header.kind == FrameKind::Commit && self.keeps_batches {
            self.batches.push(header.sequence, segment, offset, header.time);
        }
    }

    fn entry(&mut self, segment: &Arc<Segment>, head: &EntryHead<'_>, layout: &Layout) {
        let hash_key;
        let (space, key, hash): (_, &[u8], _) = match head.subject {
            Subject::Key(key) => (Space::Keys, key, key_hash(key)),
            Subject::Hash(hash) => {
                hash_key = hash.to_be_bytes();
                (Space::Hashes, &hash_key, hash)
            }
        };
        let kind = match head.place {
            Place::None => VersionKind::Tombstone,
            _ => VersionKind::Value { deadline: head.deadline },
        };
        if let Place::External { segment: stream, .. } = head.place {
            segment.refer(stream);
        }
        let (sequence, ordinal) =
            head.moved.map_or((self.sequence, self.entries), |moved| (moved.sequence, moved.ordinal));
        self.entries += 1;
        let position = Position { segment: segment.id, offset: layout.start };
        let version = Version::new(sequence, position, layout.end - layout.start, kind).at_ordinal(ordinal);
        segment.raise_last_sequence(sequence.0);
        count(&mut self.live_bytes, &version, 1);
        let live_bytes = &mut self.live_bytes;
        self.index
            .insert(&Change { space, key, hash, version }, &mut |dropped| count(live_bytes, dropped, -1));
    }
}
