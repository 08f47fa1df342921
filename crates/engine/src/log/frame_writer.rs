//! Putting frames together: what a group writes, as few large pieces.

use std::ops::Deref;

use bytes::Bytes;

use crate::format::checksum::{self, Nonce, finish_salted};
use crate::format::entry::{EntryHead, Layout, Lineage, Moved, Place, Plain, Subject};
use crate::format::frame::{self, FrameHeader};
use crate::format::{CHUNK_BYTES, CHUNK_SIZE, UNIT, align_up};
use crate::keyspace::Keyspace;
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
    Named(Bytes),
    NamedHash(Keyspace, u64),
    System(Bytes),
}

impl From<Subject<'_>> for DraftSubject {
    fn from(subject: Subject<'_>) -> Self {
        match subject {
            Subject::Key(key) => Self::Key(Bytes::copy_from_slice(key)),
            Subject::Hash(hash) => Self::Hash(hash),
            Subject::Named(full) => Self::Named(Bytes::copy_from_slice(full)),
            Subject::NamedHash(namespace, hash) => Self::NamedHash(namespace, hash),
            Subject::System(key) => Self::System(Bytes::copy_from_slice(key)),
        }
    }
}

impl DraftSubject {
    pub(crate) fn as_subject(&self) -> Subject<'_> {
        match self {
            Self::Key(key) => Subject::Key(key),
            Self::Hash(hash) => Subject::Hash(*hash),
            Self::Named(full) => Subject::Named(full),
            Self::NamedHash(namespace, hash) => Subject::NamedHash(*namespace, *hash),
            Self::System(key) => Subject::System(key),
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
    pub(crate) lineage: Option<Lineage>,
}

impl Draft {
    /// A tombstone that compaction moves or makes.
    pub(crate) fn moved_tombstone(subject: DraftSubject, moved: Moved) -> Self {
        Self { subject, value: DraftValue::Tombstone, deadline: None, moved: Some(moved), lineage: None }
    }

    /// The same, borrowed.
    pub(crate) fn entry(&self) -> FrameEntry<'_> {
        let value = match &self.value {
            DraftValue::Tombstone => FrameValue::Tombstone,
            DraftValue::Inline(bytes) => FrameValue::Inline(bytes),
            DraftValue::External { segment, length, checksum } => {
                FrameValue::External { segment: *segment, length: *length, checksum: *checksum }
            }
        };
        let Self { deadline, moved, lineage, .. } = *self;
        FrameEntry { subject: self.subject.as_subject(), value, deadline, moved, lineage }
    }

    /// Whether it was written by a commit that takes a sequence: of system entries that is not known.
    pub(crate) fn is_of_a_commit(&self) -> bool {
        !matches!(self.subject, DraftSubject::System(_))
    }

    /// Most bytes that the entry can take, wherever it starts.
    pub(crate) fn bytes_max(&self, alignment: u64) -> u64 {
        self.entry().bytes_max(alignment)
    }
}

/// An entry to be written, wherever its bytes are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameEntry<'a> {
    pub(crate) subject: Subject<'a>,
    pub(crate) value: FrameValue<'a>,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) moved: Option<Moved>,
    pub(crate) lineage: Option<Lineage>,
}

/// The value of an entry to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FrameValue<'a> {
    Tombstone,
    Inline(&'a [u8]),
    External { segment: SegmentId, length: u64, checksum: u32 },
}

impl<'a> FrameEntry<'a> {
    fn head(&self) -> EntryHead<'a> {
        let place = match self.value {
            FrameValue::Tombstone => Place::None,
            FrameValue::Inline(bytes) => {
                Place::Inline { length: bytes.len() as u64, checksum: checksum::plain(bytes) }
            }
            FrameValue::External { segment, length, checksum } => {
                Place::External { segment, length, checksum }
            }
        };
        let Self { subject, deadline, moved, lineage, .. } = *self;
        EntryHead { subject, place, deadline, moved, lineage }
    }

    /// Bytes of the key, and of the value if it is in the frame.
    pub(crate) fn content_bytes(&self) -> u64 {
        let key = match self.subject {
            Subject::Key(key) => key.len() as u64,
            Subject::Hash(_) => 8,
            Subject::Named(full) => full.len() as u64,
            Subject::NamedHash(..) => 12,
            Subject::System(key) => 4 + key.len() as u64,
        };
        key + self.inline_bytes()
    }

    fn inline_bytes(&self) -> u64 {
        match self.value {
            FrameValue::Inline(bytes) => bytes.len() as u64,
            FrameValue::External { .. } | FrameValue::Tombstone => 0,
        }
    }

    /// Most bytes that the entry can take, wherever it starts.
    pub(crate) fn bytes_max(&self, alignment: u64) -> u64 {
        let payload = self.inline_bytes();
        let table =
            if payload > crate::format::CHUNKED_ABOVE { 4 * payload.div_ceil(CHUNK_BYTES) + UNIT } else { 0 };
        // Of a place in history and a lineage an entry has one at most, and the first is the longer one.
        12 + 8 + 32 + 16 + self.content_bytes() + alignment + UNIT + table
    }
}

