//! Putting frames together: what a group writes, as few large pieces.

use std::ops::Deref;

use bytes::Bytes;

use crate::format::checksum::{self, Nonce, finish_salted};
use crate::format::entry::{EntryHead, Layout, Moved, Place, Subject};
use crate::format::frame::{self, FrameHeader};
use crate::format::{CHUNK_BYTES, CHUNK_SIZE, UNIT, align_up};
use crate::numbers::{SegmentId, Timestamp};
use crate::seams::File;
use crate::value::Value;

/// Payloads up to this length are copied beside their heads; longer ones are written from where they are.
const COPIED_BYTES_MAX: usize = 32 << 10;

/// The bytes of a payload, wherever they are.
#[derive(Clone, Debug)]
pub(crate) enum PayloadBytes {
    Owned(Bytes),
    Mapped(Value),
}

impl Deref for PayloadBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Mapped(value) => value,
        }
    }
}

/// What a draft is stored under, owned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DraftSubject {
    Key(Bytes),
    Hash(u64),
}

impl DraftSubject {
    pub(crate) fn as_subject(&self) -> Subject<'_> {
        match self {
            Self::Key(key) => Subject::Key(key),
            Self::Hash(hash) => Subject::Hash(*hash),
        }
    }
}

/// The value of a draft.
#[derive(Clone, Debug)]
pub(crate) enum DraftValue {
    Tombstone,
    Inline(PayloadBytes),
    External { segment: SegmentId, length: u64, checksum: u32 },
}

/// An entry to be written.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) subject: DraftSubject,
    pub(crate) value: DraftValue,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) moved: Option<Moved>,
}

impl Draft {
    /// Bytes of the key, and of the value if it is in the frame.
    pub(crate) fn content_bytes(&self) -> u64 {
        let key = match &self.subject {
            DraftSubject::Key(key) => key.len(),
            DraftSubject::Hash(_) => 8,
        };
        let value = match &self.value {
            DraftValue::Inline(bytes) => bytes.len(),
            DraftValue::External { .. } | DraftValue::Tombstone => 0,
        };
        (key + value) as u64
    }

    fn head(&self) -> EntryHead<'_> {
        let place = match &self.value {
            DraftValue::Tombstone => Place::None,
            DraftValue::Inline(bytes) => {
                Place::Inline { length: bytes.len() as u64, checksum: checksum::plain(bytes) }
            }
            DraftValue::External { segment, length, checksum } => {
                Place::External { segment: *segment, length: *length, checksum: *checksum }
            }
        };
        EntryHead { subject: self.subject.as_subject(), place, deadline: self.deadline, moved: self.moved }
    }

    /// Most bytes that the entry can take, wherever it starts.
    pub(crate) fn bytes_max(&self, alignment: u64) -> u64 {
        let key = match &self.subject {
            DraftSubject::Key(key) => key.len() as u64,
            DraftSubject::Hash(_) => 8,
        };
        let payload = match &self.value {
            DraftValue::Inline(bytes) => bytes.len() as u64,
            _ => 0,
        };
        let table =
            if payload > crate::format::CHUNKED_ABOVE { 4 * payload.div_ceil(CHUNK_BYTES) + UNIT } else { 0 };
        12 + 8 + 32 + 16 + key + alignment + payload + UNIT + table
    }
}

/// Bytes on their way to a segment, from one offset on.
#[derive(Debug)]
pub(crate) struct FrameWriter {
    nonce: Nonce,
    alignment: u64,
    start: u64,
    length: u64,
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Buffer(Vec<u8>),
    Payload(PayloadBytes),
}

impl FrameWriter {
    /// Nothing yet, to be written at `start` of a segment.
    pub(crate) fn new(nonce: Nonce, alignment: u64, start: u64) -> Self {
        Self { nonce, alignment, start, length: 0, pieces: Vec::new() }
    }

