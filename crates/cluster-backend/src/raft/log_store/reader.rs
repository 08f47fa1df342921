//! Reading the Raft log: what replication sends, and what the state machine applies.
//!
//! Reads are answered from memory or from maps of the segments, a bounded number of bytes at a time where the caller can do
//! with fewer entries than it asked for.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds};

use futures_util::stream::{self, Stream, StreamExt as _};
use openraft::{OptionalSend, RaftLogReader};

use super::{LogStore, READ_BYTES_MAX, stored_entry};
use crate::raft::types::{Entry, Types, Vote};

impl LogStore {
    /// The entries of a range that are there, as many as have `bytes` together, but one at least.
    fn read(&self, range: Range<u64>, bytes: u64) -> io::Result<Vec<Entry>> {
        let records = self.log.read(range, bytes)?;
        records.into_iter().map(|(index, record)| stored_entry::decode(index, record)).collect()
    }
}

/// A range with its ends filled in.
fn bounded(range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => u64::MAX,
    };
    start..end.max(start)
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<Entry>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        self.read(bounded(&range), u64::MAX)
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        self.vote()
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        let entries = self.read(start..end.max(start), READ_BYTES_MAX)?;
        // What replication gets here it sends as the entries behind `start - 1`, so one that begins later, because a purge was
        // faster, would be a hole in another node's log. Nothing at all is a heartbeat, and then a snapshot is sent.
        let is_whole = entries.first().is_some_and(|entry| entry.log_id.index == start);
        Ok(if is_whole { entries } else { Vec::new() })
    }

    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let log = self.clone();
        // What is left of the range; `None` behind an error.
        let pieces = stream::unfold(Some(bounded(&range)), move |rest| {
            let piece = rest.and_then(|rest| log.piece(rest));
            async move {
                match piece? {
                    Ok((entries, rest)) => {
                        let entries = entries.into_iter().map(Ok).collect::<Vec<_>>();
                        Some((stream::iter(entries), Some(rest)))
                    }
                    Err(error) => Some((stream::iter(vec![Err(error)]), None)),
                }
            }
        });
        pieces.flatten()
    }
}

impl LogStore {
    /// The index behind the last entry.
    fn end(&self) -> u64 {
        self.log.last_index().max(self.log.purged()).map_or(0, |last| last + 1)
    }

    /// The next entries of a range, and what is left of it; `None` at its end, or at the end of the log. They must begin where it
    /// begins: the state machine applies them, and what is missing before them it would never have.
    fn piece(&self, range: Range<u64>) -> Option<io::Result<(Vec<Entry>, Range<u64>)>> {
        if range.is_empty() {
            return None;
        }
        let entries = match self.read(range.clone(), READ_BYTES_MAX) {
            Ok(entries) => entries,
            Err(error) => return Some(Err(error)),
        };
        let ends = entries.first().zip(entries.last());
        match ends.map(|(first, last)| (first.log_id.index, last.log_id.index)) {
            Some((first, last)) if first == range.start => Some(Ok((entries, last + 1..range.end))),
            // Nothing was ever written there.
            None if self.end() <= range.start => None,
            found => {
                let text = match found {
                    Some((first, _)) => format!("is purged; the log begins with {first}"),
                    None => "is not there any more".to_owned(),
                };
                let text = format!("entry {} of the Raft log {text}", range.start);
                Some(Err(io::Error::new(io::ErrorKind::NotFound, text)))
            }
        }
    }
}