/// Where an entry of a frame stands in its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// The memory in which frames are put together, kept from one group to the next so that it is not faulted in anew.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    bytes: Vec<u8>,
    summed: Vec<u8>,
}

impl Buffers {
    /// What is worth keeping: a group of a few thousand rows fits, and a store that writes nothing holds no more.
    const KEPT_BYTES_MAX: usize = 512 << 10;

    fn trim(&mut self) {
        if self.bytes.capacity() > Self::KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
    }
}

/// Bytes on their way to a segment, from one offset on.
#[derive(Debug)]
pub(crate) struct FrameWriter<'a> {
    nonce: Nonce,
    alignment: u64,
    start: u64,
    /// Everything but the long payloads.
    buffer: Vec<u8>,
    /// The long payloads, each with the place in the buffer before which it goes.
    payloads: Vec<(usize, &'a [u8])>,
    payload_bytes: u64,
    /// What the body checksum of the frame in the making covers, without the payloads between, so that many heads are
    /// summed at a time; and from where in the buffer it has to be gone on.
    summed: Vec<u8>,
    sum_from: usize,
}

/// So many bytes are summed at a time.
const SUMMED_BYTES: usize = 16 << 10;

impl<'a> FrameWriter<'a> {
    /// Nothing yet, to be written at `start` of a segment.
    pub(crate) fn new(nonce: Nonce, alignment: u64, start: u64) -> Self {
        Self::within(Buffers::default(), nonce, alignment, start)
    }

    /// The same, in memory that was used before.
    pub(crate) fn within(buffers: Buffers, nonce: Nonce, alignment: u64, start: u64) -> Self {
        let Buffers { bytes: mut buffer, mut summed } = buffers;
        buffer.clear();
        summed.clear();
        let (payloads, payload_bytes, sum_from) = (Vec::new(), 0, 0);
        Self { nonce, alignment, start, buffer, payloads, payload_bytes, summed, sum_from }
    }

    /// The memory, to be used again.
    pub(crate) fn into_buffers(self) -> Buffers {
        let mut buffers = Buffers { bytes: self.buffer, summed: self.summed };
        buffers.trim();
        buffers
    }

    /// Where the next frame will stand.
    pub(crate) fn position(&self) -> u64 {
        self.start + self.buffer.len() as u64 + self.payload_bytes
    }

    fn pad_to(&mut self, position: u64) {
        const ZEROS: [u8; 64] = [0; 64];
        let padding = usize::try_from(position - self.position()).expect("padding is short");
        self.buffer.extend_from_slice(&ZEROS[..padding]);
    }

    /// Adds a frame with `entries` in its body; lengths and number of entries in `header` are filled in here. `placed` hears where
    /// each of them will stand, in their order.
    pub(crate) fn frame(
        &mut self,
        header: FrameHeader,
        entries: impl Iterator<Item = FrameEntry<'a>>,
        mut placed: impl FnMut(Standing),
    ) {
        let (offset, at) = self.begin();
        let mut hasher = header.salt(self.nonce, offset).hasher();
        let mut count = 0;
        for entry in entries {
            placed(self.entry(&entry, &mut hasher));
            count += 1;
        }
        self.finish(FrameHeader { entries: count, ..header }, offset, at, hasher);
    }

    /// Adds a frame whose body is `body`, a multiple of 8 bytes that are not entries.
    pub(crate) fn plain_frame(&mut self, header: FrameHeader, body: &[u8]) {
        let (offset, at) = self.begin();
        let hasher = header.salt(self.nonce, offset).hasher();
        self.buffer.extend_from_slice(body);
        self.finish(FrameHeader { entries: 0, ..header }, offset, at, hasher);
    }

