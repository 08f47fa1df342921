//! From an entry back to the frame that it lies in.
//!
//! Entries say nothing of their commit as long as they stand where they were written. So a segment remembers where some frames
//! start (`frame_starts.rs`), and the walk goes from there from header to header. The search for commits (`commit_search.rs`)
//! begins at the same starts.

use std::io;

use super::scan::Frames;
use super::segment::Segment;
use super::source::MapSource;
use crate::format::entry::{EntryHead, HEAD_BYTES_MAX, Lineage};
use crate::format::frame::{self, FrameHeader};
use crate::numbers::Sequence;

/// The frame that an entry lies in.
#[derive(Debug)]
pub(crate) struct FrameOf {
    pub(crate) header: FrameHeader,
    /// The entry's number in the frame, from 0.
    pub(crate) ordinal: u32,
}

/// The frame of the entry at `offset` of a log or compacted segment; `None` when it does not verify, or a header on the way to
/// it.
pub(crate) fn frame_of(segment: &Segment, alignment: u64, offset: u64) -> io::Result<Option<FrameOf>> {
    if !segment.holds(offset, alignment) {
        return Ok(None);
    }
    let map = segment.map()?;
    let end = segment.end();
    let mut frames = Frames::up_to(segment, &map, alignment, end);
    let Some((start, header)) = frame_around(&mut frames, segment, offset)? else { return Ok(None) };
    let (mut ordinal, mut at) = (None, 0);
    frames.entries(start, &header, &mut |_, layout| {
        if layout.start == offset {
            ordinal = Some(at);
        }
        at += 1;
    })?;
    Ok(ordinal.map(|ordinal| FrameOf { header, ordinal }))
}

/// Where the frame around `offset` starts, and its header; `None` when a header on the way to it does not verify.
fn frame_around(
    frames: &mut Frames<MapSource<'_>>,
    segment: &Segment,
    offset: u64,
) -> io::Result<Option<(u64, FrameHeader)>> {
    let mut start = segment.frame_starts().before(offset);
    while let Some((header, _)) = frames.header(start)? {
        if start + header.frame_length() > offset {
            return Ok(Some((start, header)));
        }
        start += header.frame_length();
    }
    Ok(None)
}

/// The commit whose frame holds what stands at `offset`, also where its keys do not verify; `None` when that cannot be told.
pub(crate) fn sequence_around(segment: &Segment, alignment: u64, offset: u64) -> Option<Sequence> {
    let map = segment.kept_map()?;
    let end = segment.end();
    let mut frames = Frames::up_to(segment, map, alignment, end);
    let (_, header) = frame_around(&mut frames, segment, offset).ok()??;
    Some(header.sequence).filter(|sequence| sequence.0 > 0)
}

/// The lineage of the entry at `offset`, which says nothing of it itself; unknown also where that cannot be read any more.
///
/// Every value that is overwritten for the first time is asked for it. So a header is verified once, as payloads are, and not even
/// looked at where its frame is known.
pub(crate) fn lineage_of_silent(segment: &Segment, offset: u64) -> Lineage {
    let way = segment.frame_starts().way(offset);
    way.lineage.or_else(|| lineage_on_the_way(segment, way.start, offset)).unwrap_or(Lineage::UNKNOWN)
}

fn lineage_on_the_way(segment: &Segment, mut start: u64, offset: u64) -> Option<Lineage> {
    let map = segment.kept_map().filter(|_| offset < segment.end())?;
    while start <= offset {
        let bytes = map.slice(start, frame::LENGTH)?;
        let header = if segment.touched().contains(start) {
            FrameHeader::decode_verified(bytes)?
        } else {
            let (header, _) = FrameHeader::decode(bytes, segment.nonce, start)?;
            segment.touched().insert(start);
            header
        };
        let end = start + header.frame_length();
        if end > offset {
            let lineage =
                if header.keeps_lineages { Lineage::first(header.sequence) } else { Lineage::UNKNOWN };
            segment.frame_starts().learn(start, end, lineage);
            return Some(lineage);
        }
        start = end;
    }
    None
}

/// The commit that wrote the entry at `offset`; `None` when that cannot be read any more.
pub(crate) fn sequence_at(segment: &Segment, alignment: u64, offset: u64) -> Option<Sequence> {
    let map = segment.kept_map().filter(|_| segment.holds(offset, alignment))?;
    let length = HEAD_BYTES_MAX.min(segment.end().checked_sub(offset)?);
    let (head, _) = EntryHead::decode(map.slice(offset, length)?, offset, alignment).ok()?;
    if let Some(moved) = head.moved {
        return Some(moved.sequence);
    }
    let frame = frame_of(segment, alignment, offset).ok()??;
    Some(frame.header.sequence)
}

#[cfg(test)]
#[path = "frame_of_tests.rs"]
mod tests;
