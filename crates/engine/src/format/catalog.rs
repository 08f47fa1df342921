//! The catalog: which segments there are, and where the log stood (`docs/format.md` §3).

use super::bytes::{array_at, is_zero, length_u64, put_at, u32_at, u64_at};
use super::checksum::{self, Nonce};
use super::identity;
use super::segment_header::{self, SegmentKind, stream_file_length};
use super::{NUMBERS_END, VERSION, magic};
use crate::numbers::{FrameNumber, LogOffset, SegmentId, Sequence, Timestamp};

const MAGIC: [u8; 16] = magic(b"CATL");
const HEAD: usize = 256;
const RECORD: usize = 96;
const FOOT: usize = 8;
const CLOSED: u32 = 1;

/// One generation of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Catalog {
    pub(crate) generation: u64,
    /// The identity file's bytes, a spare copy.
    pub(crate) identity: [u8; identity::LENGTH],
    pub(crate) epoch: u32,
    /// Whether the store was closed in order: the active segment ends at `active_end` and is durable as a whole.
    pub(crate) closed: bool,
    pub(crate) last_frame: FrameNumber,
    pub(crate) last_sequence: Sequence,
    pub(crate) time: Timestamp,
    /// Every frame up to this one was durable.
    pub(crate) mark: FrameNumber,
    pub(crate) active_end: u64,
    /// The oldest retained commit.
    pub(crate) floor: Sequence,
    pub(crate) next_segment: SegmentId,
    /// Every version that a view right before this commit, or a later one, can see is there; 0 where nobody took care of that.
    pub(crate) history: Sequence,
    /// Ascending by id.
    pub(crate) segments: Vec<SegmentRecord>,
}

/// What the catalog knows of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentRecord {
    pub(crate) id: SegmentId,
    pub(crate) kind: SegmentKind,
    pub(crate) nonce: Nonce,
    pub(crate) base: LogOffset,
    pub(crate) first_frame: FrameNumber,
    /// `None` while the segment is active.
    pub(crate) sealed: Option<Sealed>,
    /// The payload of a stream segment.
    pub(crate) payload_checksum: u32,
    pub(crate) payload_length: u64,
}

/// What is known of a segment once it is complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) length: u64,
    pub(crate) last_frame: FrameNumber,
    pub(crate) last_sequence: Sequence,
}

impl Catalog {
    /// How many bytes [`Catalog::claimed_length`] looks at.
    pub(crate) const HEAD_BYTES: u64 = HEAD as u64;

    /// The length that a file with this beginning says it has; `None` when it is no catalog.
    pub(crate) fn claimed_length(head: &[u8]) -> Option<u64> {
        (head.len() >= HEAD && head[..16] == MAGIC).then(|| u64_at(head, 32))
    }

    /// Length of the encoded catalog in bytes.
    pub(crate) fn encoded_length(&self) -> u64 {
        length_u64(HEAD + RECORD * self.segments.len() + FOOT)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let length = HEAD + RECORD * self.segments.len() + FOOT;
        let mut bytes = vec![0; length];
        let count = u32::try_from(self.segments.len()).expect("fewer than 2^32 segments");
        put_at(&mut bytes, 0, &MAGIC);
        put_at(&mut bytes, 16, &VERSION.to_le_bytes());
        put_at(&mut bytes, 20, &count.to_le_bytes());
        put_at(&mut bytes, 24, &self.generation.to_le_bytes());
        put_at(&mut bytes, 32, &length_u64(length).to_le_bytes());
        put_at(&mut bytes, 40, &self.identity);
        put_at(&mut bytes, 168, &self.epoch.to_le_bytes());
        put_at(&mut bytes, 172, &(if self.closed { CLOSED } else { 0 }).to_le_bytes());
        put_at(&mut bytes, 176, &self.last_frame.0.to_le_bytes());
        put_at(&mut bytes, 184, &self.last_sequence.0.to_le_bytes());
        put_at(&mut bytes, 192, &self.time.0.to_le_bytes());
        put_at(&mut bytes, 200, &self.mark.0.to_le_bytes());
        put_at(&mut bytes, 208, &self.active_end.to_le_bytes());
        put_at(&mut bytes, 216, &self.floor.0.to_le_bytes());
        put_at(&mut bytes, 224, &self.next_segment.0.to_le_bytes());
        put_at(&mut bytes, 232, &self.history.0.to_le_bytes());
        for (record, segment) in bytes[HEAD..].chunks_exact_mut(RECORD).zip(&self.segments) {
            segment.encode(record);
        }
        let sum = checksum::plain(&bytes[..length - 4]);
        put_at(&mut bytes, length - 4, &sum.to_le_bytes());
        bytes
    }