    /// Leaves room for a header; returns its offset, and its place in the buffer.
    fn begin(&mut self) -> (u64, usize) {
        let (offset, at) = (self.position(), self.buffer.len());
        self.buffer.extend_from_slice(&[0; frame::BYTES]);
        self.sum_from = self.buffer.len();
        (offset, at)
    }

    fn finish(&mut self, header: FrameHeader, offset: u64, at: usize, mut hasher: crc32fast::Hasher) {
        self.sum(&mut hasher, 0);
        let header = FrameHeader { body_length: self.position() - offset - frame::LENGTH, ..header };
        header.encode(&mut self.buffer[at..], finish_salted(hasher), self.nonce, offset);
    }

    /// Takes what was added to the buffer into the checksum, as soon as more than `kept` bytes wait for it.
    fn sum(&mut self, hasher: &mut crc32fast::Hasher, kept: usize) {
        self.summed.extend_from_slice(&self.buffer[self.sum_from..]);
        self.sum_from = self.buffer.len();
        if self.summed.len() > kept {
            hasher.update(&self.summed);
            self.summed.clear();
        }
    }

    fn entry(&mut self, entry: &FrameEntry<'a>, hasher: &mut crc32fast::Hasher) -> Standing {
        if let FrameEntry { subject: Subject::Key(key), deadline: None, moved: None, .. } = *entry
            && let FrameValue::Inline(bytes) = entry.value
            && bytes.len() <= COPIED_BYTES_MAX
        {
            return self.plain_entry(key, bytes, entry.lineage, hasher);
        }
        let head = entry.head();
        let Layout { start, payload, payload_length, table, end } =
            head.layout(self.position(), self.alignment);
        head.encode(&mut self.buffer);
        self.pad_to(payload);
        if let FrameValue::Inline(bytes) = entry.value {
            self.sum(hasher, SUMMED_BYTES);
            self.payload(bytes);
            self.pad_to(align_up(payload + payload_length, UNIT));
            if table.is_some() {
                let sums = bytes.chunks(CHUNK_SIZE).flat_map(|chunk| checksum::plain(chunk).to_le_bytes());
                self.buffer.extend(sums);
            }
            self.pad_to(end);
        }
        Standing { start, end }
    }

    /// The same for what nearly every entry is: a value in one piece under a key, without a deadline.
    fn plain_entry(
        &mut self,
        key: &[u8],
        bytes: &[u8],
        lineage: Option<Lineage>,
        hasher: &mut crc32fast::Hasher,
    ) -> Standing {
        let start = self.position();
        let key_length = u16::try_from(key.len()).expect("key lengths are checked");
        let length = u32::try_from(bytes.len()).expect("value lengths are checked");
        let facts = (key_length, length, checksum::plain(bytes));
        let plain = Plain::encode((start, self.alignment), lineage, facts, &mut self.buffer);
        self.buffer.extend_from_slice(key);
        self.pad_to(plain.payload);
        self.sum(hasher, SUMMED_BYTES);
        self.buffer.extend_from_slice(bytes);
        self.sum_from = self.buffer.len();
        self.pad_to(plain.end());
        Standing { start, end: plain.end() }
    }

    /// Puts a payload behind what is there; the body checksum goes on behind it.
    fn payload(&mut self, bytes: &'a [u8]) {
        if bytes.len() <= COPIED_BYTES_MAX {
            self.buffer.extend_from_slice(bytes);
            self.sum_from = self.buffer.len();
        } else {
            self.payloads.push((self.buffer.len(), bytes));
            self.payload_bytes += bytes.len() as u64;
        }
    }

    /// Writes everything to `file`.
    pub(crate) fn write_to(&self, file: &dyn File) -> std::io::Result<()> {
        let (mut from, mut at) = (0, self.start);
        let mut write = |bytes: &[u8]| {
            let begin = at;
            at += bytes.len() as u64;
            if bytes.is_empty() { Ok(()) } else { file.write_all_at(bytes, begin) }
        };
        for (place, payload) in &self.payloads {
            write(&self.buffer[from..*place])?;
            write(payload)?;
            from = *place;
        }
        write(&self.buffer[from..])
    }
}
