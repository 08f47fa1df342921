//! The Raft log: entries are records of the engine's record log, vote and other ids small records in it.
//!
//! Invariants, which openraft relies on: an entry can be read when `append` returns. When its callback is called, the entry and
//! every earlier write, the vote too, are on stable storage: vote, append, truncate and purge go through one queue, in the order
//! in which they were asked for. The vote is on stable storage when `save_vote` returns. The first failure is for ever.
//!
//! Nothing here waits for the disk on the thread that calls, but for reading what is not in memory any more.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use openraft::OptionalSend;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use pentad_client::wire;
use pentad_engine::{RecordLog, RecordLogOptions};
use prost::Message as _;
use tokio::sync::oneshot;

use super::convert::Wire;
use super::types::{Entry, LogId, Types, Vote};

mod reader;
mod stored_entry;
#[cfg(test)]
mod tests;

/// The keys of small records.
const VOTE: &str = "vote";
const COMMITTED: &str = "committed";
const PURGED: &str = "purged";

/// How many bytes of entries are read at a time where fewer than asked for will do.
const READ_BYTES_MAX: u64 = 1 << 20;
/// With more bytes than this on their way to the disk, an append waits first.
const UNWRITTEN_BYTES_MAX: u64 = 64 << 20;

/// The log of a Raft group. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct LogStore {
    log: RecordLog,
    /// Bytes of entries whose callbacks are outstanding.
    unwritten: Arc<AtomicU64>,
}

impl LogStore {
    /// Opens the log at `path`, and makes it if there is none.
    ///
    /// # Errors
    ///
    /// As [`RecordLogOptions::open`]. With [`Damaged`](pentad_engine::ErrorKind::Damaged) something that was acknowledged
    /// is lost, and the node must not take part any more.
    pub(crate) fn open(path: &Path) -> pentad_engine::Result<Self> {
        Self::open_with(path, &RecordLogOptions::new())
    }

    /// The same where a log must be: when it is gone, so are votes and entries that this node has acknowledged.
    ///
    /// # Errors
    ///
    /// As [`LogStore::open`], and [`StoreNotFound`](pentad_engine::ErrorKind::StoreNotFound).
    pub(crate) fn open_existing(path: &Path) -> pentad_engine::Result<Self> {
        Self::open_with(path, &RecordLogOptions::new().create(false))
    }

    fn open_with(path: &Path, options: &RecordLogOptions) -> pentad_engine::Result<Self> {
        let store = Self { log: options.open(path)?, unwritten: Arc::default() };
        // The id is written first, so a power cut can come between it and the purge.
        if let Ok(Some(purged)) = store.id(PURGED) {
            store.log.purge(purged.index)?;
        }
        Ok(store)
    }

    /// Whether this node has ever voted, or been given an entry.
    pub(crate) fn is_used(&self) -> bool {
        self.log.small(VOTE.as_bytes()).is_some()
            || self.log.last_index().is_some()
            || self.log.purged().is_some()
    }

    /// Writes what waits and records the end of the log, so that the next open need not look for it.
    ///
    /// # Errors
    ///
    /// When the end of the log could not be made durable; nothing that was acknowledged is lost by that.
    pub(crate) fn close(&self) -> pentad_engine::Result<()> {
        self.log.close()
    }

    fn vote(&self) -> io::Result<Option<Vote>> {
        let Some(bytes) = self.log.small(VOTE.as_bytes()) else { return Ok(None) };
        let message = wire::RaftVote::decode(bytes).map_err(|error| self.damaged(VOTE, &error))?;
        Vote::from_wire(message).map(Some).map_err(|error| self.damaged(VOTE, &error))
    }

    fn id(&self, key: &str) -> io::Result<Option<LogId>> {
        let Some(bytes) = self.log.small(key.as_bytes()) else { return Ok(None) };
        stored_entry::decode_stored_id(bytes).map_err(|error| self.damaged(key, &error))
    }

    fn damaged(&self, key: &str, error: &dyn std::fmt::Display) -> io::Error {
        let text = format!("`{key}` in {} cannot be read: {error}", self.log.path().display());
        io::Error::new(io::ErrorKind::InvalidData, text)
    }

    /// Waits until what is on its way to the disk leaves room for more.
    async fn room(&self) -> io::Result<()> {
        if self.unwritten.load(Ordering::Relaxed) <= UNWRITTEN_BYTES_MAX {
            return Ok(());
        }
        let (tell, told) = oneshot::channel();
        self.log.flush(move |result| drop(tell.send(result)))?;
        heard(told.await)
    }
}

/// What a callback has heard.
fn heard(told: Result<pentad_engine::Result<()>, oneshot::error::RecvError>) -> io::Result<()> {
    Ok(told.map_err(|_| io::Error::other("the Raft log was given up"))??)
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let purged = self.id(PURGED)?;
        let last = match self.log.last_index() {
            None => None,
            Some(index) => {
                let record = self.log.read(index..index + 1, 0)?.pop();
                record.map(|(index, record)| stored_entry::decode_id(index, record)).transpose()?
            }
        };
        Ok(LogState { last_purged_log_id: purged, last_log_id: last.or(purged) })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let (tell, told) = oneshot::channel();
        self.log.put_small(VOTE, vote.to_wire().encode_to_vec(), move |result| drop(tell.send(result)))?;
        heard(told.await)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        // It only spares the state machine a wait after a restart, so nobody waits for it here.
        Ok(self.log.put_small_later(COMMITTED, stored_entry::encode_id(committed))?)
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        self.id(COMMITTED)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let (mut first, mut records, mut bytes) = (None, Vec::new(), 0);
        for entry in entries {
            let next = *first.get_or_insert(entry.log_id.index) + records.len() as u64;
            if entry.log_id.index != next {
                let text = format!("entry {} of the Raft log cannot follow entry {}", entry.log_id, next - 1);
                callback.io_completed(Err(io::Error::new(io::ErrorKind::InvalidInput, text.clone())));
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            let record: Bytes = stored_entry::encode(&entry);
            bytes += record.len() as u64;
            records.push(record);
        }
        self.room().await?;
        let unwritten = Arc::clone(&self.unwritten);
        unwritten.fetch_add(bytes, Ordering::Relaxed);
        let done = move |result: pentad_engine::Result<()>| {
            unwritten.fetch_sub(bytes, Ordering::Relaxed);
            callback.io_completed(result.map_err(io::Error::from));
        };
        let asked = match first {
            Some(first) => self.log.append(first, records, done),
            None => self.log.flush(done),
        };
        asked.map_err(io::Error::from)
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        Ok(self.log.truncate_after(last.map(|last| last.index))?)
    }

    async fn purge(&mut self, through: LogId) -> io::Result<()> {
        if self.id(PURGED)?.is_some_and(|purged| purged.index >= through.index) {
            return Ok(());
        }
        // In this order: an open finishes a purge of which it finds the id, and could not make up for an id that is missing.
        self.log.put_small_later(PURGED, stored_entry::encode_id(Some(through)))?;
        Ok(self.log.purge(through.index)?)
    }
}
