//! The moment of a backup: what the catalog would say if the store ended now.
//!
//! Invariant: every frame before the end that is written down was accepted, and is durable in the store unless that is open for
//! reading only; then the copy is where it becomes durable.

use crate::error::{Error, ErrorKind, Result};
use crate::format::catalog::{Catalog, Sealed};
use crate::format::segment_header::{self, SegmentKind};
use crate::log::scan::Frames;
use crate::log::segment::Segment;
use crate::numbers::{FrameNumber, SegmentId, Sequence};
use crate::store::core::Core;

/// A moment of a store.
#[derive(Debug)]
pub(super) struct Moment {
    /// What its catalog would say, every segment sealed.
    pub(super) catalog: Catalog,
    /// The segment that is not sealed in truth: frames will be written behind what the moment knows of it.
    pub(super) active: Option<SegmentId>,
}

impl Core {
    /// This moment, in which `note` is called. Whoever asks holds `compacting`, so that the files stay.
    pub(super) fn moment(&self, note: impl FnOnce()) -> Result<Moment> {
        let mut moment = if self.read_only {
            // Nothing is written meanwhile.
            let moment = self.moment_of_reader()?;
            note();
            moment
        } else {
            self.moment_of_writer(note)?
        };
        let catalog = &mut moment.catalog;
        catalog.closed = true;
        catalog.active_end = 0;
        Ok(moment)
    }

    fn moment_of_writer(&self, note: impl FnOnce()) -> Result<Moment> {
        self.at_log_end(|writer| {
            writer.sync()?;
            note();
            let mut catalog = self.catalog.current().clone();
            writer.stamp(&mut catalog);
            // Now, before commits that are none of this moment move it on, and past its end.
            catalog.floor = catalog.floor.max(self.batches.oldest_or_next());
            let active = &writer.active;
            let sealed = Sealed {
                length: active.tail,
                last_frame: writer.state.last_frame,
                last_sequence: Sequence(active.segment.last_sequence()),
            };
            if let Some(record) = catalog.record_mut(active.segment.id) {
                record.sealed = Some(sealed);
            }
            Ok(Moment { catalog, active: Some(active.segment.id) })
        })
    }

    fn moment_of_reader(&self) -> Result<Moment> {
        self.check_open()?;
        if !self.skipped.is_empty() {
            let text = format!(
                "{} is damaged and was opened as far as it can be read; a backup would hide that. Repair it into a new \
                 store first",
                self.dir.display()
            );
            return Err(Error::new(ErrorKind::Damaged, text));
        }
        let mut catalog = self.catalog.current().clone();
        let record = catalog.segments.iter_mut().find(|record| record.sealed.is_none());
        let active = record.as_ref().map(|record| record.id);
        if let Some(record) = record {
            let segment = self.segments.get(record.id).ok_or_else(|| self.closed_error())?;
            let last = self.last_frame_of(&segment, FrameNumber(record.first_frame.0 - 1))?;
            let last_sequence = Sequence(segment.last_sequence());
            record.sealed = Some(Sealed { length: segment.end(), last_frame: last, last_sequence });
            catalog.last_frame = last;
            catalog.mark = last;
        }
        catalog.floor = catalog.floor.max(self.batches.oldest_or_next());
        catalog.last_sequence = self.published.sequence();
        catalog.time = catalog.time.max(self.time.now());
        Ok(Moment { catalog, active })
    }

    /// The number of the last frame of a segment, `before` if there is none.
    fn last_frame_of(&self, segment: &Segment, before: FrameNumber) -> Result<FrameNumber> {
        debug_assert_eq!(segment.kind, SegmentKind::Log, "the active segment is one of the log");
        let map = segment.map()?;
        let (end, alignment) = (segment.end(), self.identity.alignment.bytes());
        let mut frames = Frames::up_to(segment, &map, alignment, end);
        let (mut last, mut offset) = (before, segment_header::LENGTH);
        while offset < end {
            let header = frames.header(offset).map_err(|e| Error::io("read", &segment.path, &e))?;
            let (header, _) = header.ok_or_else(|| {
                Error::damaged(
                    &segment.path,
                    offset,
                    "a frame that was read when the store was opened cannot be read",
                )
            })?;
            last = header.number;
            offset += header.frame_length();
        }
        Ok(last)
    }
}
