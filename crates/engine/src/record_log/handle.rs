//! The handle that users hold.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::thread::{JoinHandle, ThreadId};

use bytes::Bytes;

use super::core::Core;
use super::done::Done;
use super::options::RecordLogOptions;
use super::stats::RecordLogStats;
use crate::error::{Error, Result};
use crate::seams::lock::Mutex;

/// An open record log: numbered records, and a few small ones under keys.
///
/// Every call shows at once to whoever reads, and goes into one queue; what waits in it is written together, synced once, and then
/// the callbacks are called in the order of the calls. So when a callback hears `Ok`, its call **and every call before it** are
/// on stable storage. A callback is called exactly once, whatever happens, on the log's own thread or, where there is
/// none, before the call returns. It should be short, and it may call the log.
///
/// The first failure of a write or sync is for ever: every callback from then on hears an error, and every call is refused with
/// [`ErrorKind::Poisoned`](crate::ErrorKind::Poisoned). What is there can still be read, though it need not be on the disk. Reopening
/// finds out: it brings back an exact prefix of the calls in which no acknowledged one is missing, or it is refused. See
/// [`RecordLog::put_small_later`] for what may be missing in between.
///
/// Records are kept as they are handed over until they are written, and the newest ones longer: a part of a larger buffer keeps
/// all of it. How much waits to be written is up to who appends; [`RecordLog::flush`] says when there is room again.
///
/// Clones share the log. It is closed by [`RecordLog::close`], or when the last clone goes. Numbers are below 2^61. A log takes
/// 8 bytes of memory for each record that it holds, and [`RecordLogOptions::recent_bytes`].
///
/// ```no_run
/// let log = pentad_engine::RecordLog::open("log")?;
/// log.append(0, vec!["one".into(), "two".into()], |result| println!("on the disk: {result:?}"))?;
/// assert_eq!(log.read(0..2, u64::MAX)?.len(), 2);
/// # Ok::<(), pentad_engine::Error>(())
/// ```
#[derive(Clone)]
pub struct RecordLog {
    handle: Arc<Handle>,
}

/// What the last clone takes down with it.
struct Handle {
    core: Arc<Core>,
    thread: Mutex<Option<JoinHandle<()>>>,
    thread_id: Option<ThreadId>,
}

impl Handle {
    fn close(&self) -> Result<()> {
        self.core.stop_taking();
        self.core.queue.close();
        // A callback that closes does not wait for the thread that it is on; what waits behind it is refused.
        if self.thread_id != Some(std::thread::current().id()) {
            // Held until the thread has done its work, so that nobody else who closes finishes before that.
            let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(thread) = thread.take() {
                // A panic of the thread was reported when it happened, and its log is poisoned.
                drop(thread.join());
            }
            self.core.queue.work_here(|ops| self.core.work(ops));
        }
        self.core.finish()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Whoever wants to know whether this worked calls `close`; recovery makes up for it if it did not.
        drop(self.close());
    }
}

impl fmt::Debug for RecordLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordLog")
            .field("path", &self.path())
            .field("first", &self.first_index())
            .field("last", &self.last_index())
            .finish_non_exhaustive()
    }
}

impl RecordLog {
    pub(super) fn new(core: Arc<Core>) -> Result<Self> {
        let mut thread = None;
        if core.environment.background {
            let served = Arc::clone(&core);
            let spawned = std::thread::Builder::new()
                .name("pentad-records".to_owned())
                .spawn(move || served.serve())
                .map_err(|e| Error::io("start a thread for", &core.dir, &e))?;
            thread = Some(spawned);
        }
        let thread_id = thread.as_ref().map(|thread| thread.thread().id());
        Ok(Self { handle: Arc::new(Handle { core, thread: Mutex::new(thread), thread_id }) })
    }

    fn core(&self) -> &Core {
        &self.handle.core
    }

