//! Writing checkpoints of the indexes, so that an open reads only what was written since.
//!
//! Invariants: a checkpoint is of a moment between two groups of commits; it gets its name only when it is durable itself and
//! every frame that it covers is; the one before it goes only then. It is taken while nothing is compacted, because the
//! positions in it are those of the segments of that moment. Whatever fails on the way leaves the store as it was, and is
//! told by [`Stats`](super::Stats).
//!
//! Lock order: `compacting` is held for all of it, the leadership of the commits for the moment alone.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::compact::Limit;
use super::core::Core;
use super::handle::Store;
use crate::commit::job::Job;
use crate::error::{Error, ErrorKind, Result};
use crate::format::checkpoint::{CoveredSegment, Head, SectionKind};
use crate::format::segment_header::SegmentKind;
use crate::index::IndexImage;
use crate::log::checkpoint_file::{self, CheckpointFile};
use crate::log::checkpoint_writer::{CheckpointWriter, discard_unfinished};
use crate::log::segment::Segment;
use crate::log::segment_table::SegmentTable;
use crate::log::writer::LogWriter;
use crate::numbers::LogOffset;
use crate::planted::{Bug, planted};
use crate::seams::lock::{Mutex, MutexGuard};

/// At close, after a compaction and in an idle store one is written when an open would have to read one in so many of the bytes after which one is
/// written anyway.
const WORTH: u64 = 256;

/// What an open store knows of its checkpoints.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The one that the next open would find.
    current: Option<Current>,
    /// The one that was written or found last.
    last: Option<Current>,
    failure: Option<Error>,
}

#[derive(Clone, Copy, Debug)]
struct Current {
    /// Bytes of the file.
    bytes: u64,
    /// The end of the log that it covers.
    tail: LogOffset,
}

/// What the store was at one moment.
struct Frozen {
    head: Head,
    image: IndexImage,
    /// The segments, with how many starts of frames each had.
    segments: Vec<(CoveredSegment, Arc<Segment>)>,
    tail: LogOffset,
}

