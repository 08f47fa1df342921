//! Where compaction writes to: segments of moved entries in key order.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::core::Core;
use super::log_entries::LogEntries;
use crate::address::Address;
use crate::error::{Error, ErrorKind, Result};
use crate::format::catalog::{Sealed, SegmentRecord};
use crate::format::frame::{self, FrameHeader, FrameKind};
use crate::format::names;
use crate::format::segment_header::{self, SegmentKind};
use crate::index::{Index, Space, Version};
use crate::log::create::{NewSegment, SegmentPlan, create_segment, discard, segment_lengths};
use crate::log::failure::Failure;
use crate::log::frame_writer::{Draft, DraftValue, FrameWriter};
use crate::log::reserve::Room;
use crate::log::segment::Segment;
use crate::log::writer::Shared;
use crate::numbers::{FrameNumber, LogOffset, SegmentId, Sequence};

/// Entries that go into one frame, up to so many bytes.
const FRAME_BYTES: u64 = 256 << 10;

/// An entry that was copied.
#[derive(Debug)]
pub(crate) struct MovedEntry {
    space: Space,
    key: Arc<[u8]>,
    hash: u64,
    from: Address,
    /// The segment that it was copied to, and where it stands there.
    pub(crate) to: (SegmentId, u64),
    pub(crate) bytes: u64,
}

impl MovedEntry {
    pub(crate) fn new(space: Space, key: Arc<[u8]>, hash: u64, version: &Version) -> Self {
        Self { space, key, hash, from: version.address, to: (SegmentId(0), 0), bytes: 0 }
    }

    /// Points the index to the copy, if it still wants the entry.
    pub(crate) fn relocate(&self, index: &Index<LogEntries>, segment: &Segment) -> bool {
        let to = (segment.address(self.to.1), self.bytes);
        index.relocate(self.space, &self.key, self.hash, self.from, to)
    }
}

/// The segments that a compaction writes.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    core: &'a Core,
    pub(crate) shared: &'a Shared,
    epoch: u32,
    base: LogOffset,
    /// The reserve of disk suffices for all of it, so that its use is not in vain.
    relief: bool,
    /// The finished segments.
    pub(crate) segments: Vec<(SegmentRecord, Arc<Segment>)>,
    /// What was copied, and where it stands now.
    pub(crate) moved: Vec<MovedEntry>,
    /// Stream segments that copied entries refer to.
    pub(crate) streams: BTreeSet<SegmentId>,
    current: Option<Current>,
    pending: Vec<(Draft, Option<MovedEntry>)>,
    pending_bytes: u64,
}

/// The segment being written.
#[derive(Debug)]
struct Current {
    new: NewSegment,
    end: u64,
    frame: FrameNumber,
    last_sequence: Sequence,
    streams: BTreeSet<SegmentId>,
}

impl<'a> Output<'a> {
    /// An output for about so many bytes of entries.
    pub(crate) fn new(core: &'a Core, base: LogOffset, bytes: u64) -> Result<Self> {
        let shared = core.shared.as_ref().ok_or_else(|| core.closed_error())?;
        Ok(Self {
            core,
            shared,
            epoch: core.catalog.current().epoch,
            base,
            relief: shared.reserve.covers(bytes),
            segments: Vec::new(),
            moved: Vec::new(),
            streams: BTreeSet::new(),
            current: None,
            pending: Vec::new(),
            pending_bytes: 0,
        })
    }

    /// Adds an entry; `moved` says which one of the index it is a copy of.
    pub(crate) fn add(&mut self, draft: Draft, moved: Option<MovedEntry>) -> Result<()> {
        self.pending_bytes += draft.bytes_max(self.core.identity.alignment.bytes());
        self.pending.push((draft, moved));
        if self.pending_bytes >= FRAME_BYTES { self.write_frame() } else { Ok(()) }
    }

    /// Writes and seals what is left.
    pub(crate) fn finish(&mut self) -> Result<()> {
        if !self.pending.is_empty() {
            self.write_frame()?;
        }
        self.seal()
    }

