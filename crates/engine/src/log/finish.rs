//! The end of a log that is closed in order: so that the next open knows where it is and that all of it is durable.

use super::failure::Failure;
use super::writer::{LogWriter, Purpose};
use crate::error::Error;
use crate::format::catalog::Catalog;
use crate::format::frame::{self, FrameKind};
use crate::numbers::{FrameNumber, Sequence, Timestamp};
use crate::planted::{Bug, planted};

impl LogWriter {
    /// Appends a mark frame, which records the time and how far the log is durable.
    pub(crate) fn append_mark(&mut self, time: Timestamp) -> Result<(), Failure> {
        self.reserve(frame::LENGTH, Purpose::Relief)?;
        let mut frames = self.begin();
        let header = self.next_header(FrameKind::Mark, Sequence(0), time);
        frames.plain_frame(header, &[]);
        self.write(frames)
    }

    /// Makes everything durable, marks it, cuts the unwritten tail, and notes in the catalog where the log ends. Nothing may be
    /// appended after that.
    pub(crate) fn finish(&mut self, now: impl Fn() -> Timestamp) -> Result<(), Failure> {
        self.sync()?;
        if !planted(Bug::LostMark) {
            match self.append_mark(now()) {
                Ok(()) => self.sync()?,
                // A full disk must not keep a store from being closed in order: the catalog says what the mark would.
                Err(Failure::Refused(_)) => {}
                Err(fatal) => return Err(fatal),
            }
        }
        let end = self.active.tail;
        let path = &self.active.segment.path;
        let cut = |e| Failure::Fatal(Error::io("cut the unwritten end of", path, &e));
        self.active.file.set_length(end).map_err(cut)?;
        self.active.file.sync_whole().map_err(cut)?;
        let closed = |catalog: &mut Catalog| {
            self.stamp(catalog);
            catalog.time = catalog.time.max(now());
            if planted(Bug::LostMark) {
                catalog.mark = FrameNumber(0);
            }
            catalog.closed = true;
            catalog.active_end = end;
        };
        self.shared.reserve.relieve(|_| self.shared.catalog.update(closed))
    }
}
