//! The commits behind a checkpoint, collected while a store is opened and applied to the index that the checkpoint holds.
//!
//! Invariant: all of them are one change of the index, so that the cost is that of sorting what was written since the
//! checkpoint; nobody has a view yet, so what a newer entry replaces is dropped at once.

use std::sync::Arc;

use crate::address::Address;
use crate::format::entry::{EntryHead, Layout};
use crate::index::{Born, Change, Extent, Index, Space, Version, VersionKind, View};
use crate::log::segment::Segment;
use crate::log::segment_table::SegmentTable;
use crate::numbers::{LogOffset, SegmentId, Sequence};
use crate::store::log_entries::LogEntries;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Tail {
    entries: Vec<TailEntry>,
    /// Their keys, end to end.
    keys: Vec<u8>,
}

#[derive(Debug)]
struct TailEntry {
    segment: SegmentId,
    offset: u64,
    born: LogOffset,
    bytes: u64,
    kind: VersionKind,
    space: Space,
    hash: u64,
    sequence: Sequence,
    ordinal: u32,
    /// Where its key ends.
    key_end: usize,
}

impl Tail {
    /// Adds an entry; they come in the order of the log.
    pub(super) fn push(
        &mut self,
        segment: &Segment,
        (head, layout): (&EntryHead<'_>, &Layout),
        (space, key, hash): (Space, &[u8], u64),
        (sequence, ordinal): (Sequence, u32),
    ) {
        self.keys.extend_from_slice(key);
        let kind = match head.deadline {
            _ if head.is_tombstone() => VersionKind::Tombstone,
            deadline => VersionKind::Value { deadline },
        };
        self.entries.push(TailEntry {
            segment: segment.id,
            offset: layout.start,
            born: segment.log_offset(layout.start),
            bytes: layout.end - layout.start,
            kind,
            space,
            hash,
            sequence,
            ordinal,
            key_end: self.keys.len(),
        });
    }

    /// Applies everything to the index, of which nobody has a view; the segments learn how much of each is alive.
    pub(super) fn apply(&self, index: &Index<LogEntries>, segments: &SegmentTable, now: View) {
        let mut changes: Vec<Change<'_>> = Vec::with_capacity(self.entries.len());
        let mut start = 0;
        for entry in &self.entries {
            let key = &self.keys[start..entry.key_end];
            start = entry.key_end;
            // What stands in a segment that recovery has replaced since was shown again in the new one.
            let Some(segment): Option<Arc<Segment>> = segments.get(entry.segment) else { continue };
            segment.count_live(entry.bytes.cast_signed());
            let version = Version {
                address: Address::at(segment.slot(), entry.offset),
                bytes: entry.bytes,
                kind: entry.kind,
                born: Born::At(entry.born),
            };
            let rank = (entry.sequence, entry.ordinal);
            changes.push(Change { space: entry.space, key, hash: entry.hash, version, rank, before: None });
        }
        let table = segments.now();
        let mut dropped = |version: &Extent| {
            if let Some(segment) = table.in_slot(version.address.slot()) {
                segment.count_live(-version.bytes.cast_signed());
            }
        };
        if !changes.is_empty() {
            index.apply(&changes, now, &mut dropped);
        }
        index.collect(now, &mut dropped);
    }
}
