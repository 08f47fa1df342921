//! The handle that users hold.

use std::fmt;
use std::ops::RangeBounds;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::background::Threads;
use super::batch_log::Commits;
use super::core::Core;
use super::entry::EntryInfo;
use super::range::{Range, bounds_of, prefix_bounds};
use super::read::Target;
use super::snapshot::{PinnedView, Snapshot};
use super::{CommitFuture, CommitRecord};
use crate::batch::{Batch, Outcome, Payload};
use crate::commit::job::{Job, check_limits};
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::numbers::{LogOffset, Sequence, Timestamp};
use crate::options::Options;
use crate::stream::StreamWriter;
use crate::value::{Value, ValueReader};

/// An open store, or one of its [namespaces](Store::namespace).
///
/// Clones share it, from any thread. It is closed by [`Store::close`], or when the last clone goes; only the former can report
/// what went wrong. Values, which borrow the store's map, outlive it.
#[derive(Clone)]
pub struct Store {
    handle: Arc<Handle>,
    /// Whose keys it is a handle of.
    keyspace: Keyspace,
}

/// What the last clone of a store takes down with it.
struct Handle {
    core: Arc<Core>,
    threads: Threads,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Whoever wants to know whether this worked calls `close`; recovery makes up for it if it did not.
        drop(self.core.close());
        self.threads.join();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.path())
            .field("sequence", &self.sequence())
            .finish_non_exhaustive()
    }
}

impl Store {
    pub(crate) fn new(core: Arc<Core>) -> Result<Self> {
        let threads = Threads::start(&core)?;
        Ok(Self { handle: Arc::new(Handle { core, threads }), keyspace: Keyspace::OWN })
    }

    /// A handle of the same store, and of this keyspace.
    pub(crate) fn within(&self, keyspace: Keyspace) -> Self {
        Self { handle: Arc::clone(&self.handle), keyspace }
    }

    #[inline]
    pub(crate) fn keyspace(&self) -> Keyspace {
        self.keyspace
    }

    /// What is visible now of the keyspace, pinned.
    pub(crate) fn pinned(&self) -> PinnedView {
        PinnedView::now(self.core(), self.keyspace)
    }

    /// Starts the thread that wakes those who wait for commits, unless it runs, or the store is to have none.
    pub(crate) fn serve_watches(&self) -> Result<()> {
        self.handle.threads.serve_watches(self.core())
    }