    /// Reads a catalog file; `None` when it is not whole.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < HEAD + FOOT || bytes[..16] != MAGIC || u32_at(bytes, 16) != VERSION {
            return None;
        }
        let body = bytes.len() - HEAD - FOOT;
        let count = usize::try_from(u32_at(bytes, 20)).ok()?;
        if u64_at(bytes, 32) != length_u64(bytes.len())
            || !body.is_multiple_of(RECORD)
            || body / RECORD != count
        {
            return None;
        }
        if checksum::plain(&bytes[..bytes.len() - 4]) != u32_at(bytes, bytes.len() - 4) {
            return None;
        }
        let flags = u32_at(bytes, 172);
        if flags & !CLOSED != 0
            || !is_zero(&bytes[240..HEAD])
            || !is_zero(&bytes[bytes.len() - FOOT..bytes.len() - 4])
        {
            return None;
        }
        let segments: Vec<_> = bytes[HEAD..HEAD + body]
            .chunks_exact(RECORD)
            .map(SegmentRecord::decode)
            .collect::<Option<_>>()?;
        let ascending = segments.windows(2).all(|pair| pair[0].id < pair[1].id);
        let catalog = Self {
            generation: u64_at(bytes, 24),
            identity: array_at(bytes, 40),
            epoch: u32_at(bytes, 168),
            closed: flags & CLOSED != 0,
            last_frame: FrameNumber(u64_at(bytes, 176)),
            last_sequence: Sequence(u64_at(bytes, 184)),
            time: Timestamp(u64_at(bytes, 192)),
            mark: FrameNumber(u64_at(bytes, 200)),
            active_end: u64_at(bytes, 208),
            floor: Sequence(u64_at(bytes, 216)),
            next_segment: SegmentId(u64_at(bytes, 224)),
            history: Sequence(u64_at(bytes, 232)),
            segments,
        };
        (ascending && catalog.is_sound()).then_some(catalog)
    }

    /// The rules that a well-formed catalog keeps: one active log segment at most, the last one; ids below the next.
    fn is_sound(&self) -> bool {
        let mut logs = self.segments.iter().filter(|s| s.kind == SegmentKind::Log).rev();
        logs.next();
        logs.all(|s| s.sealed.is_some())
            && self.segments.iter().all(|s| s.kind == SegmentKind::Log || s.sealed.is_some())
            && self.segments.last().is_none_or(|s| s.id < self.next_segment)
            && self.segments.iter().all(SegmentRecord::is_sound)
            && [self.last_frame.0, self.last_sequence.0, self.mark.0, self.floor.0, self.history.0]
                .iter()
                .all(|&number| number < NUMBERS_END)
            && self.next_segment.0 < NUMBERS_END
    }

    /// The segments of one kind, ascending by id.
    pub(crate) fn of_kind(&self, kind: SegmentKind) -> impl DoubleEndedIterator<Item = &SegmentRecord> {
        self.segments.iter().filter(move |s| s.kind == kind)
    }

    /// The record of a segment.
    pub(crate) fn record_mut(&mut self, id: SegmentId) -> Option<&mut SegmentRecord> {
        self.segments.iter_mut().find(|s| s.id == id)
    }

    /// Adds a segment, keeping the order by id.
    pub(crate) fn add(&mut self, record: SegmentRecord) {
        self.next_segment = self.next_segment.max(record.id.next());
        let at = self.segments.partition_point(|s| s.id < record.id);
        self.segments.insert(at, record);
    }
}

impl SegmentRecord {
    /// Whether its numbers can be calculated with, and do not contradict each other.
    fn is_sound(&self) -> bool {
        let small = [self.base.0, self.first_frame.0, self.payload_length].iter().all(|&n| n < NUMBERS_END);
        let Some(sealed) = self.sealed else { return small && self.first_frame.0 > 0 };
        small
            && sealed.length < NUMBERS_END
            && sealed.last_frame.0 < NUMBERS_END
            && sealed.last_sequence.0 < NUMBERS_END
            && match self.kind {
                SegmentKind::Stream => sealed.length == stream_file_length(self.payload_length),
                SegmentKind::Log | SegmentKind::Compacted => {
                    self.first_frame.0 > 0
                        && sealed.length >= segment_header::LENGTH
                        && sealed.last_frame.0 >= self.first_frame.0 - 1
                }
            }
    }

