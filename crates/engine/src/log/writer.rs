//! The end of the log: the active segment, frames appended to it, and the roll to the next one.
//!
//! Owned by whoever holds the commit leadership. Invariants: a segment is in both catalog copies before a frame is
//! written into it; it is sealed only after its sync; `durable` never covers a frame that was not synced.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::catalog_file::CatalogFile;
use super::create::{NewSegment, SegmentPlan, create_segment, discard, segment_lengths};
use super::failure::Failure;
use super::frame_writer::{Buffers, FrameWriter};
use super::recovery::LogState;
use super::reserve::{Reserve, Room};
use super::segment::Segment;
use super::segment_table::SegmentTable;
use crate::error::Error;
use crate::format::catalog::{Catalog, Sealed};
use crate::format::frame::{FrameHeader, FrameKind};
use crate::format::identity::Identity;
use crate::format::segment_header::{self, SegmentKind};
use crate::numbers::{FrameNumber, LogOffset, SegmentId, Sequence, Timestamp};
use crate::planted::{Bug, planted};
use crate::seams::{Environment, File};

/// File lengths are multiples of this.
pub(crate) const PAGE_BYTES: u64 = 4096;

/// What a writer shares with the rest of the store.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) environment: Environment,
    pub(crate) dir: PathBuf,
    pub(crate) identity: Identity,
    pub(crate) segment_bytes: u64,
    pub(crate) catalog: Arc<CatalogFile>,
    pub(crate) segments: Arc<SegmentTable>,
    pub(crate) next_segment: Arc<AtomicU64>,
    pub(crate) reserve: Arc<Reserve>,
}

impl Shared {
    /// A segment id that no file has had.
    pub(crate) fn take_segment_id(&self) -> SegmentId {
        SegmentId(self.next_segment.fetch_add(1, Ordering::Relaxed))
    }
}

/// The segment that frames go to.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) segment: Arc<Segment>,
    pub(crate) file: Box<dyn File>,
    /// Length of the file, reserved.
    pub(crate) capacity: u64,
    /// Where the next frame goes.
    pub(crate) tail: u64,
    /// It was made of the reserve: only work that makes room may fill it.
    pub(crate) reserved: bool,
}

/// What frames are for, which decides how much of the reserve of disk is theirs; in the order of what they may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Anything that makes the store bigger.
    Ordinary,
    /// Deletes, which take room themselves before compaction gives back what they free.
    Delete,
    /// Making room, or what it takes to open or close the store.
    Relief,
}

/// Appends frames.
#[derive(Debug)]
pub(crate) struct LogWriter {
    pub(crate) shared: Shared,
    pub(crate) active: Active,
    pub(crate) epoch: u32,
    /// The last frame given a number, the last commit, the greatest time, the durable frame, the floor.
    pub(crate) state: LogState,
    /// The highest mark in a frame that was written.
    pub(crate) written_mark: FrameNumber,
    /// Syncs so far, for the statistics.
    pub(crate) syncs: u64,
    /// Memory for the next group.
    pub(crate) buffers: Buffers,
}

impl LogWriter {
    /// Makes room for `bytes` in the active segment, rolling to a new one if it has too little.
    pub(crate) fn reserve(&mut self, bytes: u64, purpose: Purpose) -> Result<(), Failure> {
        let free = !self.active.reserved || purpose > Purpose::Ordinary;
        if free && self.active.tail + bytes <= self.active.capacity {
            return Ok(());
        }
        self.roll(bytes, purpose)
    }

    /// The header of the next frame, whose number is taken with this call.
    pub(crate) fn next_header(
        &mut self,
        kind: FrameKind,
        sequence: Sequence,
        time: Timestamp,
    ) -> FrameHeader {
        self.state.last_frame = self.state.last_frame.next();
        self.state.time = self.state.time.max(time);
        self.state.last_sequence = self.state.last_sequence.max(sequence);
        self.written_mark = self.state.mark;
        FrameHeader {
            kind,
            entries: 0,
            number: self.state.last_frame,
            sequence,
            time: self.state.time,
            mark: self.state.mark,
            body_length: 0,
            epoch: self.epoch,
            keeps_lineages: false,
        }
    }

    /// An empty group at the end of the log.
    pub(crate) fn begin<'a>(&mut self) -> FrameWriter<'a> {
        let alignment = self.shared.identity.alignment.bytes();
        let buffers = std::mem::take(&mut self.buffers);
        FrameWriter::within(buffers, self.active.segment.nonce, alignment, self.active.tail)
    }

    /// Writes a group that [`LogWriter::begin`] began.
    pub(crate) fn write(&mut self, frames: FrameWriter<'_>) -> Result<(), Failure> {
        debug_assert!(frames.position() <= self.active.capacity, "room was reserved for the group");
        frames
            .write_to(&*self.active.file)
            .map_err(|e| Failure::Fatal(Error::io("write to", &self.active.segment.path, &e)))?;
        self.active.tail = frames.position();
        self.buffers = frames.into_buffers();
        self.active.segment.raise_last_sequence(self.state.last_sequence.0);
        Ok(())
    }