    /// Opens the record log at `path` with the default options, making it when nothing is there.
    ///
    /// # Errors
    ///
    /// See [`RecordLogOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        RecordLogOptions::new().open(path)
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.core().dir
    }

    /// Appends records numbered `first`, `first + 1` …; they can be read when this returns. `done` hears when they are on the disk.
    /// An empty log that was never written to takes any first number; else `first` must follow the last record, or the purge point.
    ///
    /// A power cut before that may leave the first ones of them and not the others.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) when there would be a hole, or a record would be written twice;
    /// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) for a record of more than [`RECORD_BYTES_MAX`](super::RECORD_BYTES_MAX);
    /// or a number of 2^61 or more; `Poisoned` and `Closed`. Nothing has happened then, and `done` has heard the same.
    pub fn append(
        &self,
        first: u64,
        records: Vec<Bytes>,
        done: impl FnOnce(Result<()>) + Send + 'static,
    ) -> Result<()> {
        self.core().append(first, records, Done::new(done))
    }

    /// `done` hears when every call so far is on the disk.
    ///
    /// # Errors
    ///
    /// `Poisoned` and `Closed`; `done` has heard the same.
    pub fn flush(&self, done: impl FnOnce(Result<()>) + Send + 'static) -> Result<()> {
        self.core().flush(Done::new(done))
    }

    /// Cuts off the records behind `last`, or all of them. They are gone for readers when this returns, and for ever with the
    /// next callback; until then a power cut may bring them back.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) when `last` is before the purge point; `Poisoned` and `Closed`.
    pub fn truncate_after(&self, last: Option<u64>) -> Result<()> {
        self.core().truncate_after(last)
    }

    /// Gives up the records up to `through`, which may be behind the last one: the next record is then the one after it. They are
    /// gone for readers when this returns. Their space comes back in whole segments, oldest first, behind the callbacks of what was
    /// called together with this.
    ///
    /// # Errors
    ///
    /// `LimitExceeded`, `Poisoned` and `Closed`.
    pub fn purge(&self, through: u64) -> Result<()> {
        self.core().purge(through)
    }

    /// Writes a small record under `key`, in the place of the one before; `done` hears when it is on the disk.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) for more than [`SMALL_BYTES_MAX`](super::SMALL_BYTES_MAX), a key of
    /// more than [`SMALL_KEY_BYTES_MAX`](super::SMALL_KEY_BYTES_MAX), or more than [`SMALL_COUNT_MAX`](super::SMALL_COUNT_MAX) keys;
    /// `InvalidInput` for an empty key; `Poisoned` and `Closed`. Nothing has happened then, and `done` has heard the same.
    pub fn put_small(
        &self,
        key: impl Into<Bytes>,
        value: impl Into<Bytes>,
        done: impl FnOnce(Result<()>) + Send + 'static,
    ) -> Result<()> {
        self.core().put_small(key.into(), value.into(), Some(Done::new(done)))
    }

    /// The same for what nobody waits for: it is written within 100 ms, or with the next call, and is on the disk with the
    /// next callback. Of several that are written together under one key only the last is, but what is put before a purge or a
    /// truncation is written before it.
    ///
    /// # Errors
    ///
    /// As [`RecordLog::put_small`].
    pub fn put_small_later(&self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Result<()> {
        self.core().put_small(key.into(), value.into(), None)
    }

    /// The small record under `key`.
    pub fn small(&self, key: &[u8]) -> Option<Bytes> {
        self.core().queue.with(|index| index.small.get(key).cloned())
    }

    /// The records of `range` that are there, in order and without a hole, each with its number; as many as have `max_bytes` together, but one at least.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) when a record is not what was written any more.
    pub fn read(&self, range: Range<u64>, max_bytes: u64) -> Result<Vec<(u64, Bytes)>> {
        self.core().read(&range, max_bytes)
    }

    /// The number of the first record; `None` when there is none.
    pub fn first_index(&self) -> Option<u64> {
        self.core().queue.with(|index| (index.floor < index.next).then_some(index.floor))
    }

    /// The number of the last record; `None` when there is none.
    pub fn last_index(&self) -> Option<u64> {
        self.core().queue.with(|index| (index.floor < index.next).then(|| index.next - 1))
    }

    /// The number up to which records are gone for ever; `None` when the log begins at its beginning.
    pub fn purged(&self) -> Option<u64> {
        self.core().queue.with(|index| index.floor.checked_sub(1))
    }

    /// What it takes. Waits for a group that is being written.
    pub fn stats(&self) -> RecordLogStats {
        self.core().stats()
    }

    /// What is called while this is held goes to the disk together, when it is dropped. For several calls that belong together, from
    /// a thread that does not wait for their callbacks meanwhile.
    pub fn group(&self) -> Group<'_> {
        self.core().queue.hold();
        Group { log: self }
    }

    /// Writes what waits, syncs, records the end of the log, and gives the lock back. Every later call is answered by
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), but for reads; a second close is `Ok`.
    ///
    /// # Errors
    ///
    /// When the end of the log could not be made durable.
    pub fn close(&self) -> Result<()> {
        self.handle.close()
    }
}

/// Holds back what is called, until it is dropped. See [`RecordLog::group`].
#[derive(Debug)]
pub struct Group<'l> {
    log: &'l RecordLog,
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        let core = self.log.core();
        core.queue.release();
        if !core.environment.background {
            core.queue.work_here(|ops| core.work(ops));
        }
    }
}