impl Checkpoints {
    /// What an open found, and why something could not be read.
    pub(super) fn new(
        found: Option<&CheckpointFile>,
        unread: Option<Error>,
        segments: &SegmentTable,
    ) -> Self {
        let current = found.and_then(|file| {
            let (segment, offset) = file.head.end;
            Some(Current { bytes: file.length(), tail: segments.get(segment)?.log_offset(offset) })
        });
        Self { state: Mutex::new(State { current, last: current, failure: unread }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of the current one, and the end of the log that it covers; `None` when an open would find none.
    pub(super) fn current(&self) -> Option<(u64, LogOffset)> {
        self.state().current.map(|current| (current.bytes, current.tail))
    }

    /// How long the last one was, whether or not it is of use still, and the end of the log that it covered.
    fn last_written(&self) -> (u64, LogOffset) {
        self.state().last.map_or((0, LogOffset(0)), |last| (last.bytes, last.tail))
    }

    /// Why the last attempt failed, if it did.
    pub(super) fn failure(&self) -> Option<String> {
        self.state().failure.as_ref().map(ToString::to_string)
    }
}

impl Store {
    /// Writes a checkpoint of the indexes now, so that the next open reads only what is written from now on. The store does so
    /// by itself, as [`Options::checkpoint_bytes`](crate::Options::checkpoint_bytes) says. Reads and writes go on meanwhile.
    ///
    /// # Errors
    ///
    /// When the disk is full or fails; the store, and the checkpoint before, are then as they were.
    pub fn checkpoint(&self) -> Result<()> {
        let core = self.core();
        core.poison_on_panic("writing a checkpoint", || core.checkpoint())
    }
}

impl Core {
    /// Bytes of the log that an open would have to read.
    pub(crate) fn uncovered_bytes(&self, tail: LogOffset) -> u64 {
        match self.checkpoints.current() {
            Some((_, covered)) => tail.0.saturating_sub(covered.0),
            None => {
                let framed = |segment: &Arc<Segment>| segment.kind != SegmentKind::Stream;
                self.segments
                    .all()
                    .iter()
                    .filter(|segment| framed(segment))
                    .map(|segment| segment.end())
                    .sum()
            }
        }
    }

    /// Whether the log has grown, since the last one was written, by as much as the option says, or as that one is long, so that
    /// writing them costs no more than writing the log. In an idle store one is due when it is worth it.
    pub(crate) fn checkpoint_is_due(&self, limit: Limit) -> bool {
        let tail = self.published.tail();
        let (bytes, written) = self.checkpoints.last_written();
        let wanted = self.options.checkpoint_bytes;
        let has_grown = tail.0.saturating_sub(written.0) >= wanted.max(bytes).max(1);
        let is_void = self.checkpoints.current().is_none();
        wanted < u64::MAX
            && (has_grown || (limit == Limit::Idle && is_void))
            && self.checkpoint_is_wanted(tail)
    }

    /// Whether one is worth the writing when it comes cheaply.
    fn checkpoint_is_wanted(&self, tail: LogOffset) -> bool {
        let wanted = self.options.checkpoint_bytes;
        wanted < u64::MAX && self.uncovered_bytes(tail) >= (wanted / WORTH).max(1)
    }

    /// Writes a checkpoint of what is published now.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        let _compacting = self.compacting.lock().unwrap_or_else(PoisonError::into_inner);
        self.checkpoint_excluded()
    }

    /// The same for whoever keeps compactions out.
    pub(super) fn checkpoint_excluded(&self) -> Result<()> {
        self.check_writable()?;
        let frozen = self.at_log_end(|writer| Ok(self.freeze(writer)))?;
        let durable = || {
            if !planted(Bug::CheckpointAboveMark) {
                self.run(Job::Sync)?;
            }
            Ok(())
        };
        self.note_checkpoint(frozen, true, durable)
    }

    /// Writes a checkpoint at the end of a store that is being closed, if it is worth it; all of the log is durable.
    pub(super) fn checkpoint_at_close(&self, writer: &LogWriter) {
        if self.checkpoint_is_wanted(writer.tail()) {
            // A store is closed in order without it; the failure is in the statistics.
            drop(self.note_checkpoint(self.freeze(writer), false, || Ok(())));
        }
    }

    /// Notes that a compaction has removed segments, so that no open will use the checkpoint that there is.
    pub(super) fn void_checkpoint(&self) {
        self.checkpoints.state().current = None;
        // Its bytes are of no use, and the disk may be full. What cannot be removed now is removed with the next one.
        if let Err(error) = self.remove_checkpoints(None) {
            self.checkpoints.state().failure = Some(error);
        }
    }

    /// Writes a new one after a compaction that was asked for, if it is worth it. What fails is in the statistics.
    pub(super) fn checkpoint_after_compaction(&self) {
        if self.checkpoints.current().is_none() && self.checkpoint_is_wanted(self.published.tail()) {
            drop(self.checkpoint_excluded());
        }
    }

    /// The store as it is between two groups.
    fn freeze(&self, writer: &LogWriter) -> Frozen {
        let image = self.index.freeze();
        let mut segments = self.segments.all();
        segments.retain(|segment| segment.kind != SegmentKind::Stream);
        let covered = |segment: Arc<Segment>| {
            let is_active = segment.id == writer.active.segment.id;
            let slot = usize::try_from(segment.slot()).expect("20 bits");
            let waiting = image.waiting_bytes.get(&slot).copied().unwrap_or(0);
            let covered = CoveredSegment {
                id: segment.id,
                nonce: segment.nonce,
                slot: segment.slot(),
                end: if is_active { writer.active.tail } else { segment.end() },
                live_bytes: segment.live_bytes().saturating_sub(waiting),
                hiding_bytes: segment.hiding_bytes(),
                last_sequence: segment.last_sequence(),
                starts: u32::try_from(segment.frame_starts().all().len()).expect("one in 4 KiB"),
                streams: segment.streams().into_iter().collect(),
            };
            (covered, segment)
        };
        let state = writer.state;
        let head = Head {
            generation: self.catalog.current().generation,
            frame: state.last_frame,
            sequence: state.last_sequence,
            time: state.time,
            epoch: writer.epoch,
            floor: state.floor,
            end: (writer.active.segment.id, writer.active.tail),
            mark: state.last_frame,
            slots: image.slots(),
            live: image.live,
            next_slot: self.segments.next_slot(),
            ..Head::new(self.identity.store_id, writer.shared.take_segment_id())
        };
        let segments = segments.into_iter().map(covered).collect();
        Frozen { head, image, segments, tail: writer.tail() }
    }

    /// Writes what was frozen, and notes how that went. `ends_with_store`: when the store is closed it is given up.
    fn note_checkpoint(
        &self,
        frozen: Frozen,
        ends_with_store: bool,
        durable: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let written = self.write_checkpoint(&frozen, ends_with_store, durable);
        self.index.thaw();
        let mut state = self.checkpoints.state();
        match written {
            Ok(bytes) => {
                let current = Some(Current { bytes, tail: frozen.tail });
                *state = State { current, last: current, failure: None };
                Ok(())
            }
            Err(error) => {
                if error.kind() != ErrorKind::Closed {
                    state.failure = Some(error.clone());
                }
                Err(error)
            }
        }
    }

    fn write_checkpoint(
        &self,
        frozen: &Frozen,
        ends_with_store: bool,
        durable: impl FnOnce() -> Result<()>,
    ) -> Result<u64> {
        let disk = &self.environment.disk;
        let mut writer = CheckpointWriter::new(disk, &self.dir)?;
        let written = self
            .write_sections(frozen, ends_with_store, &mut writer)
            .and_then(|()| durable())
            .and_then(|()| writer.finish(frozen.head.clone()))
            .inspect_err(|_| discard_unfinished(&**disk, &self.dir))?;
        let path = writer.name(&frozen.head)?;
        self.remove_checkpoints(Some(&path))?;
        Ok(written)
    }

    fn write_sections(
        &self,
        frozen: &Frozen,
        ends_with_store: bool,
        writer: &mut CheckpointWriter,
    ) -> Result<()> {
        let go_on = || {
            let is_over = ends_with_store && self.closing.load(Ordering::Acquire);
            if is_over { Err(self.closed_error()) } else { Ok(()) }
        };
        let Frozen { image, segments, .. } = frozen;
        writer.begin(SectionKind::Slots, [0; 3]);
        for group in 0..image.groups() {
            go_on()?;
            writer.chunk(|out| self.index.take_group(group, out))?;
        }
        let runs = [
            (SectionKind::KeyRun, &image.keys),
            (SectionKind::HashRun, &image.hashes),
            (SectionKind::SystemRun, &image.system),
            (SectionKind::NamedRun, &image.named),
            (SectionKind::NamedHashRun, &image.named_hashes),
        ];
        for (kind, runs) in runs {
            for run in runs.iter() {
                let shape = run.shape();
                writer.begin(kind, [shape.records, shape.arena_bytes, shape.prefix_bytes]);
                run.write(|bytes| go_on().and_then(|()| writer.put(bytes)))?;
                writer.end_chunk()?;
            }
        }
        let pairs = |writer: &mut CheckpointWriter, kind, pairs: &mut dyn Iterator<Item = [u64; 2]>| {
            writer.begin(kind, [0; 3]);
            for [one, other] in pairs {
                writer.put(&one.to_le_bytes())?;
                writer.put(&other.to_le_bytes())?;
            }
            writer.end_chunk()
        };
        pairs(writer, SectionKind::Deadlines, &mut image.deadlines.iter().copied())?;
        if !image.named_deadlines.is_empty() {
            pairs(writer, SectionKind::NamedDeadlines, &mut image.named_deadlines.iter().copied())?;
        }
        let crowds = image.crowds.iter().flat_map(|crowded| {
            let (sequence, ordinal) = crowded.rank;
            [[crowded.hash, crowded.address.get()], [sequence.0, u64::from(ordinal)]]
        });
        pairs(writer, SectionKind::Crowds, &mut { crowds })?;
        let tombstones = image.tombstones.iter().map(|(hash, address)| [*hash, address.get()]);
        pairs(writer, SectionKind::Tombstones, &mut { tombstones })?;
        writer.begin(SectionKind::FrameStarts, [0; 3]);
        for (covered, segment) in segments {
            let count = usize::try_from(covered.starts).expect("what was counted in memory");
            for start in segment.frame_starts().all().iter().take(count) {
                writer.put(&start.to_le_bytes())?;
            }
            writer.table.segments.push(covered.clone());
        }
        writer.end_chunk()
    }

    /// Removes the checkpoints that nobody will use, all but one at most.
    pub(super) fn remove_checkpoints(&self, kept: Option<&PathBuf>) -> Result<()> {
        let disk = &*self.environment.disk;
        for (_, path) in checkpoint_file::list(disk, &self.dir)? {
            if Some(&path) != kept {
                match disk.remove_file(&path) {
                    Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                        return Err(Error::io("remove", &path, &e));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