    /// Makes every frame so far durable.
    pub(crate) fn sync(&mut self) -> Result<(), Failure> {
        if self.state.mark == self.state.last_frame {
            return Ok(());
        }
        self.syncs += 1;
        if !planted(Bug::AckBeforeSync) {
            self.active
                .file
                .sync_whole()
                .map_err(|e| Failure::Fatal(Error::io("sync", &self.active.segment.path, &e)))?;
        }
        self.state.mark = self.state.last_frame;
        Ok(())
    }

    /// The end of the log.
    pub(crate) fn tail(&self) -> LogOffset {
        self.active.segment.log_offset(self.active.tail)
    }

    /// Writes into a catalog where the log stands.
    pub(crate) fn stamp(&self, catalog: &mut Catalog) {
        catalog.epoch = self.epoch;
        catalog.closed = false;
        catalog.last_frame = self.state.last_frame;
        catalog.last_sequence = self.state.last_sequence;
        // Compaction records the time there without a frame.
        catalog.time = catalog.time.max(self.state.time);
        catalog.mark = self.state.mark;
        catalog.active_end = 0;
        catalog.floor = catalog.floor.max(self.state.floor);
        catalog.next_segment = SegmentId(self.shared.next_segment.load(Ordering::Relaxed));
    }

    /// Seals the active segment and goes on in a new one with room for `bytes`.
    pub(crate) fn roll(&mut self, bytes: u64, purpose: Purpose) -> Result<(), Failure> {
        let reserve = Arc::clone(&self.shared.reserve);
        match purpose {
            Purpose::Relief => reserve.relieve(|room| self.roll_within(room, bytes)),
            Purpose::Delete => reserve.relieve_deletes(|room| self.roll_within(room, bytes)),
            Purpose::Ordinary => {
                // What was given up comes back before more of the disk is used.
                reserve.hold();
                self.roll_within(reserve.ordinary(), bytes)
            }
        }
    }

    fn roll_within(&mut self, room: Room, bytes: u64) -> Result<(), Failure> {
        let base = LogOffset(self.active.segment.base.0 + self.active.tail);
        let new = new_log_segment(&self.shared, base, self.state.last_frame.next(), bytes, room)?;
        if !planted(Bug::RollWithoutSync) && !planted(Bug::SealedBeforeSynced) {
            self.sync()?;
        }
        let sealed = self.sealed();
        let old = self.active.segment.id;
        let listed = self.shared.catalog.update(|catalog| {
            self.stamp(catalog);
            if let Some(record) = catalog.record_mut(old) {
                record.sealed = Some(sealed);
            }
            catalog.add(new.record.clone());
        });
        if let Err(failure) = listed {
            if matches!(failure, Failure::Refused(_)) {
                discard(&self.shared.environment.disk, &self.shared.dir.join(segment_name(&new)));
            }
            return Err(failure);
        }
        if planted(Bug::SealedBeforeSynced) {
            self.sync()?;
        }
        let cut = self.active.file.set_length(self.active.tail);
        self.active.segment.set_end(self.active.tail);
        self.active = activate(&self.shared, new, room);
        cut.map_err(|e| Failure::Fatal(Error::io("cut the unwritten end of", &self.shared.dir, &e)))
    }

    /// What the catalog says of the active segment when it is sealed as it is now.
    pub(crate) fn sealed(&self) -> Sealed {
        Sealed {
            length: self.active.tail,
            last_frame: self.state.last_frame,
            last_sequence: Sequence(self.active.segment.last_sequence()),
        }
    }
}

fn segment_name(new: &NewSegment) -> String {
    crate::format::names::segment(new.record.id, new.record.kind)
}

/// Makes the file of a log segment with room for `bytes` and more; the catalog does not know it yet.
pub(crate) fn new_log_segment(
    shared: &Shared,
    base: LogOffset,
    first_frame: FrameNumber,
    bytes: u64,
    room: Room,
) -> Result<NewSegment, Failure> {
    let id = shared.take_segment_id();
    let (length, least) = segment_lengths(bytes, room.segment_bytes);
    let plan = SegmentPlan { kind: SegmentKind::Log, id, base, first_frame, length, least };
    create_segment(&shared.environment, &shared.dir, shared.identity.store_id, &plan)
        .map_err(Failure::Refused)
}

/// Puts a new log segment into the table and makes it the active one.
pub(crate) fn activate(shared: &Shared, new: NewSegment, room: Room) -> Active {
    let capacity = new.map.length();
    let segment = Arc::new(Segment::mapped(&shared.dir, &new.record, new.map));
    segment.read_here_and_there();
    shared.segments.change([Arc::clone(&segment)], &[]);
    Active { segment, file: new.file, capacity, tail: segment_header::LENGTH, reserved: room.reserved }
}
