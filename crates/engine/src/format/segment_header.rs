//! The header of a segment file (`docs/format.md` §4).

use super::bytes::{array_at, is_zero, put_at, u32_at, u64_at};
use super::checksum::{self, Nonce};
use super::{CHUNK_BYTES, NUMBERS_END, UNIT, VERSION, align_up, magic};
use crate::numbers::{FrameNumber, LogOffset, SegmentId};

/// Length of the header in bytes; the first frame, or the stream's payload, starts behind it.
pub(crate) const LENGTH: u64 = BYTES as u64;
/// The same, as a length in memory.
pub(crate) const BYTES: usize = 128;
const MAGIC: [u8; 16] = magic(b"SEGM");

/// What a segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SegmentKind {
    /// Frames in the order in which they were written.
    Log,
    /// One payload.
    Stream,
    /// Entries in key order, moved out of log segments.
    Compacted,
}

impl SegmentKind {
    pub(crate) const ALL: [Self; 3] = [Self::Log, Self::Stream, Self::Compacted];

    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Stream => "stream",
            Self::Compacted => "compacted",
        }
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Log => 1,
            Self::Stream => 2,
            Self::Compacted => 3,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// The header of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) kind: SegmentKind,
    pub(crate) id: SegmentId,
    pub(crate) nonce: Nonce,
    pub(crate) store_id: [u8; 16],
    pub(crate) base: LogOffset,
    pub(crate) first_frame: FrameNumber,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        put_at(&mut bytes, 0, &MAGIC);
        put_at(&mut bytes, 16, &VERSION.to_le_bytes());
        bytes[20] = self.kind.code();
        put_at(&mut bytes, 24, &self.id.0.to_le_bytes());
        put_at(&mut bytes, 32, &self.nonce);
        put_at(&mut bytes, 48, &self.store_id);
        put_at(&mut bytes, 64, &self.base.0.to_le_bytes());
        put_at(&mut bytes, 72, &self.first_frame.0.to_le_bytes());
        let sum = checksum::plain(&bytes[..124]);
        put_at(&mut bytes, 124, &sum.to_le_bytes());
        bytes
    }

    /// Reads a header; `None` when the bytes are not one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        if (bytes.len() as u64) < LENGTH || bytes[..16] != MAGIC || u32_at(bytes, 16) != VERSION {
            return None;
        }
        if checksum::plain(&bytes[..124]) != u32_at(bytes, 124)
            || !is_zero(&bytes[21..24])
            || !is_zero(&bytes[80..124])
        {
            return None;
        }
        let header = Self {
            kind: SegmentKind::from_code(bytes[20])?,
            id: SegmentId(u64_at(bytes, 24)),
            nonce: array_at(bytes, 32),
            store_id: array_at(bytes, 48),
            base: LogOffset(u64_at(bytes, 64)),
            first_frame: FrameNumber(u64_at(bytes, 72)),
        };
        let numbers = [header.id.0, header.base.0, header.first_frame.0];
        numbers.iter().all(|&number| number < NUMBERS_END).then_some(header)
    }
}

/// The whole length of the file of a stream segment with a payload of `payload` bytes.
pub(crate) fn stream_file_length(payload: u64) -> u64 {
    align_up(LENGTH + payload, UNIT) + 4 * payload.div_ceil(CHUNK_BYTES)
}

#[cfg(test)]
mod tests {
    use super::{SegmentHeader, SegmentKind};
    use crate::numbers::{FrameNumber, LogOffset, SegmentId};

    #[test]
    fn f04_every_flipped_bit_is_noticed() {
        let header = SegmentHeader {
            kind: SegmentKind::Log,
            id: SegmentId(7),
            nonce: [8; 16],
            store_id: [9; 16],
            base: LogOffset(1 << 40),
            first_frame: FrameNumber(11),
        };
        let good = header.encode();
        assert_eq!(SegmentHeader::decode(&good), Some(header));
        assert_eq!(SegmentHeader::decode(&good[..127]), None);
        for bit in 0..good.len() * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&bad), None, "bit {bit}");
        }
    }

    /// Where the catalogs are lost, segments are found by their headers. One that claimed to begin at the end of all log
    /// offsets made the sum of base and length overflow. Found by fuzzing.
    #[test]
    fn f03_a_header_with_a_number_that_no_store_reaches_is_none() {
        let sound = SegmentHeader {
            kind: SegmentKind::Log,
            id: SegmentId(7),
            nonce: [8; 16],
            store_id: [9; 16],
            base: LogOffset(1 << 40),
            first_frame: FrameNumber(11),
        };
        for header in [
            SegmentHeader { id: SegmentId(1 << 62), ..sound },
            SegmentHeader { base: LogOffset(u64::MAX), ..sound },
            SegmentHeader { first_frame: FrameNumber(1 << 62), ..sound },
        ] {
            assert_eq!(SegmentHeader::decode(&header.encode()), None, "{header:?}");
        }
    }
}
