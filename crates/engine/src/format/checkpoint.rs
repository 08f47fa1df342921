//! A checkpoint of the indexes: its head, and the table of what it covers and where its sections are (`docs/format.md` §13).
//!
//! Invariant: a head or table that decodes is one that was encoded, or was made on purpose; no section that it names lies
//! outside of the file, and no chunk outside of its section. What is in the sections, others know.

use super::bytes::{array_at, is_zero, length_u64, put_at, u32_at, u64_at};
use super::checksum::{self, Nonce};
use super::{CHUNK_BYTES, NUMBERS_END, VERSION, magic};
use crate::numbers::{FrameNumber, SegmentId, Sequence, Timestamp};

const MAGIC: [u8; 16] = magic(b"CKPT");
/// Length of the head; the sections follow it.
pub(crate) const HEAD_BYTES: usize = 256;
/// Sections begin on multiples of this.
pub(crate) const ALIGN: u64 = 64;
const SEGMENT: usize = 72;
const SECTION: usize = 64;
const CHUNK: usize = 8;
/// A chunk is at most this long.
const CHUNK_MAX: u64 = 2 * CHUNK_BYTES;

/// The beginning of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Length of the file.
    pub(crate) length: u64,
    /// Where the table stands, to the end of the file.
    pub(crate) table_at: u64,
    pub(crate) table_sum: u32,
    pub(crate) store_id: [u8; 16],
    pub(crate) id: SegmentId,
    /// The catalog's, when it was begun.
    pub(crate) generation: u64,
    /// The last frame that it covers,
    pub(crate) frame: FrameNumber,
    /// the last commit, the greatest time, the epoch, the floor of the batch log, as of that frame;
    pub(crate) sequence: Sequence,
    pub(crate) time: Timestamp,
    pub(crate) epoch: u32,
    pub(crate) floor: Sequence,
    /// and the segment and offset where it ends.
    pub(crate) end: (SegmentId, u64),
    /// Every frame up to this one was durable when the file got its name.
    pub(crate) mark: FrameNumber,
    /// State of the slot table and how many entries are in it.
    pub(crate) slots: (u64, u64),
    /// Live keys, those with a deadline in the sections included.
    pub(crate) live: u64,
    /// The slot of the segment table to be given out next.
    pub(crate) next_slot: u32,
    /// How long the lists of the table are.
    pub(crate) segments: u32,
    pub(crate) sections: u32,
}

/// The end of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// Ascending by id.
    pub(crate) segments: Vec<CoveredSegment>,
    pub(crate) sections: Vec<Section>,
}

/// A log or compacted segment whose entries the checkpoint covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CoveredSegment {
    pub(crate) id: SegmentId,
    pub(crate) nonce: Nonce,
    /// Its slot in the segment table, which addresses name.
    pub(crate) slot: u32,
    /// The end of the last frame that is covered.
    pub(crate) end: u64,
    pub(crate) live_bytes: u64,
    /// Of a compacted segment, bytes of tombstones that stay because of what they hide.
    pub(crate) hiding_bytes: u64,
    pub(crate) last_sequence: u64,
    /// How many of the starts of frames are those of this one.
    pub(crate) starts: u32,
    /// The stream segments that entries in it refer to.
    pub(crate) streams: Vec<SegmentId>,
}

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SectionKind {
    /// The pages of the slot table; a chunk is a group of them.
    Slots,
    /// A run of keys; the newest first.
    KeyRun,
    /// A run of hash-only keys; the newest first.
    HashRun,
    /// Pairs of a deadline and a key hash, ascending.
    Deadlines,
    /// The keys of crowded hashes: hash, address, sequence, number in its commit.
    Crowds,
    /// Tombstones in the slot table that nobody needs: hash and address.
    Tombstones,
    /// Starts of frames, in units of 8 bytes, of the segments in their order.
    FrameStarts,
    /// A run of system entries; the newest first.
    SystemRun,
    /// A run of keys of namespaces, in their full form; the newest first.
    NamedRun,
    /// A run of hashes alone in namespaces; the newest first.
    NamedHashRun,
    /// As the deadlines, of namespaces; before them the number of live keys of all namespaces, and 0.
    NamedDeadlines,
}

/// A part of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) kind: SectionKind,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    /// Of a run, how long its parts are; else zeros.
    pub(crate) shape: [u64; 3],
    pub(crate) chunks: Vec<Chunk>,
}

/// A part of a section with a checksum of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) length: u32,
    pub(crate) sum: u32,
}

