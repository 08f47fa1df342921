//! An open record log: what a call does to it, and how a group of calls is worked off.
//!
//! Invariants: callbacks are called in the order of the calls, after the sync that covers them and everything before; the first
//! failure is for ever, and every callback from then on hears of it. Nothing is tried again: what a failed sync left on the disk is not
//! known.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;

use super::done::Done;
use super::index::Index;
use super::op::{Op, SMALL_COUNT_MAX, What, check_purge, check_records, check_small};
use super::queue::Queue;
use super::scribe::{News, Scribe};
use crate::error::{Error, ErrorKind, Result};
use crate::log::failure::Failure;
use crate::log::segment_table::SegmentTable;
use crate::numbers::Timestamp;
use crate::seams::lock::{Mutex, OnceLock};
use crate::seams::{Environment, Lock};

/// See the module.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) environment: Environment,
    pub(super) dir: PathBuf,
    pub(super) alignment: u64,
    pub(super) recent_bytes: u64,
    pub(super) segments: Arc<SegmentTable>,
    pub(super) queue: Queue<Index, Op>,
    pub(super) scribe: Mutex<Option<Scribe>>,
    pub(super) poisoned: Arc<OnceLock<Error>>,
    pub(super) lock: Mutex<Option<Box<dyn Lock>>>,
}

impl Core {
    pub(super) fn append(&self, first: u64, records: Vec<Bytes>, done: Done) -> Result<()> {
        let lengths = check_records(first, &records);
        self.ask(Some(done), false, |index, ops| {
            lengths?;
            index.check_next(first)?;
            if first > index.next {
                // What is before the first record of all counts as purged, so that a missing beginning shows.
                index.purge(first);
                ops.push(Op { what: What::Purge { floor: first }, done: None, lazy: true });
            }
            index.append(&records);
            Ok(Some(What::Append { first, records }))
        })
    }

    pub(super) fn flush(&self, done: Done) -> Result<()> {
        self.ask(Some(done), false, |index, _| {
            Ok(Some(What::Append { first: index.next, records: Vec::new() }))
        })
    }

    pub(super) fn truncate_after(&self, last: Option<u64>) -> Result<()> {
        self.ask(None, false, |index, _| {
            let first = last.map_or(index.floor, |last| last.saturating_add(1));
            if first < index.floor {
                let text =
                    format!("record {} cannot be truncated: those before {} are purged", first, index.floor);
                return Err(Error::new(ErrorKind::InvalidInput, text));
            }
            if first >= index.next {
                return Ok(None);
            }
            index.truncate(first);
            Ok(Some(What::Truncate { first }))
        })
    }

    pub(super) fn purge(&self, through: u64) -> Result<()> {
        self.ask(None, false, |index, _| {
            let floor = through.saturating_add(1);
            if floor <= index.floor {
                return Ok(None);
            }
            check_purge(through)?;
            index.purge(floor);
            Ok(Some(What::Purge { floor }))
        })
    }

    pub(super) fn put_small(&self, key: Bytes, value: Bytes, done: Option<Done>) -> Result<()> {
        let lengths = check_small(&key, &value);
        let lazy = done.is_none();
        self.ask(done, lazy, |index, _| {
            lengths?;
            if index.small.len() >= SMALL_COUNT_MAX && !index.small.contains_key(&key) {
                let text = format!("a record log has at most {SMALL_COUNT_MAX} small records");
                return Err(Error::new(ErrorKind::LimitExceeded, text));
            }
            index.small.insert(key.clone(), value.clone());
            Ok(Some(What::Small { key, value }))
        })
    }

    /// Puts a call into the queue, if `decide` says that there is something to be done.
    fn ask(
        &self,
        done: Option<Done>,
        lazy: bool,
        decide: impl FnOnce(&mut Index, &mut Vec<Op>) -> Result<Option<What>>,
    ) -> Result<()> {
        let refused = self.queue.submit(!lazy, |index, ops| {
            let decided = index.check().and_then(|()| decide(index, ops));
            match decided {
                Ok(Some(what)) => {
                    ops.push(Op { what, done, lazy });
                    None
                }
                Ok(None) => None,
                Err(error) => Some((error, done)),
            }
        });
        if let Some((error, done)) = refused {
            if let Some(done) = done {
                done.call(Err(error.clone()))?;
            }
            return Err(error);
        }
        if !self.environment.background {
            self.queue.work_here(|ops| self.work(ops));
        }
        Ok(())
    }

