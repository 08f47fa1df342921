//! What all handles of one open store share.
//!
//! Lock order: commit leadership (`queue`), `compacting` before it where both are needed; then `writer`; then the
//! catalog. `pins`, the scrub's state and the index's locks are taken last and held for moments. Readers take none of the first four.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use super::background::Upkeep;
use super::batch_log::BatchLog;
use super::checkpoint::Checkpoints;
use super::compact::Left;
use super::counters::Counters;
use super::log_entries::LogEntries;
use super::namespaces::Namespaces;
use super::pins::Pins;
use super::published::Published;
use super::scrub::Scrub;
use super::time::StoreTime;
use super::watch::Wakeups;
use crate::batch::Outcome;
use crate::commit::job::{Job, JobResult};
use crate::commit::panics::panic_message;
use crate::commit::queue::Queue;
use crate::error::{Error, ErrorKind, Result};
use crate::format::identity::Identity;
use crate::index::{Extent, Index, View};
use crate::keyspace::Keyspace;
use crate::log::announce::Announced;
use crate::log::catalog_file::CatalogFile;
use crate::log::policy::Skipped;
use crate::log::reserve::Reserve;
use crate::log::segment_table::SegmentTable;
use crate::log::writer::{LogWriter, Shared};
use crate::options::{Options, Retention};
use crate::seams::lock::{Mutex, MutexGuard, OnceLock};
use crate::seams::{Environment, Lock};

/// The shared state of an open store.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) environment: Environment,
    pub(crate) dir: PathBuf,
    /// As it was when the store was opened.
    pub(crate) identity: Identity,
    /// What the identity on the disk says that older programs do not know.
    pub(crate) announced: Announced,
    pub(crate) namespaces: Namespaces,
    pub(crate) options: Options,
    pub(crate) read_only: bool,
    /// What was passed over when a damaged store was opened.
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) catalog: Arc<CatalogFile>,
    pub(crate) segments: Arc<SegmentTable>,
    /// The blocks kept back for a full disk; in a store open for reading only, as they were when it was opened.
    pub(crate) reserve: Arc<Reserve>,
    /// What makes new segments; `None` when the store is open for reading only.
    pub(crate) shared: Option<Shared>,
    pub(crate) index: Index<LogEntries>,
    pub(crate) batches: BatchLog,
    /// How much of it is to stay; at first what the options say.
    pub(crate) retention: Mutex<Retention>,
    pub(crate) time: StoreTime,
    pub(crate) published: Published,
    pub(crate) pins: Pins,
    /// Who waits for the next commit.
    pub(crate) wakeups: Wakeups,
    pub(crate) queue: Queue<Job, JobResult>,
    /// The end of the log; taken by whoever leads. `None` after closing, and in a store open for reading only.
    pub(crate) writer: Mutex<Option<LogWriter>>,
    /// Why no more writes are taken; shared with the disk, which sets it when the sync of a directory fails.
    pub(crate) poisoned: Arc<OnceLock<Error>>,
    /// Set first of all when the store is closed: long work stops.
    pub(crate) closing: AtomicBool,
    pub(crate) closed: AtomicBool,
    /// The lock on the directory; given back when the store is closed.
    pub(crate) lock: Mutex<Option<Box<dyn Lock>>>,
    /// An entry has expired since the time was last recorded.
    pub(crate) expiry_seen: AtomicBool,
    pub(crate) counters: Counters,
    pub(crate) upkeep: Upkeep,
    pub(super) scrub: Scrub,
    /// Held by the one compaction or checkpoint that runs.
    pub(crate) compacting: Mutex<Left>,
    pub(crate) checkpoints: Checkpoints,
}

impl Core {
    /// Runs a job and waits for it.
    pub(crate) fn run(&self, job: Job) -> Result<Outcome> {
        self.check_writable()?;
        let bytes = job.bytes();
        self.queue.run(job, bytes, self).unwrap_or_else(|_| Err(self.closed_error()))
    }

