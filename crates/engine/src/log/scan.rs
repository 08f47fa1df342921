//! Reading frames from a segment, and judging them.
//!
//! Invariant: an entry is shown to a visitor only after the frame that it lies in was verified, and nothing is
//! allocated or read by a length that was not compared with the end of the segment.

use std::io;

use super::segment::Segment;
use super::source::{MapSource, Source};
use crate::format::bytes::leading_zeros;
use crate::format::checksum::{self, Gathered, Nonce, finish_salted};
use crate::format::entry::{EntryFault, EntryHead, Layout, Place, Plain};
use crate::format::frame::{self, FrameHeader};
use crate::format::{CHUNK_BYTES, UNIT};
use crate::seams::Map;

/// Length of the body of a frame that holds a number.
pub(crate) const NUMBER_BODY: u64 = 8;

/// What stands at an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No frame: the header does not verify.
    NoFrame,
    /// A frame whose header verifies; its body (entry heads, keys, padding) does not.
    BadBody(FrameHeader),
    /// A frame whose header and body verify; the payloads of the entries at these offsets do not.
    BadPayloads(FrameHeader, Vec<u64>),
    /// A frame of which all that was looked at verifies.
    Whole(FrameHeader),
}

/// How much of a frame is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Header, entry heads, keys and padding.
    Keys,
    /// Payloads too.
    Payloads,
}

/// The frames of one segment.
#[derive(Debug)]
pub(crate) struct Frames<S> {
    pub(crate) source: S,
    pub(crate) nonce: Nonce,
    pub(crate) alignment: u64,
    /// Nothing is read from here on.
    pub(crate) end: u64,
}

impl<'m> Frames<MapSource<'m>> {
    /// Those of a segment up to `end`, as its map shows them.
    pub(crate) fn up_to(segment: &Segment, map: &'m Map, alignment: u64, end: u64) -> Self {
        Self { source: MapSource { map, end }, nonce: segment.nonce, alignment, end }
    }
}

impl<S: Source> Frames<S> {
    /// The header at `offset`, if one verifies there.
    pub(crate) fn header(&mut self, offset: u64) -> io::Result<Option<(FrameHeader, u32)>> {
        if offset + frame::LENGTH > self.end {
            return Ok(None);
        }
        let nonce = self.nonce;
        Ok(FrameHeader::decode(self.source.slice(offset, frame::LENGTH)?, nonce, offset))
    }

    /// Judges the frame at `offset`.
    pub(crate) fn judge(&mut self, offset: u64, depth: Depth) -> io::Result<Verdict> {
        let Some((header, body_checksum)) = self.header(offset)? else {
            return Ok(Verdict::NoFrame);
        };
        let body = offset + frame::LENGTH;
        if header.body_length > self.end - body {
            return Ok(Verdict::BadBody(header));
        }
        let mut hasher = Gathered::new(header.salt(self.nonce, offset).hasher());
        let body_end = body + header.body_length;
        let mut payloads = Vec::new();
        let fits = match header.kind {
            kind if kind.has_entries() => {
                let mut at = body;
                let mut count = 0;
                loop {
                    if at == body_end {
                        break count == header.entries;
                    }
                    let Some((layout, checksum)) = self.entry(at, body_end, Some(&mut hasher))? else {
                        break false;
                    };
                    if depth == Depth::Payloads && layout.payload_length > 0 {
                        payloads.push((layout, checksum));
                    }
                    count += 1;
                    at = layout.end;
                }
            }
            kind if kind.has_number() => {
                hasher.update(self.source.slice(body, header.body_length.min(NUMBER_BODY))?);
                header.body_length == NUMBER_BODY && header.entries == 0
            }
            _ => header.body_length == 0 && header.entries == 0,
        };
        if !fits || finish_salted(hasher.finish()) != body_checksum {
            return Ok(Verdict::BadBody(header));
        }
        let mut bad = Vec::new();
        for (layout, checksum) in payloads {
            if self.payload_checksum(&layout)? != checksum {
                bad.push(layout.start);
            }
        }
        Ok(if bad.is_empty() { Verdict::Whole(header) } else { Verdict::BadPayloads(header, bad) })
    }