    /// Where the next frame will stand.
    pub(crate) fn position(&self) -> u64 {
        self.start + self.length
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        if !matches!(self.pieces.last(), Some(Piece::Buffer(_))) {
            self.pieces.push(Piece::Buffer(Vec::new()));
        }
        match self.pieces.last_mut() {
            Some(Piece::Buffer(buffer)) => buffer,
            _ => unreachable!("a buffer was just put last"),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.buffer().extend_from_slice(bytes);
    }

    fn pad_to(&mut self, position: u64) {
        const ZEROS: [u8; 64] = [0; 64];
        let padding = usize::try_from(position - self.position()).expect("padding is short");
        self.push(&ZEROS[..padding]);
    }

    /// Adds a frame with `entries` in its body; lengths and number of entries in `header` are filled in here. Returns where the
    /// entries will stand.
    pub(crate) fn frame(&mut self, header: FrameHeader, entries: &[Draft]) -> Vec<Layout> {
        let (offset, place) = self.begin();
        let mut hasher = header.salt(self.nonce, offset).hasher();
        let layouts: Vec<Layout> = entries.iter().map(|draft| self.entry(draft, &mut hasher)).collect();
        let entries = u32::try_from(entries.len()).expect("the number of operations is limited");
        self.finish(FrameHeader { entries, ..header }, offset, place, hasher);
        layouts
    }

    /// Adds a frame whose body is `body`, a multiple of 8 bytes that are not entries.
    pub(crate) fn plain_frame(&mut self, header: FrameHeader, body: &[u8]) {
        let (offset, place) = self.begin();
        let mut hasher = header.salt(self.nonce, offset).hasher();
        hasher.update(body);
        self.push(body);
        self.finish(FrameHeader { entries: 0, ..header }, offset, place, hasher);
    }

    /// Leaves room for a header; returns its offset, and its piece and place there.
    fn begin(&mut self) -> (u64, (usize, usize)) {
        let offset = self.position();
        let at = self.buffer().len();
        let piece = self.pieces.len() - 1;
        self.push(&[0; frame::BYTES]);
        (offset, (piece, at))
    }

    fn finish(&mut self, header: FrameHeader, offset: u64, place: (usize, usize), hasher: crc32fast::Hasher) {
        let header = FrameHeader { body_length: self.position() - offset - frame::LENGTH, ..header };
        let Piece::Buffer(buffer) = &mut self.pieces[place.0] else {
            unreachable!("a header is always put into a buffer");
        };
        header.encode(&mut buffer[place.1..], finish_salted(hasher), self.nonce, offset);
    }

    fn entry(&mut self, draft: &Draft, hasher: &mut crc32fast::Hasher) -> Layout {
        let head = draft.head();
        let layout = head.layout(self.position(), self.alignment);
        let before = self.buffer().len();
        let mut bytes = Vec::new();
        head.encode(&mut bytes);
        self.push(&bytes);
        self.pad_to(layout.payload);
        hasher.update(&self.buffer()[before..]);
        if let DraftValue::Inline(payload) = &draft.value {
            self.payload(payload);
            let behind = self.buffer().len();
            self.pad_to(align_up(layout.payload + layout.payload_length, UNIT));
            if layout.table.is_some() {
                let table: Vec<u8> =
                    payload.chunks(CHUNK_SIZE).flat_map(|c| checksum::plain(c).to_le_bytes()).collect();
                self.push(&table);
            }
            self.pad_to(layout.end);
            hasher.update(&self.buffer()[behind..]);
        }
        layout
    }

    fn payload(&mut self, payload: &PayloadBytes) {
        if payload.len() <= COPIED_BYTES_MAX {
            self.push(payload);
        } else {
            self.length += payload.len() as u64;
            self.pieces.push(Piece::Payload(payload.clone()));
        }
    }

    /// Writes everything to `file`.
    pub(crate) fn write_to(&self, file: &dyn File) -> std::io::Result<()> {
        let mut at = self.start;
        for piece in &self.pieces {
            let bytes: &[u8] = match piece {
                Piece::Buffer(buffer) => buffer,
                Piece::Payload(payload) => payload,
            };
            file.write_all_at(bytes, at)?;
            at += bytes.len() as u64;
        }
        Ok(())
    }
}
