//! From an entry back to the frame that it lies in.
//!
//! Entries say nothing of their commit as long as they stand where they were written. So a segment remembers where a frame
//! starts for about every [`SPACING`] bytes, and the walk goes from there from header to header. The search for commits
//! (`commit_search.rs`) begins at the same starts.

use std::io;
use std::sync::PoisonError;

use super::scan::Frames;
use super::segment::Segment;
use super::source::MapSource;
use crate::format::entry::{EntryHead, HEAD_BYTES_MAX, Lineage};
use crate::format::frame::{self, FrameHeader};
use crate::format::{UNIT, segment_header};
use crate::numbers::Sequence;
use crate::seams::lock::RwLock;

/// Least distance of two frame starts that are remembered, in bytes.
const SPACING: u64 = 4096;

/// Starts of frames, ascending, in units of [`UNIT`] bytes.
#[derive(Debug, Default)]
pub(crate) struct FrameStarts {
    starts: RwLock<Vec<u32>>,
}

impl FrameStarts {
    /// These, ascending, in units of [`UNIT`] bytes.
    pub(crate) fn of(starts: Vec<u32>) -> Self {
        Self { starts: RwLock::new(starts) }
    }

    /// All of them, in units of [`UNIT`] bytes.
    pub(crate) fn all(&self) -> Vec<u32> {
        self.starts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that a frame starts at `offset`; frames are noted in their order.
    pub(crate) fn note(&self, offset: u64) {
        let mut starts = self.starts.write().unwrap_or_else(PoisonError::into_inner);
        let due = starts.last().map_or(0, |last| u64::from(*last) * UNIT + SPACING);
        // One that has no place in 32 bits is walked to from the last that has.
        if offset >= due
            && let Ok(start) = u32::try_from(offset / UNIT)
        {
            starts.push(start);
        }
    }

    /// A frame that starts at or before `offset`.
    pub(super) fn before(&self, offset: u64) -> u64 {
        let starts = self.starts.read().unwrap_or_else(PoisonError::into_inner);
        let behind = starts.partition_point(|start| u64::from(*start) * UNIT <= offset);
        behind.checked_sub(1).map_or(segment_header::LENGTH, |index| u64::from(starts[index]) * UNIT)
    }

    /// How many are remembered.
    pub(crate) fn count(&self) -> usize {
        self.starts.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The one with this number, from 0.
    pub(crate) fn get(&self, index: usize) -> Option<u64> {
        let starts = self.starts.read().unwrap_or_else(PoisonError::into_inner);
        starts.get(index).map(|start| u64::from(*start) * UNIT)
    }

    pub(crate) fn copy(&self) -> Self {
        let starts = self.starts.read().unwrap_or_else(PoisonError::into_inner);
        Self { starts: RwLock::new(starts.clone()) }
    }

    /// Heap bytes in use.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let starts = self.starts.read().unwrap_or_else(PoisonError::into_inner);
        (starts.capacity() * size_of::<u32>()) as u64
    }
}

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
    let mut frames = Frames { source: MapSource { map: &map, end }, nonce: segment.nonce, alignment, end };
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
    let mut frames = Frames { source: MapSource { map, end }, nonce: segment.nonce, alignment, end };
    let (_, header) = frame_around(&mut frames, segment, offset).ok()??;
    Some(header.sequence).filter(|sequence| sequence.0 > 0)
}

/// The lineage of the entry at `offset`, which says nothing of it itself; unknown also where that cannot be read any more.
///
/// Every value that is overwritten for the first time is asked for it, so a header is verified once, as payloads are.
pub(crate) fn lineage_of_silent(segment: &Segment, offset: u64) -> Lineage {
    let said = |header: FrameHeader| header.keeps_lineages.then(|| Lineage::first(header.sequence));
    verified_header_around(segment, offset).and_then(said).unwrap_or(Lineage::UNKNOWN)
}

fn verified_header_around(segment: &Segment, offset: u64) -> Option<FrameHeader> {
    let map = segment.kept_map().filter(|_| offset < segment.end())?;
    let mut start = segment.frame_starts().before(offset);
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
            return Some(header);
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