impl SectionKind {
    const ALL: [(Self, u32); 11] = [
        (Self::Slots, 1),
        (Self::KeyRun, 2),
        (Self::HashRun, 3),
        (Self::Deadlines, 4),
        (Self::Crowds, 5),
        (Self::Tombstones, 6),
        (Self::FrameStarts, 7),
        (Self::SystemRun, 8),
        (Self::NamedRun, 9),
        (Self::NamedHashRun, 10),
        (Self::NamedDeadlines, 11),
    ];

    fn code(self) -> u32 {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or(0, |(_, code)| *code)
    }

    fn from_code(code: u32) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == code).map(|(kind, _)| *kind)
    }
}

impl Head {
    /// The head over a table that stands at `table_at`, with the bytes of the table; the other fields are taken from `head`.
    pub(crate) fn seal(self, table: &Table) -> (Self, Vec<u8>) {
        let bytes = table.encode();
        let count = |length: usize| u32::try_from(length).expect("fewer than 2^32");
        let head = Self {
            length: self.table_at + length_u64(bytes.len()),
            table_sum: checksum::plain(&bytes),
            segments: count(table.segments.len()),
            sections: count(table.sections.len()),
            ..self
        };
        (head, bytes)
    }

    /// A head that covers nothing, to be filled in.
    pub(crate) fn new(store_id: [u8; 16], id: SegmentId) -> Self {
        Self {
            length: 0,
            table_at: 0,
            table_sum: 0,
            store_id,
            id,
            generation: 0,
            frame: FrameNumber(0),
            sequence: Sequence(0),
            time: Timestamp(0),
            epoch: 0,
            floor: Sequence(0),
            end: (SegmentId(0), 0),
            mark: FrameNumber(0),
            slots: (0, 0),
            live: 0,
            next_slot: 0,
            segments: 0,
            sections: 0,
        }
    }

    pub(crate) fn encode(&self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        put_at(&mut bytes, 0, &MAGIC);
        put_at(&mut bytes, 16, &VERSION.to_le_bytes());
        put_at(&mut bytes, 20, &self.epoch.to_le_bytes());
        put_at(&mut bytes, 24, &self.length.to_le_bytes());
        put_at(&mut bytes, 32, &self.table_at.to_le_bytes());
        put_at(&mut bytes, 40, &self.store_id);
        let numbers = [
            self.id.0,
            self.generation,
            self.frame.0,
            self.sequence.0,
            self.time.0,
            self.floor.0,
            self.end.0.0,
            self.end.1,
            self.mark.0,
            self.slots.0,
            self.slots.1,
            self.live,
        ];
        for (place, number) in numbers.iter().enumerate() {
            put_at(&mut bytes, 56 + 8 * place, &number.to_le_bytes());
        }
        put_at(&mut bytes, 152, &self.next_slot.to_le_bytes());
        put_at(&mut bytes, 156, &self.segments.to_le_bytes());
        put_at(&mut bytes, 160, &self.sections.to_le_bytes());
        put_at(&mut bytes, 164, &self.table_sum.to_le_bytes());
        let sum = checksum::plain(&bytes[..252]);
        put_at(&mut bytes, 252, &sum.to_le_bytes());
        bytes
    }

    /// Reads a head; `None` when the bytes are not one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < HEAD_BYTES || bytes[..16] != MAGIC || u32_at(bytes, 16) != VERSION {
            return None;
        }
        if checksum::plain(&bytes[..252]) != u32_at(bytes, 252) || !is_zero(&bytes[168..252]) {
            return None;
        }
        let number = |place: usize| u64_at(bytes, 56 + 8 * place);
        let head = Self {
            epoch: u32_at(bytes, 20),
            length: u64_at(bytes, 24),
            table_at: u64_at(bytes, 32),
            store_id: array_at(bytes, 40),
            id: SegmentId(number(0)),
            generation: number(1),
            frame: FrameNumber(number(2)),
            sequence: Sequence(number(3)),
            time: Timestamp(number(4)),
            floor: Sequence(number(5)),
            end: (SegmentId(number(6)), number(7)),
            mark: FrameNumber(number(8)),
            slots: (number(9), number(10)),
            live: number(11),
            next_slot: u32_at(bytes, 152),
            segments: u32_at(bytes, 156),
            sections: u32_at(bytes, 160),
            table_sum: u32_at(bytes, 164),
        };
        let is_small = |place: usize| place == 4 || number(place) < NUMBERS_END;
        let is_whole = (0..12).all(is_small)
            && head.mark >= head.frame
            && head.length < NUMBERS_END
            && (length_u64(HEAD_BYTES)..=head.length).contains(&head.table_at);
        is_whole.then_some(head)
    }

    /// Reads the table that follows the sections; `None` when the bytes are not the one.
    pub(crate) fn table(&self, bytes: &[u8]) -> Option<Table> {
        if checksum::plain(bytes) != self.table_sum {
            return None;
        }
        Table::decode(bytes, usize::try_from(self.segments).ok()?, usize::try_from(self.sections).ok()?)
            .filter(|table| table.fits(self))
    }
}