    /// Runs jobs in their order and waits for all of them.
    pub(crate) fn run_all(&self, jobs: Vec<Job>) -> Result<Vec<Result<Outcome>>> {
        self.check_writable()?;
        self.queue.run_all(jobs, Job::bytes, self).map_err(|_| self.closed_error())
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Option<LogWriter>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why nothing can be written, if so.
    pub(crate) fn check_writable(&self) -> Result<()> {
        if self.read_only {
            let text = format!("{} is open for reading only", self.dir.display());
            return Err(Error::new(ErrorKind::ReadOnly, text));
        }
        self.check_open()?;
        match self.poisoned.get() {
            None => Ok(()),
            Some(cause) => Err(Error::new(
                ErrorKind::Poisoned,
                format!(
                    "{} takes no more writes after a failure; close it and open it again. The failure: {cause}",
                    self.dir.display()
                ),
            )),
        }
    }

    #[inline]
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) { Err(self.closed_error()) } else { Ok(()) }
    }

    pub(crate) fn closed_error(&self) -> Error {
        Error::new(ErrorKind::Closed, format!("{} was closed", self.dir.display()))
    }

    /// Lets no more writes in: what is on the disk is not known any more.
    pub(crate) fn poison(&self, error: &Error) {
        // The first failure is the one to report; later ones follow from it.
        self.poisoned.get_or_init(|| error.clone());
    }

    /// Runs `work`; when it panics, the store is poisoned before the panic goes on.
    pub(crate) fn poison_on_panic<T>(&self, doing: &str, work: impl FnOnce() -> T) -> T {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            self.poison_by_panic(doing, panic_message(&*panic));
            resume_unwind(panic)
        })
    }

    /// Poisons the store because a thread panicked with `message`: what it was changing may be half done.
    pub(crate) fn poison_by_panic(&self, doing: &str, message: &str) -> Error {
        let text = format!("a thread panicked while {doing} in {}: {message}", self.dir.display());
        let error = Error::new(ErrorKind::Poisoned, text);
        self.poison(&error);
        error
    }

    /// What a read that begins now sees.
    pub(crate) fn view(&self) -> View {
        let (sequence, tail) = self.published.both();
        View { sequence, tail, time: self.time.now() }
    }

    /// The oldest view in use.
    pub(crate) fn horizon(&self) -> View {
        self.pins.horizon(|| self.view())
    }

    /// Takes what has expired out of the count, and remembers to record the time if there was something: nobody may see it
    /// come back.
    pub(crate) fn note_expiries(&self) {
        if self.index.reap(self.time.now()) > 0 {
            self.expiry_seen.store(true, Ordering::Release);
            self.wakeups.ring();
        }
    }

    /// How many live entries there are at `now`. What it finds expired is remembered, as in [`Core::note_expiries`].
    pub(crate) fn len_at(&self, now: crate::numbers::Timestamp) -> u64 {
        if self.index.reap(now) > 0 {
            self.expiry_seen.store(true, Ordering::Release);
            self.wakeups.ring();
        }
        self.index.len(now)
    }

    /// How many live entries a keyspace has at a view that is in use. Of namespaces it costs time in proportion to them.
    pub(crate) fn len_in(&self, keyspace: Keyspace, view: View) -> u64 {
        if keyspace.is_own() { self.len_at(view.time) } else { self.count_live(keyspace, view) }
    }

    /// Notes that no reader wants an entry any more.
    pub(crate) fn count_dead(&self, version: &Extent) {
        if let Some(segment) = self.segments.now().in_slot(version.address.slot()) {
            segment.count_live(-version.bytes.cast_signed());
        }
    }

    /// Bytes of entries that some reader may still want.
    pub(crate) fn live_bytes(&self) -> u64 {
        self.segments.now().all().map(|segment| segment.live_bytes()).sum()
    }
}