    /// Removes every file that was written.
    pub(crate) fn discard(&self) {
        let disk = &self.core.environment.disk;
        if let Some(current) = &self.current {
            discard(disk, &self.path(&current.new.record));
        }
        for (_, segment) in &self.segments {
            discard(disk, &segment.path);
        }
    }

    fn path(&self, record: &SegmentRecord) -> std::path::PathBuf {
        self.core.dir.join(names::segment(record.id, record.kind))
    }

    fn write_frame(&mut self) -> Result<()> {
        let needed = frame::LENGTH + self.pending_bytes;
        if self.current.as_ref().is_some_and(|current| current.end + needed > current.new.map.length()) {
            self.seal()?;
        }
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.begin(needed)?,
        };
        let alignment = self.core.identity.alignment.bytes();
        let mut frames = FrameWriter::new(current.new.record.nonce, alignment, current.end);
        current.frame = current.frame.next();
        let header = FrameHeader {
            kind: FrameKind::Moved,
            entries: 0,
            number: current.frame,
            sequence: Sequence(0),
            time: self.core.time.now(),
            mark: FrameNumber(0),
            body_length: 0,
            epoch: self.epoch,
        };
        let (drafts, moved): (Vec<Draft>, Vec<Option<MovedEntry>>) =
            std::mem::take(&mut self.pending).into_iter().unzip();
        self.pending_bytes = 0;
        let mut places = Vec::with_capacity(drafts.len());
        frames.frame(header, drafts.iter().map(Draft::entry), |standing| places.push(standing));
        let written = frames.write_to(&*current.new.file);
        for ((draft, moved), place) in drafts.iter().zip(moved).zip(places) {
            if let DraftValue::External { segment, .. } = draft.value {
                current.streams.insert(segment);
            }
            if let Some(entry) = &draft.moved {
                current.last_sequence = current.last_sequence.max(entry.sequence);
            }
            if let Some(mut entry) = moved {
                entry.to = (current.new.record.id, place.start);
                entry.bytes = place.end - place.start;
                self.moved.push(entry);
            }
        }
        current.end = frames.position();
        let path = self.path(&current.new.record);
        self.current = Some(current);
        written.map_err(|e| Error::io("write to", &path, &e))
    }

    fn begin(&self, bytes: u64) -> Result<Current> {
        let id = self.shared.take_segment_id();
        let (kind, base, first_frame) = (SegmentKind::Compacted, self.base, FrameNumber(1));
        let make = |room: Room| {
            let (length, least) = segment_lengths(bytes, room.segment_bytes);
            let plan = SegmentPlan { kind, id, base, first_frame, length, least };
            create_segment(&self.core.environment, &self.core.dir, self.core.identity.store_id, &plan)
                .map_err(Failure::Refused)
        };
        let reserve = &self.shared.reserve;
        let made = if self.relief { reserve.relieve(make) } else { make(reserve.ordinary()) };
        let new = made.map_err(Failure::into_error)?;
        Ok(Current {
            new,
            end: segment_header::LENGTH,
            frame: FrameNumber(0),
            last_sequence: Sequence(0),
            streams: BTreeSet::new(),
        })
    }

    /// Makes the current segment complete and durable.
    fn seal(&mut self) -> Result<()> {
        let Some(current) = &self.current else { return Ok(()) };
        let path = self.path(&current.new.record);
        let io = |e| Error::io("sync", &path, &e);
        current.new.file.set_length(current.end).map_err(io)?;
        current.new.file.sync_whole().map_err(io)?;
        let Some(current) = self.current.take() else {
            return Err(Error::new(ErrorKind::Io, "no segment to seal"));
        };
        let sealed =
            Sealed { length: current.end, last_frame: current.frame, last_sequence: current.last_sequence };
        let record = SegmentRecord { sealed: Some(sealed), ..current.new.record };
        let segment = Segment::mapped(&self.core.dir, &record, current.new.map);
        current.streams.iter().for_each(|&stream| segment.refer(stream));
        self.base = segment.log_offset(current.end);
        self.streams.extend(current.streams);
        self.segments.push((record, Arc::new(segment)));
        Ok(())
    }
}
