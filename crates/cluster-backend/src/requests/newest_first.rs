//! Entries by age as a stream of messages.
//!
//! Invariants: all of them are of one view, which is held until the receiver has them or goes. A message ends before its rows grow
//! beyond 1 MiB, and the next one is put together when the receiver has room for it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use pentad_client::wire::{NewestFirstRequest, NewestFirstResponse, NewestRow};
use pentad_client::{Failure, PAGE_BYTES_MAX};
use pentad_engine::{Entries, Store};

use super::failure_of;
use super::namespaces::keyspace;
use super::view::{bytes_of, check_answer};

/// The messages of one listing.
#[derive(Debug)]
pub(crate) struct NewestFirst {
    entries: Entries,
    sequence: u64,
    left: u64,
    keys_only: bool,
    /// The first row of the next message.
    next: Option<NewestRow>,
    is_over: bool,
}

impl NewestFirst {
    /// Finds the order, for which the log is read once: on a thread that may wait.
    pub(crate) fn new(store: &Store, request: &NewestFirstRequest) -> Result<Self, Failure> {
        let snapshot = keyspace(store, &request.namespace)?.snapshot().map_err(|error| failure_of(&error))?;
        let entries = snapshot.newest_first().map_err(|error| failure_of(&error))?;
        let left = if request.limit == 0 { u64::MAX } else { request.limit };
        let (sequence, keys_only) = (snapshot.sequence().0, request.keys_only);
        Ok(Self { entries, sequence, left, keys_only, next: None, is_over: false })
    }

    fn row(&mut self) -> Result<Option<NewestRow>, Failure> {
        if let Some(row) = self.next.take() {
            return Ok(Some(row));
        }
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let Some(entry) = self.entries.next().transpose().map_err(|error| failure_of(&error))? else {
            return Ok(None);
        };
        let value = if self.keys_only { Bytes::new() } else { Bytes::from(entry.value) };
        Ok(Some(NewestRow { key: entry.key, key_hash: entry.key_hash, value, sequence: entry.sequence.0 }))
    }

    fn message(&mut self) -> Result<Option<NewestFirstResponse>, Failure> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(row) = self.row()? {
            let length = bytes_of(&row);
            if !rows.is_empty() && bytes + length > PAGE_BYTES_MAX {
                self.next = Some(row);
                break;
            }
            check_answer("a row", length)?;
            bytes += length;
            rows.push(row);
        }
        Ok((!rows.is_empty()).then_some(NewestFirstResponse { rows, applied_sequence: self.sequence }))
    }
}

impl Stream for NewestFirst {
    type Item = Result<NewestFirstResponse, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let message = self.message().transpose();
        self.is_over = !matches!(message, Some(Ok(_)));
        Poll::Ready(message)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use pentad_client::FailureKind;

    use super::*;

    #[tokio::test]
    async fn entries_come_by_age_in_messages_that_end_in_time() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("store")).unwrap();
        for (key, length) in [("a", 600_000), ("c", 600_000), ("b", 10)] {
            store.put(key, vec![b'v'; length]).unwrap();
        }
        let listed = async |request: NewestFirstRequest| {
            let messages: Vec<_> = NewestFirst::new(&store, &request).unwrap().collect().await;
            let keys = |message: Result<NewestFirstResponse, Failure>| {
                let message = message.unwrap();
                assert_eq!(message.applied_sequence, 3);
                let keys: Vec<_> = message.rows.into_iter().map(|row| row.key.unwrap()).collect();
                keys.concat()
            };
            messages.into_iter().map(keys).collect::<Vec<_>>()
        };
        assert_eq!(listed(NewestFirstRequest::default()).await, [&b"bc"[..], b"a"]);
        let keys_only = NewestFirstRequest { keys_only: true, ..Default::default() };
        assert_eq!(listed(keys_only).await, [b"bca"]);
        assert_eq!(listed(NewestFirstRequest { limit: 1, ..Default::default() }).await, [b"b"]);
        let nowhere = NewestFirstRequest { namespace: "none".to_owned(), ..Default::default() };
        assert_eq!(NewestFirst::new(&store, &nowhere).unwrap_err().kind(), FailureKind::KeyNotFound);
    }
}
