//! Where compaction writes to: segments of moved entries in key order.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::address::Address;
use crate::error::{Error, ErrorKind, Result};
use crate::format::UNIT;
use crate::format::catalog::{Sealed, SegmentRecord};
use crate::format::frame::{self, FrameHeader, FrameKind};
use crate::format::names;
use crate::format::segment_header::{self, SegmentKind};
use crate::log::create::{NewSegment, SegmentPlan, create_segment, discard, segment_lengths};
use crate::log::failure::Failure;
use crate::log::frame_writer::{Draft, DraftValue, FrameWriter};
use crate::log::reserve::Room;
use crate::log::segment::Segment;
use crate::log::writer::Shared;
use crate::numbers::{FrameNumber, LogOffset, SegmentId, Sequence};
use crate::store::core::Core;
use crate::store::pace::Pace;

/// Entries that go into one frame, up to so many bytes.
const FRAME_BYTES: u64 = 256 << 10;
/// Bytes that are written before they are synced.
const SYNC_BYTES: u64 = 8 << 20;

/// An entry that was copied, in 16 bytes: a compaction can move very many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MovedEntry {
    pub(crate) from: Address,
    /// The finished segment that it was copied to.
    segment: u32,
    /// Where it stands there, in units of [`UNIT`] bytes, and [`HIDES`].
    start: u32,
}

/// Where an entry comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The index holds the one that stands here.
    Held(Address),
    /// The index wants none of this key; the one that stands here stays as a tombstone because of what it hides.
    Hiding(Address),
    /// The same, and where it stood does not matter any more.
    Nowhere,
}

/// Marks an entry that the index does not want, and that stays because of what it hides.
const HIDES: u32 = 1 << 31;

impl MovedEntry {
    pub(crate) fn hides(self) -> bool {
        self.start & HIDES != 0
    }

    /// Where it stands now, once the segments of the output are in the table.
    pub(crate) fn to<'a>(self, output: &'a Output<'_>) -> (&'a Arc<Segment>, Address) {
        let segment = &output.segments[usize::try_from(self.segment).expect("it was counted in memory")].1;
        (segment, segment.address(u64::from(self.start & !HIDES) * UNIT))
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
    /// What goes into the next frame.
    pending: Vec<(Draft, Origin)>,
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
    /// Bytes of what only hides something.
    hiding_bytes: u64,
    /// The end of what has been synced.
    synced: u64,
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

    /// Adds a copy of an entry.
    pub(super) fn add(&mut self, draft: Draft, from: Origin, pace: &Pace<'_>) -> Result<()> {
        let bytes = draft.bytes_max(self.core.identity.alignment.bytes());
        self.pending_bytes += bytes;
        self.pending.push((draft, from));
        if self.pending_bytes >= FRAME_BYTES {
            self.write_frame()?;
        }
        pace.step(bytes)
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
            keeps_lineages: false,
        };
        let (drafts, from): (Vec<Draft>, Vec<Origin>) = std::mem::take(&mut self.pending).into_iter().unzip();
        let number = u32::try_from(self.segments.len()).map_err(|_| self.core.closed_error())?;
        self.pending_bytes = 0;
        let mut places = Vec::with_capacity(drafts.len());
        frames.frame(header, drafts.iter().map(Draft::entry), |standing| places.push(standing));
        let written = frames.write_to(&*current.new.file);
        for ((draft, from), place) in drafts.iter().zip(from).zip(places) {
            if let DraftValue::External { segment, .. } = draft.value {
                current.streams.insert(segment);
            }
            if let Some(entry) = draft.moved.filter(|_| draft.is_of_a_commit()) {
                current.last_sequence = current.last_sequence.max(entry.sequence);
            }
            let mark = if matches!(from, Origin::Held(_)) { 0 } else { HIDES };
            if mark != 0 {
                current.hiding_bytes += place.end - place.start;
            }
            if let Origin::Held(from) | Origin::Hiding(from) = from {
                let start = u32::try_from(place.start / UNIT).expect("an address has 28 bits for it");
                self.moved.push(MovedEntry { from, segment: number, start: start | mark });
            }
        }
        self.core.counters.compaction_wrote(frames.position() - current.end);
        current.end = frames.position();
        let path = self.path(&current.new.record);
        // A little at a time, so that the syncs of others do not wait for all of it at once.
        let synced = if current.end - current.synced >= SYNC_BYTES {
            current.synced = current.end;
            written.and_then(|()| current.new.file.sync_whole())
        } else {
            written
        };
        self.current = Some(current);
        synced.map_err(|e| Error::io("write to", &path, &e))
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
            hiding_bytes: 0,
            synced: segment_header::LENGTH,
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
        segment.count_hiding(current.hiding_bytes);
        segment.read_here_and_there();
        self.base = segment.log_offset(current.end);
        self.streams.extend(current.streams);
        self.segments.push((record, Arc::new(segment)));
        Ok(())
    }
}