    /// Works off a group: writes, syncs, tells, and gives back what the group made superfluous.
    pub(super) fn work(&self, ops: Vec<Op>) {
        let written = catch_unwind(AssertUnwindSafe(|| self.write(&ops)));
        let result = match written {
            Ok(result) => result.map_err(|error| self.poison(&error)),
            Err(panic) => {
                self.poison_by_panic();
                drop(ops);
                resume_unwind(panic);
            }
        };
        let purges = ops.iter().any(|op| matches!(op.what, What::Purge { .. }) && !op.lazy);
        let is_written = result.is_ok();
        for op in ops {
            let Some(done) = op.done else { continue };
            if let Err(error) = done.call(result.clone()) {
                self.poison(&error);
            }
        }
        if !(purges && is_written) {
            return;
        }
        // Nobody who waits for a record waits for this.
        match catch_unwind(AssertUnwindSafe(|| self.cut())) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => drop(self.poison(&error)),
            Err(panic) => {
                self.poison_by_panic();
                resume_unwind(panic);
            }
        }
    }

    fn poison_by_panic(&self) {
        self.poison(&Error::new(ErrorKind::Poisoned, "writing to the record log panicked"));
    }

    fn write(&self, ops: &[Op]) -> Result<()> {
        let mut guard = self.scribe.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(scribe) = guard.as_mut() else {
            return Err(Error::new(ErrorKind::Closed, format!("{} was closed", self.dir.display())));
        };
        if let Some(cause) = self.poisoned.get() {
            return Err(cause.clone());
        }
        scribe.write(ops, &mut |news| self.tell(news)).map_err(Failure::into_error)?;
        if ops.iter().any(|op| !op.lazy) {
            scribe.writer.sync().map_err(Failure::into_error)?;
        }
        Ok(())
    }

    /// Gives back segments, unless a callback has closed the log, or ended it.
    fn cut(&self) -> Result<()> {
        let mut guard = self.scribe.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(scribe) = guard.as_mut().filter(|_| self.poisoned.get().is_none()) else { return Ok(()) };
        scribe.cut().map_err(Failure::into_error)
    }

    fn tell(&self, news: Vec<News>) {
        self.queue.with(|index| {
            for news in news {
                match news {
                    News::Placed { first, addresses } => index.place(first, &addresses),
                    News::Truncated => index.truncated(),
                }
            }
            index.keep_recent(self.recent_bytes);
        });
    }

    /// Takes nothing any more because of `error`; returns what callers are told.
    fn poison(&self, error: &Error) -> Error {
        let cause = self.poisoned.get_or_init(|| error.clone());
        let text = format!(
            "{} takes no more records after a failure ({cause}); open it again to find out what reached the disk",
            self.dir.display()
        );
        let later = Error::new(ErrorKind::Poisoned, text);
        self.queue.with(|index| index.refuse(&later));
        error.clone()
    }

    /// What the log's own thread does until the log is closed.
    pub(super) fn serve(&self) {
        let served =
            catch_unwind(AssertUnwindSafe(|| self.queue.serve(|ops| self.work(ops), || self.idle())));
        if let Err(panic) = served {
            // The poison was set where it panicked; what has come in between hears of it.
            self.poison(&Error::new(ErrorKind::Poisoned, "the thread of the record log panicked"));
            drop(self.queue.abandon());
            resume_unwind(panic);
        }
    }

    fn idle(&self) {
        let mut guard = self.scribe.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(scribe) = guard.as_mut().filter(|_| self.poisoned.get().is_none()) else { return };
        match scribe.mark_if_due() {
            // A full disk: the next frame will say what this mark would have.
            Ok(()) | Err(Failure::Refused(_)) => {}
            Err(fatal) => {
                self.poison(&fatal.into_error());
            }
        }
    }

    /// Refuses what comes from now on.
    pub(super) fn stop_taking(&self) {
        let text = format!("{} was closed", self.dir.display());
        self.queue.with(|index| index.refuse(&Error::new(ErrorKind::Closed, text)));
    }

    /// Records the end of the log and gives the lock back; what waited has been worked off. Once; later calls are `Ok`.
    pub(super) fn finish(&self) -> Result<()> {
        let mut guard = self.scribe.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut scribe) = guard.take() else { return Ok(()) };
        let result = match self.poisoned.get() {
            // What is on the disk is not known: the next open finds out, and must not be told that all is well.
            Some(cause) => Err(Error::new(cause.kind(), format!("closed after a failure: {cause}"))),
            None => {
                let clock = Arc::clone(&scribe.clock);
                scribe.writer.finish(|| Timestamp(clock.wall_ns())).map_err(Failure::into_error)
            }
        };
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        result
    }
}
