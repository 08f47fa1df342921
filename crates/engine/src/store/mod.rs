//! STUB: the public face with the final signatures.
#![allow(unused, missing_docs, clippy::todo)]
use std::ops::RangeBounds;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use bytes::Bytes;
use crate::batch::{Batch, Outcome, Payload};
use crate::error::Result;
use crate::numbers::{LogOffset, SegmentId, Sequence, Timestamp};
use crate::options::Options;
use crate::stream::StreamWriter;
use crate::value::{Value, ValueReader};

/// An open store. Cloning shares it; it is closed by `close` or when the last clone goes.
#[derive(Clone, Debug)]
pub struct Store {}

impl Store {
    pub fn open(path: impl AsRef<Path>) -> Result<Self> { Options::new().open(path) }
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self> { Options::new().open_read_only(path) }
    pub(crate) fn open_with(path: &Path, options: &Options, read_only: bool) -> Result<Self> { todo!() }
    /// Syncs, records the tail in the catalog, releases the lock. Later calls on any clone answer `Closed`.
    pub fn close(&self) -> Result<()> { todo!() }
    pub fn path(&self) -> &Path { todo!() }
    pub fn is_read_only(&self) -> bool { todo!() }
    /// Whether both handles are the same open store.
    pub fn same_store(&self, other: &Store) -> bool { todo!() }

