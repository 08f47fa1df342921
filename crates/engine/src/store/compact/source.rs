//! Reading the inputs of a compaction: their frames, and which commit each entry came from.
//!
//! Invariant: what cannot be read is damage of that segment, told to the caller; nothing is passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::format::UNIT;
use crate::format::entry::{EntryHead, HEAD_BYTES_MAX, Layout, Lineage, Moved, Subject};
use crate::format::frame::{FrameHeader, rank_in};
use crate::format::segment_header;
use crate::log::scan::{Depth, Frames, Verdict};
use crate::log::segment::Segment;
use crate::log::source::MapSource;
use crate::numbers::{FrameNumber, SegmentId, Sequence, Timestamp};
use crate::seams::Map;
use crate::store::core::Core;
use crate::store::pace::Pace;

/// Bytes of an input that the system is asked for at a time.
const FETCH_BYTES: u64 = 1 << 20;

/// Notes that a segment has to be left alone, if that is what an error says.
pub(super) fn note_damage(error: &Error, segment: SegmentId, damaged: &mut BTreeSet<SegmentId>) {
    if error.kind() == ErrorKind::Damaged {
        damaged.insert(segment);
    }
}

/// The header of a frame whose entry heads and keys hold.
pub(super) fn header_at(
    frames: &mut Frames<MapSource<'_>>,
    segment: &Segment,
    offset: u64,
) -> Result<FrameHeader> {
    // Also where it was found whole when the store was opened: what is copied gets a checksum of its own.
    let what = match frames.judge(offset, Depth::Keys).map_err(|e| Error::io("read", &segment.path, &e))? {
        Verdict::Whole(header) | Verdict::BadPayloads(header, _) => return Ok(header),
        Verdict::NoFrame => "the header of a frame cannot be read any more",
        Verdict::BadBody(_) => "the keys of a frame cannot be read any more",
    };
    Err(Error::damaged(&segment.path, offset, what))
}

pub(super) fn frames_of<'a>(core: &Core, segment: &Segment, map: &'a Map) -> Frames<MapSource<'a>> {
    Frames::up_to(segment, map, core.identity.alignment.bytes(), segment.end())
}

/// What else looks at the entries of an input while it is read.
pub(super) trait Visit {
    fn entry(&mut self, head: &EntryHead<'_>, layout: &Layout);
    /// The entries of a frame have been shown.
    fn end_frame(&mut self);
}

/// Nobody else looks.
pub(super) struct Nobody;

impl Visit for Nobody {
    fn entry(&mut self, _head: &EntryHead<'_>, _layout: &Layout) {}
    fn end_frame(&mut self) {}
}

/// The inputs of a compaction, by their slots in the segment table, which addresses of entries name.
pub(super) type Sources = BTreeMap<usize, Source>;

/// Where the entries of an input came from. An entry that was moved before says so itself; of the others the starts are kept,
/// four bytes for each.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) segment: Arc<Segment>,
    alignment: u64,
    /// Starts of entries in units of [`UNIT`], ascending.
    starts: Vec<u32>,
    /// The frames that those lie in.
    commits: Vec<Commit>,
}

#[derive(Debug)]
struct Commit {
    /// How many starts come before those of its entries.
    first: u32,
    number: FrameNumber,
    sequence: Sequence,
    time: Timestamp,
    keeps_lineages: bool,
}

/// Where an entry comes from: what it takes along when it is moved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Birth {
    pub(super) moved: Moved,
    pub(super) lineage: Lineage,
}

impl Source {
    /// Reads a segment, and shows its entries to `visit`.
    pub(super) fn read(
        core: &Core,
        segment: &Arc<Segment>,
        pace: &Pace<'_>,
        visit: &mut dyn Visit,
    ) -> Result<Self> {
        let map = segment.map()?;
        let mut frames = frames_of(core, segment, &map);
        let io = |e| Error::io("read", &segment.path, &e);
        let too_many = |_| Error::damaged(&segment.path, 0, "it is longer than a segment can be");
        let (mut starts, mut commits): (Vec<u32>, Vec<Commit>) = (Vec::new(), Vec::new());
        let (mut offset, mut fetched) = (segment_header::LENGTH, 0);
        while offset < segment.end() {
            if offset >= fetched {
                map.fetch(offset, FETCH_BYTES);
                fetched = offset + FETCH_BYTES;
            }
            let header = header_at(&mut frames, segment, offset)?;
            let first = u32::try_from(starts.len()).map_err(too_many)?;
            frames
                .entries(offset, &header, &mut |head, layout| {
                    // Offsets in a segment have a place in 32 bits: an address has 28 for them.
                    if let (None, Ok(start)) = (head.moved, u32::try_from(layout.start / UNIT)) {
                        starts.push(start);
                    }
                    visit.entry(head, layout);
                })
                .map_err(io)?;
            if starts.len() > usize::try_from(first).map_err(|_| core.closed_error())? {
                let FrameHeader { number, sequence, time, keeps_lineages, .. } = header;
                commits.push(Commit { first, number, sequence, time, keeps_lineages });
            }
            visit.end_frame();
            pace.step(header.frame_length())?;
            offset += header.frame_length();
        }
        let alignment = core.identity.alignment.bytes();
        Ok(Self { segment: Arc::clone(segment), alignment, starts, commits })
    }

    /// The commit of the entry at `offset`.
    pub(super) fn birth_of(&self, offset: u64) -> Option<Birth> {
        let map = self.segment.kept_map()?;
        let length = HEAD_BYTES_MAX.min(self.segment.end().checked_sub(offset)?);
        let (head, _) = EntryHead::decode(map.slice(offset, length)?, offset, self.alignment).ok()?;
        let said = |or: Lineage| head.lineage.unwrap_or(or);
        if let Some(moved) = head.moved {
            return Some(Birth { moved, lineage: said(Lineage::UNKNOWN) });
        }
        let at = self.starts.binary_search(&u32::try_from(offset / UNIT).ok()?).ok()?;
        let at = u32::try_from(at).ok()?;
        let behind = self.commits.partition_point(|commit| commit.first <= at);
        let commit = self.commits.get(behind.checked_sub(1)?)?;
        let sequence = rank_in(commit.number, commit.sequence, head.subject);
        let moved = Moved { sequence, time: commit.time, ordinal: at - commit.first };
        let is_value = !head.is_tombstone() && !matches!(head.subject, Subject::System(_));
        let is_first = commit.keeps_lineages && is_value;
        let silent = if is_first { Lineage::first(commit.sequence) } else { Lineage::UNKNOWN };
        Some(Birth { moved, lineage: said(silent) })
    }
}