    #[inline]
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.handle.core
    }

    /// Opens the store at `path` with the default options, creating it when nothing is there.
    ///
    /// # Errors
    ///
    /// See [`Options::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Options::new().open(path)
    }

    /// Opens an existing store for reading.
    ///
    /// # Errors
    ///
    /// See [`Options::open_read_only`].
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self> {
        Options::new().open_read_only(path)
    }

    /// Waits for the commits that are under way, syncs, records the end of the log, and gives the lock back. Every later call
    /// on any clone answers [`ErrorKind::Closed`](crate::ErrorKind::Closed); a second close is `Ok`.
    ///
    /// # Errors
    ///
    /// When the end of the log could not be made durable: commits at level `Os` may be lost, those at `Disk` are not.
    pub fn close(&self) -> Result<()> {
        let result = self.core().close();
        self.handle.threads.join();
        result
    }

    /// The store's directory.
    pub fn path(&self) -> &Path {
        &self.core().dir
    }

    /// Whether it was opened for reading only.
    pub fn is_read_only(&self) -> bool {
        self.core().read_only
    }

    /// Whether both handles are of the same open store, whatever keyspaces they are of.
    pub fn same_store(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.handle, &other.handle)
    }

    /// The value of `key`, in place; `None` when there is none or it has expired.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) when the value fails its checksum: it is never returned altered.
    #[inline]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>> {
        self.core().get(self.keyspace, key.as_ref())
    }

    /// What `read` makes of the value of `key`, where it lies; `None` when there is none or it has expired.
    ///
    /// The fastest read: nothing is copied, allocated or counted. `read` holds back the freeing of what compaction removes,
    /// so let it be short.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let store = pentad_engine::Store::open(dir.path())?;
    /// store.put("greeting", "hello")?;
    /// assert_eq!(store.with_value("greeting", |value| value.len())?, Some(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    #[inline]
    pub fn with_value<R>(&self, key: impl AsRef<[u8]>, read: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.core().with_value(self.keyspace, key.as_ref(), read)
    }

    /// The values of `keys`, in their order, all of one consistent view.
    ///
    /// # Errors
    ///
    /// As [`Store::get`], for the first value that fails.
    pub fn get_many<K: AsRef<[u8]>>(&self, keys: &[K]) -> Result<Vec<Option<Value>>> {
        self.core().get_many(keys, &self.pinned())
    }

    /// Calls `read` with the value of each of `keys`, in their order and where it lies, all of one consistent view; with
    /// `None` where there is none. The fastest way to read many keys. `read` holds back the freeing of what compaction
    /// removes, so let it be short.
    ///
    /// # Errors
    ///
    /// As [`Store::get`], for the first value that fails; `read` was called for those before it.
    pub fn with_values<K: AsRef<[u8]>>(&self, keys: &[K], read: impl FnMut(Option<&[u8]>)) -> Result<()> {
        self.core().with_values(keys, &self.pinned(), read)
    }

    /// Whether `key` is there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    pub fn contains_key(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.core().contains(self.keyspace, key.as_ref())
    }

    /// A reader of the value of `key`, which verifies piece by piece: for values of any length.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) when the entry cannot be read; damage of the value shows when
    /// the piece is read.
    pub fn reader(&self, key: impl AsRef<[u8]>) -> Result<Option<ValueReader>> {
        self.core().read_now(self.keyspace, Target::Key(key.as_ref()), |hit| {
            Ok(ValueReader::new(self.core().payload_of(hit)?))
        })
    }

    /// What is known of the entry of `key`; its value is not touched.
    ///
    /// # Errors
    ///
    /// As [`Store::reader`].
    pub fn entry_info(&self, key: impl AsRef<[u8]>) -> Result<Option<EntryInfo>> {
        self.core().read_now(self.keyspace, Target::Key(key.as_ref()), |hit| self.core().info_of(hit))
    }

    /// The value of the newest entry whose key has this XXH3-64 hash, stored with its key or under the hash alone.
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    pub fn get_hashed(&self, hash: u64) -> Result<Option<Value>> {
        self.core().read_now(self.keyspace, Target::Hash(hash), |hit| self.core().value_of(hit))
    }

    /// Whether there is an entry whose key has this hash.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    pub fn contains_hash(&self, hash: u64) -> Result<bool> {
        Ok(self.core().read_now(self.keyspace, Target::Hash(hash), |_| Ok(()))?.is_some())
    }

    /// The value of `key`, or else the one stored under the key's hash alone.
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    pub fn get_with_hashed(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>> {
        self.core().read_now(self.keyspace, Target::KeyOrHash(key.as_ref()), |hit| self.core().value_of(hit))
    }

    /// What is known of the entry that [`Store::get_with_hashed`] reads.
    ///
    /// # Errors
    ///
    /// As [`Store::reader`].
    pub fn entry_info_with_hashed(&self, key: impl AsRef<[u8]>) -> Result<Option<EntryInfo>> {
        self.core().read_now(self.keyspace, Target::KeyOrHash(key.as_ref()), |hit| self.core().info_of(hit))
    }

    /// The value of the live entry with the highest sequence; of one commit, its last.
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    pub fn last_entry(&self) -> Result<Option<Value>> {
        let core = self.core();
        core.check_open()?;
        let pinned = self.pinned();
        core.read_again(|| core.newest_hit(pinned.keyspace, pinned.view), |hit| core.value_of(hit))
    }

    /// Stores `value` under `key`, in a commit of its own, and waits until it is durable at the store's level. A deadline
    /// that the key had is cleared.
    ///
    /// # Errors
    ///
    /// See [`Store::commit`].
    pub fn put<'v>(&self, key: impl AsRef<[u8]>, value: impl Into<Payload<'v>>) -> Result<Outcome> {
        let mut batch = Batch::new();
        batch.put(key, value);
        self.commit(batch)
    }

    /// Deletes `key`, in a commit of its own if it is there.
    ///
    /// # Errors
    ///
    /// See [`Store::commit`].
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Result<Outcome> {
        let mut batch = Batch::new();
        batch.delete(key);
        self.commit(batch)
    }

    /// Commits a batch and waits until it is durable at the level that it, or else the store, names. Commits that arrive
    /// together share one write and one sync.
    ///
    /// # Errors
    ///
    /// With [`ErrorKind::Poisoned`](crate::ErrorKind::Poisoned) the outcome is known after the store is opened again; with every other kind nothing was
    /// written.
    pub fn commit(&self, mut batch: Batch) -> Result<Outcome> {
        batch.keyspace = self.keyspace;
        check_limits(&batch, &self.core().options)?;
        self.core().run(Job::Commit(Box::new(batch)))
    }

    /// Commits batches one after the other, as so many calls of [`Store::commit`] would, with one write and one sync for all of
    /// them as far as 8 MiB go. Each has its own result, in their order: one that is refused does not keep the later ones from being carried out.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`], for all of them, when the store takes no writes.
    pub fn commit_all(&self, batches: Vec<Batch>) -> Result<Vec<Result<Outcome>>> {
        let core = self.core();
        let (mut refused, mut jobs) = (Vec::with_capacity(batches.len()), Vec::with_capacity(batches.len()));
        for mut batch in batches {
            batch.keyspace = self.keyspace;
            let checked = check_limits(&batch, &core.options);
            if checked.is_ok() {
                jobs.push(Job::Commit(Box::new(batch)));
            }
            refused.push(checked.err());
        }
        let mut done = core.run_all(jobs)?.into_iter();
        let result = |refused: Option<Error>| match refused {
            Some(error) => Err(error),
            None => done.next().unwrap_or_else(|| Err(core.closed_error())),
        };
        Ok(refused.into_iter().map(result).collect())
    }

    /// Makes every commit so far durable at level `Disk`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Poisoned`](crate::ErrorKind::Poisoned) when the sync fails.
    pub fn sync(&self) -> Result<()> {
        self.core().run(Job::Sync).map(drop)
    }

    /// Commits a batch without blocking: the work begins at the first poll, on the store's commit thread.
    pub fn submit(&self, mut batch: Batch) -> CommitFuture {
        batch.keyspace = self.keyspace;
        let core = self.core();
        let job = core
            .check_writable()
            .and_then(|()| check_limits(&batch, &core.options))
            .map(|()| Job::Commit(Box::new(batch)));
        CommitFuture::new(Arc::clone(core), job)
    }

    /// A writer of a value of any length. What it finishes to is put by a batch of this store.
    ///
    /// # Errors
    ///
    /// When the file cannot be created.
    pub fn stream(&self) -> Result<StreamWriter> {
        self.core().check_writable()?;
        let shared = self.core().shared.as_ref().ok_or_else(|| self.core().closed_error())?;
        StreamWriter::create(shared)
    }

    /// The rows with keys in `bounds`, in key order from either end, of one consistent view. A range whose start is behind its
    /// end is empty.
    ///
    /// ```no_run
    /// # let store = pentad_engine::Store::open("data")?;
    /// for row in store.range("a".."b").rev().take(10) {
    ///     let (key, value) = row?;
    /// }
    /// # Ok::<(), pentad_engine::Error>(())
    /// ```
    pub fn range<K: AsRef<[u8]>>(&self, bounds: impl RangeBounds<K>) -> Range {
        Range::new(self.pinned(), bounds_of(&bounds))
    }

    /// The rows whose keys start with `prefix`; all of them for an empty one.
    pub fn prefix(&self, prefix: impl AsRef<[u8]>) -> Range {
        Range::new(self.pinned(), prefix_bounds(prefix.as_ref()))
    }

    /// A consistent view of what is visible now. It takes no time, whatever the size of the store, and keeps what it sees until
    /// it is dropped: [`Stats`](crate::Stats) says what that is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) when
    /// [`Options::snapshots_max`](crate::Options::snapshots_max) are held,
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    pub fn snapshot(&self) -> Result<Snapshot> {
        self.core().check_open()?;
        self.core().check_snapshots()?;
        Ok(Snapshot { pinned: self.pinned() })
    }

    /// The last visible commit; 0 in an empty store.
    pub fn sequence(&self) -> Sequence {
        self.core().published.sequence()
    }

    /// The pairs that the commit `sequence` put into the keyspace of this handle, in the caller's order; `None` when it is not retained or not there yet.
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    pub fn batch(&self, sequence: Sequence) -> Result<Option<Vec<(Bytes, Value)>>> {
        let record = self.core().commit_record(self.keyspace, sequence)?;
        Ok(record.map(|CommitRecord { changes, .. }| {
            changes.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
        }))
    }

    /// The retained commits from `from` to the newest of now, in order, deletes included. Where `from` is older than what is
    /// retained it begins with the oldest.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    pub fn commits(&self, from: Sequence) -> Result<Commits> {
        self.core().check_open()?;
        let last = self.sequence();
        let next = from.max(self.core().batches.oldest_or_next());
        Ok(Commits::new(Arc::clone(self.core()), self.keyspace, next, last))
    }

    /// The oldest commit in the batch log; `None` when it is empty.
    pub fn oldest_batch(&self) -> Option<Sequence> {
        self.core().batches.oldest(self.sequence())
    }

    /// Gives up the commits before `before` in the batch log, durably, and returns how many those were. The data stays; disk
    /// space comes back by compaction.
    ///
    /// # Errors
    ///
    /// See [`Store::commit`].
    pub fn prune(&self, before: Sequence) -> Result<u64> {
        Ok(self.core().run(Job::Prune(before))?.deleted)
    }

    /// [`Store::prune`] without blocking; [`Outcome::deleted`] is the number of commits given up.
    pub fn submit_prune(&self, before: Sequence) -> CommitFuture {
        CommitFuture::new(Arc::clone(self.core()), self.core().check_writable().map(|()| Job::Prune(before)))
    }

    /// How many live entries there are, hash-only ones included. Exact, and what has expired does not count.
    pub fn len(&self) -> u64 {
        if self.keyspace.is_own() {
            return self.core().len_at(self.now());
        }
        let pinned = self.pinned();
        self.core().count_live(pinned.keyspace, pinned.view)
    }

    /// Whether there is no live entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The end of the log as of the last visible commit.
    pub fn tail(&self) -> LogOffset {
        self.core().published.tail()
    }

    /// Store time.
    pub fn now(&self) -> Timestamp {
        self.core().time.now()
    }

    /// The earliest store time, after now, at which an entry of any keyspace ends; `None` when none does. It may be that of an entry which has been
    /// replaced since, and is then said once and passed over when time has passed it. Costs what has expired since it was asked last.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.core().index.next_deadline(self.now())
    }

    /// Does on this thread what the background threads do when it is due: records how far the log is durable and what has
    /// expired, compacts if most of the sealed log is dead, and scrubs a segment if one is due. For stores that run without threads.
    ///
    /// # Errors
    ///
    /// See [`Store::commit`].
    pub fn maintain(&self) -> Result<()> {
        self.core().maintain()
    }
}