    fn encode(&self, bytes: &mut [u8]) {
        let sealed = self.sealed.unwrap_or_default();
        put_at(bytes, 0, &self.id.0.to_le_bytes());
        bytes[8] = self.kind.code();
        bytes[9] = u8::from(self.sealed.is_some());
        put_at(bytes, 16, &sealed.length.to_le_bytes());
        put_at(bytes, 24, &self.nonce);
        put_at(bytes, 40, &self.base.0.to_le_bytes());
        put_at(bytes, 48, &self.first_frame.0.to_le_bytes());
        put_at(bytes, 56, &sealed.last_frame.0.to_le_bytes());
        put_at(bytes, 64, &sealed.last_sequence.0.to_le_bytes());
        put_at(bytes, 72, &self.payload_checksum.to_le_bytes());
        put_at(bytes, 80, &self.payload_length.to_le_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        if !is_zero(&bytes[10..16]) || !is_zero(&bytes[76..80]) || !is_zero(&bytes[88..]) {
            return None;
        }
        let sealed = match bytes[9] {
            // What is known of sealed segments alone stands nowhere else: length, last frame and last sequence.
            0 if !is_zero(&bytes[16..24]) || !is_zero(&bytes[56..72]) => return None,
            0 => None,
            1 => Some(Sealed {
                length: u64_at(bytes, 16),
                last_frame: FrameNumber(u64_at(bytes, 56)),
                last_sequence: Sequence(u64_at(bytes, 64)),
            }),
            _ => return None,
        };
        Some(Self {
            id: SegmentId(u64_at(bytes, 0)),
            kind: SegmentKind::from_code(bytes[8])?,
            nonce: array_at(bytes, 24),
            base: LogOffset(u64_at(bytes, 40)),
            first_frame: FrameNumber(u64_at(bytes, 48)),
            sealed,
            payload_checksum: u32_at(bytes, 72),
            payload_length: u64_at(bytes, 80),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Catalog, Sealed, SegmentRecord};
    use crate::format::segment_header::SegmentKind;
    use crate::numbers::{FrameNumber, LogOffset, SegmentId, Sequence, Timestamp};

    fn sample() -> Catalog {
        let log = |id: u64, sealed| SegmentRecord {
            id: SegmentId(id),
            kind: SegmentKind::Log,
            nonce: [3; 16],
            base: LogOffset(id * 1000),
            first_frame: FrameNumber(id),
            sealed,
            payload_checksum: 0,
            payload_length: 0,
        };
        let sealed = Some(Sealed { length: 4096, last_frame: FrameNumber(4), last_sequence: Sequence(3) });
        Catalog {
            generation: 12,
            identity: [5; 128],
            epoch: 2,
            closed: true,
            last_frame: FrameNumber(9),
            last_sequence: Sequence(7),
            time: Timestamp(1 << 60),
            mark: FrameNumber(9),
            active_end: 640,
            floor: Sequence(2),
            next_segment: SegmentId(6),
            history: Sequence(3),
            segments: vec![log(1, sealed), log(5, None)],
        }
    }

    #[test]
    fn f04_every_flipped_bit_is_noticed() {
        let good = sample().encode();
        assert_eq!(good.len(), 264 + 2 * 96);
        assert_eq!(Catalog::decode(&good), Some(sample()));
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Catalog::decode(&bad), None, "bit {bit}");
        }
        for length in 0..good.len() {
            assert_eq!(Catalog::decode(&good[..length]), None, "cut at {length}");
        }
    }

    /// An active segment whose record held a length was read as if it held none: two different catalogs meant the same, and
    /// the copy that the next open wrote was not the one that it had read. Found by fuzzing.
    #[test]
    fn a_length_or_an_end_of_an_active_segment_is_refused() {
        let good = sample().encode();
        let active = good.len() - 8 - 96;
        for field in [16, 56, 64] {
            let mut bad = good.clone();
            bad[active + field] = 1;
            let end = bad.len() - 4;
            let sum = crate::format::checksum::plain(&bad[..end]);
            bad[end..].copy_from_slice(&sum.to_le_bytes());
            assert_eq!(Catalog::decode(&bad), None, "field at {field}");
        }
    }

    /// The last sequence of a segment was believed whatever it was; an open that counted on from 2^64 - 1 panicked. Found by
    /// fuzzing.
    #[test]
    fn a_sequence_that_no_store_reaches_is_not_sound() {
        let mut catalog = sample();
        catalog.segments[0].sealed.as_mut().unwrap().last_sequence = Sequence(u64::MAX);
        assert_eq!(Catalog::decode(&catalog.encode()), None);
    }

    #[test]
    fn two_active_segments_are_not_sound() {
        let mut catalog = sample();
        catalog.segments[0].sealed = None;
        assert_eq!(Catalog::decode(&catalog.encode()), None);
    }
}