    // Point reads. An absent or expired key is `None`.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>> { todo!() }
    /// Input order, duplicates kept, one consistent view.
    pub fn get_many<K: AsRef<[u8]>>(&self, keys: &[K]) -> Result<Vec<Option<Value>>> { todo!() }
    pub fn contains_key(&self, key: impl AsRef<[u8]>) -> Result<bool> { todo!() }
    /// For big values: nothing is verified or touched until it is read.
    pub fn reader(&self, key: impl AsRef<[u8]>) -> Result<Option<ValueReader>> { todo!() }
    /// Sequence, place, checksum, length, deadline, without touching the value.
    pub fn entry_info(&self, key: impl AsRef<[u8]>) -> Result<Option<EntryInfo>> { todo!() }
    /// The newest live entry, keyed or hash-only, with this hash.
    pub fn get_hashed(&self, hash: u64) -> Result<Option<Value>> { todo!() }
    pub fn contains_hash(&self, hash: u64) -> Result<bool> { todo!() }
    /// The keyed entry, else the hash-only entry under the key's hash (the AsyncDataStoreReader rule).
    pub fn get_with_hashed(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>> { todo!() }
    pub fn entry_info_with_hashed(&self, key: impl AsRef<[u8]>) -> Result<Option<EntryInfo>> { todo!() }
    /// The live entry with the highest sequence (of one batch, its last).
    pub fn last_entry(&self) -> Result<Option<Value>> { todo!() }

    // Writes: blocking door…
    pub fn put(&self, key: impl AsRef<[u8]>, value: impl Into<Payload>) -> Result<Outcome> { todo!() }
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Result<Outcome> { todo!() }
    pub fn commit(&self, batch: Batch) -> Result<Outcome> { todo!() }
    /// Raises everything committed so far to `Disk`.
    pub fn sync(&self) -> Result<()> { todo!() }
    /// …and the future door: queued at the first poll; needs no runtime; never blocks the polling thread.
    pub fn submit(&self, batch: Batch) -> CommitFuture { todo!() }
    /// A writer of a value of any length, staged in a segment of its own (drained by the caller, blocking).
    pub fn stream(&self) -> Result<StreamWriter> { todo!() }

    // Ranges: ascending from the front, descending from the back (`rev()`), consistent for their whole life.
    pub fn range<K: AsRef<[u8]>>(&self, bounds: impl RangeBounds<K>) -> Range { todo!() }
    pub fn prefix(&self, prefix: impl AsRef<[u8]>) -> Range { todo!() }
    pub fn snapshot(&self) -> Result<Snapshot> { todo!() }

    // Batch log.
    pub fn sequence(&self) -> Sequence { todo!() }
    /// The pairs of a retained commit in the caller's order; `None` when not retained or never written.
    pub fn batch(&self, sequence: Sequence) -> Result<Option<Vec<(Bytes, Value)>>> { todo!() }
    /// Everything about retained commits from `from` on (deletes included), for tools.
    pub fn commits(&self, from: Sequence) -> Result<Commits> { todo!() }
    pub fn oldest_batch(&self) -> Option<Sequence> { todo!() }
    pub fn prune(&self, before: Sequence) -> Result<u64> { todo!() }
    /// The same without blocking: the future resolves when it is durable; `Outcome::deleted` counts the batches.
    pub fn submit_prune(&self, before: Sequence) -> CommitFuture { todo!() }

    // Sizes, time, care.
    pub fn len(&self) -> u64 { todo!() }
    pub fn is_empty(&self) -> bool { self.len() == 0 }
    /// Bytes on disk of the whole store, dead ones included.
    pub fn disk_bytes(&self) -> Result<u64> { todo!() }
    pub fn tail(&self) -> LogOffset { todo!() }
    pub fn now(&self) -> Timestamp { todo!() }
    pub fn stats(&self) -> Result<Stats> { todo!() }
    pub fn verify(&self, progress: &mut dyn FnMut(Progress)) -> Result<VerifyReport> { todo!() }
    pub fn compact(&self) -> Result<CompactReport> { todo!() }
}

/// Verifies the store at a path without opening it, also one that refuses to open; changes nothing.
pub fn verify(path: &Path, options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<VerifyReport> { todo!() }

/// A commit on its way.
#[derive(Debug)]
pub struct CommitFuture {}
impl Future for CommitFuture {
    type Output = Result<Outcome>;
    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> { todo!() }
}

/// Rows of a range, from both ends.
#[derive(Debug)]
pub struct Range {}
impl Range {
    /// Keys alone, values untouched.
    pub fn keys(self) -> impl DoubleEndedIterator<Item = Result<Bytes>> { self.map(|r| r.map(|(k, _)| k)) }
}
impl Iterator for Range { type Item = Result<(Bytes, Value)>; fn next(&mut self) -> Option<Self::Item> { todo!() } }
impl DoubleEndedIterator for Range { fn next_back(&mut self) -> Option<Self::Item> { todo!() } }

/// A consistent view at one sequence and store time; pins the versions that it sees.
#[derive(Debug)]
pub struct Snapshot {}
impl Snapshot {
    pub fn sequence(&self) -> Sequence { todo!() }
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>> { todo!() }
    pub fn reader(&self, key: impl AsRef<[u8]>) -> Result<Option<ValueReader>> { todo!() }
    pub fn range<K: AsRef<[u8]>>(&self, bounds: impl RangeBounds<K>) -> Range { todo!() }
    pub fn prefix(&self, prefix: impl AsRef<[u8]>) -> Range { todo!() }
}

/// One retained commit.
#[derive(Clone, Debug)]
pub struct CommitRecord {
    pub sequence: Sequence,
    pub time: Timestamp,
    /// In the caller's order; `None` is a delete. Hash-only entries are left out.
    pub changes: Vec<(Bytes, Option<Value>)>,
}
#[derive(Debug)]
pub struct Commits {}
impl Iterator for Commits { type Item = Result<CommitRecord>; fn next(&mut self) -> Option<Self::Item> { todo!() } }

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryInfo {
    pub sequence: Sequence,
    pub key_hash: u64,
    /// Where the log stood before the entry.
    pub log_offset: LogOffset,
    /// CRC-32 of the payload, as stored (little-endian).
    pub checksum: [u8; 4],
    pub length: u64,
    pub deadline: Option<Timestamp>,
}

/// How far a long operation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress { pub done_bytes: u64, pub total_bytes: u64 }

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    pub segments: u64, pub frames: u64, pub entries: u64, pub bytes: u64,
    /// An unfinished write at the end of a store that was not closed: normal after a crash, dropped at the next open.
    pub torn_tail: Option<TornTail>,
    pub damage: Vec<Damage>,
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail { pub file: PathBuf, pub offset: u64, pub bytes: u64 }
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage { pub file: PathBuf, pub offset: u64, pub sequence: Option<Sequence>, pub key: Option<Bytes>, pub what: String }

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactReport { pub segments_before: u64, pub segments_after: u64, pub bytes_before: u64, pub bytes_after: u64, pub entries: u64 }

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    pub keys: u64, pub sequence: Sequence, pub oldest_batch: Option<Sequence>, pub tail: LogOffset,
    pub disk_bytes: u64, pub live_bytes: u64, pub dead_bytes: u64, pub segments: u64, pub stream_segments: u64,
    pub commits: u64, pub groups: u64, pub syncs: u64, pub index_bytes: u64, pub snapshots: u64, pub compactions: u64,
    /// What recovery dropped from the tail at this open: bytes of unfinished, never acknowledged writes.
    pub recovered_tail_bytes: u64,
    pub poisoned: bool,
}