    /// The layout and payload checksum of the entry at `at`; `None` when it does not end by `limit`. Feeds what the body
    /// checksum covers to `hasher`.
    fn entry(
        &mut self,
        at: u64,
        limit: u64,
        hasher: Option<&mut Gathered>,
    ) -> io::Result<Option<(Layout, u32)>> {
        let alignment = self.alignment;
        let fixed = self.source.slice(at, Plain::BYTES.min(limit - at))?;
        // What nearly every entry is, is known without a look at its fields.
        let (layout, checksum) = if let Some(first) = Plain::decode_first(fixed, at, alignment) {
            (first.layout(at), first.checksum)
        } else {
            let Ok(head_length) = EntryHead::head_length_of(fixed) else { return Ok(None) };
            if head_length > limit - at {
                return Ok(None);
            }
            let Ok((head, layout)) = EntryHead::decode(self.source.slice(at, head_length)?, at, alignment)
            else {
                return Ok(None);
            };
            let checksum = match head.place {
                Place::Inline { checksum, .. } => checksum,
                Place::None | Place::External { .. } => 0,
            };
            (layout, checksum)
        };
        if layout.end > limit {
            return Ok(None);
        }
        if let Some(hasher) = hasher {
            hasher.update(self.source.slice(at, layout.payload - at)?);
            let behind = layout.payload + layout.payload_length;
            hasher.update(self.source.slice(behind, layout.end - behind)?);
        }
        Ok(Some((layout, checksum)))
    }

    /// What is wrong with the body of a frame that [`Frames::judge`] found bad.
    pub(crate) fn body_fault(&mut self, offset: u64, header: &FrameHeader) -> io::Result<&'static str> {
        const UNKNOWN: &str =
            "have flags that this program does not know: a newer Pentad wrote them, or they are damaged";
        const DAMAGED: &str = "fail their checksum";
        let mut at = offset + frame::LENGTH;
        let end = at.saturating_add(header.body_length).min(self.end);
        while at < end && header.kind.has_entries() {
            let fixed = self.source.slice(at, 12.min(end - at))?;
            if EntryHead::head_length_of(fixed) == Err(EntryFault::Unknown) {
                return Ok(UNKNOWN);
            }
            let Some((layout, _)) = self.entry(at, end, None)? else { break };
            at = layout.end;
        }
        Ok(DAMAGED)
    }

    fn payload_checksum(&mut self, layout: &Layout) -> io::Result<u32> {
        let mut hasher = crc32fast::Hasher::new();
        let mut at = layout.payload;
        let end = layout.payload + layout.payload_length;
        while at < end {
            let piece = CHUNK_BYTES.min(end - at);
            hasher.update(self.source.slice(at, piece)?);
            at += piece;
        }
        Ok(hasher.finalize())
    }

    /// Shows the entries of a frame that [`Frames::judge`] found whole, in order.
    pub(crate) fn entries(
        &mut self,
        offset: u64,
        header: &FrameHeader,
        visit: &mut dyn FnMut(&EntryHead<'_>, &Layout),
    ) -> io::Result<()> {
        let alignment = self.alignment;
        let mut at = offset + frame::LENGTH;
        for _ in 0..header.entries {
            let head_length = EntryHead::head_length_of(self.source.slice(at, 12)?).map_err(|_| changed())?;
            let bytes = self.source.slice(at, head_length)?;
            let (head, layout) = EntryHead::decode(bytes, at, alignment).map_err(|_| changed())?;
            visit(&head, &layout);
            at = layout.end;
        }
        Ok(())
    }

    /// The content of a frame that holds a number and was found whole.
    pub(crate) fn number(&mut self, offset: u64) -> io::Result<u64> {
        let bytes = self.source.slice(offset + frame::LENGTH, NUMBER_BODY)?;
        bytes.try_into().map(u64::from_le_bytes).map_err(|_| changed())
    }

    /// The first header that verifies at or behind `offset`.
    pub(crate) fn find_header(&mut self, mut offset: u64) -> io::Result<Option<(u64, FrameHeader)>> {
        while offset + frame::LENGTH <= self.end {
            // The kind of a frame is never 0, and it is the ninth byte: most of an unwritten tail is passed at once, and what was
            // written there once by one byte in eight.
            let window = self.source.slice(offset, CHUNK_BYTES.min(self.end - offset))?;
            let zeros = (leading_zeros(window) as u64 / UNIT).saturating_sub(1);
            if zeros > 0 {
                offset += zeros * UNIT;
                continue;
            }
            let kinds = window.iter().skip(8).step_by(8);
            let skipped = kinds.take_while(|&&kind| kind == 0).count() as u64 * UNIT;
            if skipped > 0 {
                offset += skipped;
                continue;
            }
            if let Some((header, _)) = self.header(offset)? {
                return Ok(Some((offset, header)));
            }
            offset += UNIT;
        }
        Ok(None)
    }
}

fn changed() -> io::Error {
    io::Error::other("the bytes changed after they were verified")
}

/// The checksum of a chunk of a payload, and whether it is the one in a table.
pub(crate) fn chunk_holds(chunk: &[u8], table: &[u8], index: usize) -> bool {
    table.get(index * 4..index * 4 + 4) == Some(&checksum::plain(chunk).to_le_bytes()[..])
}
