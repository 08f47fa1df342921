//! Checksums put right after a change, so that what lies behind them is reached: a fuzzer does not guess a CRC.
//!
//! Invariant: only checksum fields change, and only in files whose lengths admit them.

use super::seeds::{Image, STORE};
use super::source::Source;
use crate::format::bytes::{put_at, u32_at, u64_at};
use crate::format::checksum::{Nonce, Salt, finish_salted, plain};
use crate::format::entry::{EntryHead, Place};
use crate::format::{identity, names, segment_header};
use crate::numbers::FrameNumber;

const FRAME: usize = crate::format::frame::BYTES;

/// Which checksums are put right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sums {
    identity: bool,
    catalogs: bool,
    segment_headers: bool,
    frame_headers: bool,
    frame_bodies: bool,
    payloads: bool,
    alignment: u64,
}

impl Sums {
    /// As the next byte says; 0 asks for none.
    pub(super) fn chosen(source: &mut Source<'_>, alignment: u64) -> Self {
        let choice = source.byte();
        let bit = |number: u8| choice >> number & 1 == 1;
        Self {
            identity: bit(0),
            catalogs: bit(1),
            segment_headers: bit(2),
            frame_headers: bit(3),
            frame_bodies: bit(4),
            payloads: bit(5),
            alignment,
        }
    }

    /// Puts them right in all files.
    pub(super) fn mend(self, image: &mut Image) {
        for (path, bytes) in image.iter_mut() {
            let name = path.strip_prefix(STORE).ok().and_then(|name| name.to_str()).unwrap_or_default();
            if name == names::IDENTITY && self.identity && bytes.len() == identity::LENGTH {
                mend_identity(bytes);
            } else if names::CATALOGS.contains(&name) && self.catalogs {
                mend_catalog(bytes);
            } else if names::parse_segment(name).is_some() && bytes.len() >= segment_header::BYTES {
                if self.segment_headers {
                    mend_segment_header(bytes);
                }
                self.mend_frames(bytes);
            }
        }
    }

    /// Walks from frame to frame by the lengths that stand there, as far as they make sense.
    fn mend_frames(self, bytes: &mut [u8]) {
        let nonce: Nonce = bytes[32..48].try_into().expect("the slice has the array's length");
        let mut at = segment_header::BYTES;
        while at + FRAME <= bytes.len() && matches!(bytes[at + 8], 1..=8) {
            let length = usize::try_from(u64_at(bytes, at + 48)).unwrap_or(usize::MAX);
            let end = (at + FRAME).saturating_add(length).min(bytes.len());
            let salt = Salt {
                nonce,
                epoch: u32_at(bytes, at + 56),
                number: FrameNumber(u64_at(bytes, at + 16)),
                offset: at as u64,
            };
            if self.frame_bodies || self.payloads {
                self.mend_body(bytes, at, end, salt);
            }
            if self.frame_headers {
                mend_frame_header(&mut bytes[at..at + FRAME], salt);
            }
            at = end.next_multiple_of(8);
        }
    }

    /// The payloads' checksums of the frame at `at`, then the body's over all but the payloads.
    fn mend_body(self, bytes: &mut [u8], at: usize, end: usize, salt: Salt) {
        let mut hasher = salt.hasher();
        let mut entry = at + FRAME;
        if matches!(bytes[at + 8], 3 | 7) {
            hasher.update(&bytes[entry..end.min(entry + 8)]);
            entry = end;
        }
        while entry < end {
            let Ok((head, layout)) = EntryHead::decode(&bytes[entry..end], entry as u64, self.alignment)
            else {
                break;
            };
            let is_inline = matches!(head.place, Place::Inline { .. });
            let within = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(end);
            let payload = within(layout.payload)..within(layout.payload + layout.payload_length);
            if self.payloads && is_inline {
                let sum = plain(&bytes[payload.clone()]);
                put_at(bytes, entry + 8, &sum.to_le_bytes());
            }
            hasher.update(&bytes[entry..payload.start]);
            entry = within(layout.end);
            hasher.update(&bytes[payload.end..entry]);
        }
        if self.frame_bodies {
            put_at(bytes, at + 4, &finish_salted(hasher).to_le_bytes());
        }
    }
}

/// The checksum of an identity of the right length.
pub(super) fn mend_identity(bytes: &mut [u8]) {
    let sum = plain(&bytes[..124]);
    put_at(bytes, 124, &sum.to_le_bytes());
}

/// The checksum of a catalog, over as many bytes as there are.
pub(super) fn mend_catalog(bytes: &mut [u8]) {
    if let Some(end) = bytes.len().checked_sub(4) {
        let sum = plain(&bytes[..end]);
        put_at(bytes, end, &sum.to_le_bytes());
    }
}

/// The checksum of a segment's header.
pub(super) fn mend_segment_header(bytes: &mut [u8]) {
    let sum = plain(&bytes[..124]);
    put_at(bytes, 124, &sum.to_le_bytes());
}

/// The checksum of a frame's header.
pub(super) fn mend_frame_header(header: &mut [u8], salt: Salt) {
    let mut hasher = salt.hasher();
    hasher.update(&header[4..FRAME]);
    put_at(header, 0, &finish_salted(hasher).to_le_bytes());
}
