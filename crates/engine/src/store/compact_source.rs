//! Reading the inputs of a compaction: their frames, and which commit each entry came from.
//!
//! Invariant: what cannot be read is damage of that segment, told to the caller; nothing is passed over.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::core::Core;
use crate::error::{Error, ErrorKind, Result};
use crate::format::entry::Moved;
use crate::format::frame::FrameHeader;
use crate::format::segment_header;
use crate::log::scan::{Depth, Frames, Verdict};
use crate::log::segment::Segment;
use crate::log::source::MapSource;
use crate::numbers::SegmentId;
use crate::seams::Map;

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
    Frames {
        source: MapSource { map, end: segment.end() },
        nonce: segment.nonce,
        alignment: core.identity.alignment.bytes(),
        end: segment.end(),
    }
}

/// Where the entries of an input came from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// Every entry, ascending.
    births: Vec<(u64, Moved)>,
}

impl Source {
    pub(super) fn new(core: &Core, segment: &Segment) -> Result<Self> {
        let map = segment.map()?;
        let mut frames = frames_of(core, segment, &map);
        let io = |e| Error::io("read", &segment.path, &e);
        let mut births = Vec::new();
        let mut offset = segment_header::LENGTH;
        while offset < segment.end() {
            let header = header_at(&mut frames, segment, offset)?;
            let mut ordinal = 0;
            frames
                .entries(offset, &header, &mut |head, layout| {
                    let here = Moved { sequence: header.sequence, time: header.time, ordinal };
                    births.push((layout.start, head.moved.unwrap_or(here)));
                    ordinal += 1;
                })
                .map_err(io)?;
            offset += header.frame_length();
        }
        Ok(Self { path: segment.path.clone(), births })
    }

    /// The commit of the entry at `offset`.
    pub(super) fn birth_of(&self, offset: u64) -> Option<Moved> {
        let at = self.births.binary_search_by_key(&offset, |(start, _)| *start).ok()?;
        Some(self.births[at].1)
    }
}