impl Table {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let count = |length: usize| u32::try_from(length).expect("fewer than 2^32").to_le_bytes();
        for segment in &self.segments {
            bytes.extend_from_slice(&segment.id.0.to_le_bytes());
            bytes.extend_from_slice(&segment.nonce);
            for number in [segment.end, segment.live_bytes, segment.hiding_bytes, segment.last_sequence] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            bytes.extend_from_slice(&segment.slot.to_le_bytes());
            bytes.extend_from_slice(&segment.starts.to_le_bytes());
            bytes.extend_from_slice(&count(segment.streams.len()));
            bytes.extend_from_slice(&[0; 4]);
        }
        for section in &self.sections {
            bytes.extend_from_slice(&section.kind.code().to_le_bytes());
            bytes.extend_from_slice(&count(section.chunks.len()));
            for number in [section.offset, section.length].iter().chain(&section.shape) {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            bytes.extend_from_slice(&[0; 16]);
        }
        for chunk in self.sections.iter().flat_map(|section| &section.chunks) {
            bytes.extend_from_slice(&chunk.length.to_le_bytes());
            bytes.extend_from_slice(&chunk.sum.to_le_bytes());
        }
        for stream in self.segments.iter().flat_map(|segment| &segment.streams) {
            bytes.extend_from_slice(&stream.0.to_le_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8], segments: usize, sections: usize) -> Option<Self> {
        let (records, rest) = bytes.split_at_checked(segments.checked_mul(SEGMENT)?)?;
        let (parts, mut rest) = rest.split_at_checked(sections.checked_mul(SECTION)?)?;
        let mut table = Self::default();
        for part in parts.chunks_exact(SECTION) {
            let count = usize::try_from(u32_at(part, 4)).ok()?;
            let (chunks, behind) = rest.split_at_checked(count.checked_mul(CHUNK)?)?;
            rest = behind;
            let chunk = |chunk: &[u8]| Chunk { length: u32_at(chunk, 0), sum: u32_at(chunk, 4) };
            table.sections.push(Section {
                kind: SectionKind::from_code(u32_at(part, 0))?,
                offset: u64_at(part, 8),
                length: u64_at(part, 16),
                shape: [u64_at(part, 24), u64_at(part, 32), u64_at(part, 40)],
                chunks: chunks.chunks_exact(CHUNK).map(chunk).collect(),
            });
            if !is_zero(&part[48..]) {
                return None;
            }
        }
        for record in records.chunks_exact(SEGMENT) {
            let count = usize::try_from(u32_at(record, 64)).ok()?;
            let (streams, behind) = rest.split_at_checked(count.checked_mul(8)?)?;
            rest = behind;
            table.segments.push(CoveredSegment {
                id: SegmentId(u64_at(record, 0)),
                nonce: array_at(record, 8),
                end: u64_at(record, 24),
                live_bytes: u64_at(record, 32),
                hiding_bytes: u64_at(record, 40),
                last_sequence: u64_at(record, 48),
                slot: u32_at(record, 56),
                starts: u32_at(record, 60),
                streams: streams.chunks_exact(8).map(|stream| SegmentId(u64_at(stream, 0))).collect(),
            });
            if !is_zero(&record[68..]) {
                return None;
            }
        }
        rest.is_empty().then_some(table)
    }

    /// Whether everything lies where it can.
    fn fits(&self, head: &Head) -> bool {
        let mut at = length_u64(HEAD_BYTES);
        let sections = self.sections.iter().all(|section| {
            let chunks: u64 = section.chunks.iter().map(|chunk| u64::from(chunk.length)).sum();
            let is_in_order = section.offset >= at && section.offset.is_multiple_of(ALIGN);
            at = section.offset.saturating_add(section.length);
            is_in_order
                && at <= head.table_at
                && chunks == section.length
                && section.chunks.iter().all(|chunk| u64::from(chunk.length) <= CHUNK_MAX)
        });
        let ascend = self.segments.is_sorted_by(|one, next| one.id < next.id);
        let numbers = |segment: &CoveredSegment| {
            [segment.id.0, segment.end, segment.live_bytes, segment.hiding_bytes, segment.last_sequence]
                .iter()
                .all(|n| *n < NUMBERS_END)
                && u64::from(segment.slot) < u64::from(crate::address::SLOTS)
        };
        let mut slots: Vec<u32> = self.segments.iter().map(|segment| segment.slot).collect();
        slots.sort_unstable();
        slots.dedup();
        sections && ascend && self.segments.iter().all(numbers) && slots.len() == self.segments.len()
    }
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
