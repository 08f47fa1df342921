//! `AsyncDataStoreWriter` over the engine: plain writes, renames and deletes.
//!
//! The invariant: each call is one batch, refused before it is made if one of its payloads is empty. What goes from a
//! reader is in `streams`, what goes to another store in `copies`, and how either waits for the disk on a thread of its
//! own in `handoff`.

mod copies;
mod handoff;
mod streams;

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::pin::Pin;

use pentad_engine::{BATCH_BYTES_MAX, BATCH_OPERATIONS_MAX, Batch, CommitFuture, escape_key};
use pentad_traits::{AsyncDataStoreWriter, async_trait};

use crate::backend::LocalBackend;
use crate::data_store_reader::hash_text;
use crate::errors::io_error;

/// The future of a method that is written out by hand.
type TailFuture<'a> = Pin<Box<dyn Future<Output = io::Result<u64>> + Send + 'a>>;

/// Waits for a commit and answers the tail after it; an error says what was `attempted`.
async fn tail_after(commit: CommitFuture, attempted: impl fmt::Display) -> io::Result<u64> {
    match commit.await {
        Ok(outcome) => Ok(outcome.tail.0),
        Err(error) => Err(io_error(attempted, error)),
    }
}

fn refuse_empty(payload: &[u8], attempted: impl fmt::Display) -> io::Result<()> {
    if payload.is_empty() { Err(empty_payload(attempted)) } else { Ok(()) }
}

fn empty_payload(attempted: impl fmt::Display) -> io::Error {
    let text = format!(
        "{attempted}: the payload is empty, which this interface does not store; nothing was written"
    );
    io::Error::new(ErrorKind::InvalidInput, text)
}

impl LocalBackend {
    /// Refuses what no batch holds, before its payloads are copied into one. The payloads may all be one slice, so that
    /// the copies would take far more memory than the caller has.
    fn check_batch_size(&self, operations: usize, bytes: impl Iterator<Item = usize>) -> io::Result<()> {
        let bytes: u64 = bytes.map(|length| length as u64).sum();
        let (what, actual, limit) = if operations > BATCH_OPERATIONS_MAX {
            ("number of entries", operations as u64, BATCH_OPERATIONS_MAX as u64)
        } else if operations > 1 && bytes > BATCH_BYTES_MAX {
            ("length in bytes", bytes, BATCH_BYTES_MAX)
        } else {
            return Ok(());
        };
        let path = self.store.path().display();
        let text = format!(
            "cannot write a batch to {path}: its {what} is {actual}, and the limit is {limit}; nothing was written"
        );
        Err(io::Error::new(ErrorKind::InvalidInput, text))
    }

    /// Commits what was collected into a batch; an error names the store.
    async fn commit_batch(&self, attempted: &str, fill: impl FnOnce(&mut Batch)) -> io::Result<u64> {
        let path = self.store.path().display();
        tail_after(self.commit(fill), fmt::from_fn(|f| write!(f, "cannot {attempted} {path}"))).await
    }
}

#[async_trait]
impl AsyncDataStoreWriter for LocalBackend {
    type DataStoreType = Self;

    fn write_stream<'life0, 'life1, 'life2, 'async_trait, R>(
        &'life0 self,
        key: &'life1 [u8],
        reader: &'life2 mut R,
    ) -> TailFuture<'async_trait>
    where
        R: 'async_trait + Read,
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        let attempted = format!("cannot write a stream to {}", escape_key(key));
        let drained = streams::drain(&self.store, reader, &attempted);
        Box::pin(async move {
            let staged = streams::finish(drained?, &attempted).await?;
            let commit = self.commit(|batch| {
                batch.put(key, staged);
            });
            tail_after(commit, attempted).await
        })
    }

    fn write_stream_with_key_hash<'life0, 'life1, 'async_trait, R>(
        &'life0 self,
        key_hash: u64,
        reader: &'life1 mut R,
    ) -> TailFuture<'async_trait>
    where
        R: 'async_trait + Read,
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        let attempted = format!("cannot write a stream to {}", hash_text(key_hash));
        let drained = streams::drain(&self.store, reader, &attempted);
        Box::pin(async move {
            let staged = streams::finish(drained?, &attempted).await?;
            let commit = self.commit(|batch| {
                batch.put_hashed(key_hash, staged);
            });
            tail_after(commit, attempted).await
        })
    }

    async fn write(&self, key: &[u8], payload: &[u8]) -> io::Result<u64> {
        let attempted = fmt::from_fn(|f| write!(f, "cannot write {}", escape_key(key)));
        refuse_empty(payload, &attempted)?;
        let commit = self.commit(|batch| {
            batch.put(key, payload);
        });
        tail_after(commit, attempted).await
    }

    async fn write_with_key_hash(&self, key_hash: u64, payload: &[u8]) -> io::Result<u64> {
        let attempted = fmt::from_fn(|f| write!(f, "cannot write {}", hash_text(key_hash)));
        refuse_empty(payload, &attempted)?;
        let commit = self.commit(|batch| {
            batch.put_hashed(key_hash, payload);
        });
        tail_after(commit, attempted).await
    }

    async fn batch_write(&self, entries: &[(&[u8], &[u8])]) -> io::Result<u64> {
        self.check_batch_size(entries.len(), entries.iter().map(|(key, payload)| key.len() + payload.len()))?;
        for (key, payload) in entries {
            refuse_empty(
                payload,
                fmt::from_fn(|f| write!(f, "cannot write a batch with {}", escape_key(key))),
            )?;
        }
        self.commit_batch("write a batch to", |batch| {
            batch.put_all(entries);
        })
        .await
    }

    async fn batch_write_with_key_hashes(
        &self,
        prehashed_keys: Vec<(u64, &[u8])>,
        allow_null_bytes: bool,
    ) -> io::Result<u64> {
        self.check_batch_size(prehashed_keys.len(), prehashed_keys.iter().map(|(_, payload)| payload.len()))?;
        for (hash, payload) in &prehashed_keys {
            let attempted = fmt::from_fn(|f| write!(f, "cannot write a batch with {}", hash_text(*hash)));
            refuse_empty(payload, &attempted)?;
            if !allow_null_bytes && *payload == b"\0" {
                let text = format!(
                    "{attempted}: the payload is one NUL byte, which the caller does not allow; nothing was written"
                );
                return Err(io::Error::new(ErrorKind::InvalidInput, text));
            }
        }
        self.commit_batch("write a batch to", |batch| {
            for (hash, payload) in prehashed_keys {
                batch.put_hashed(hash, payload);
            }
        })
        .await
    }

    async fn rename(&self, old_key: &[u8], new_key: &[u8]) -> io::Result<u64> {
        let commit = self.commit(|batch| {
            batch.rename(old_key, new_key);
        });
        match commit.await {
            Ok(outcome) => Ok(outcome.tail.0),
            // The text says all of it already, and names the key.
            Err(error) if error.kind() == pentad_engine::ErrorKind::KeyNotFound || old_key == new_key => {
                Err(error.into())
            }
            Err(error) => {
                let (old, new) = (escape_key(old_key), escape_key(new_key));
                Err(io_error(format_args!("cannot rename {old} to {new}"), error))
            }
        }
    }

    async fn copy(&self, key: &[u8], target: &Self) -> io::Result<u64> {
        self.copy_entry(key, target).await
    }

    async fn transfer(&self, key: &[u8], target: &Self) -> io::Result<u64> {
        self.transfer_entry(key, target).await
    }

    async fn delete(&self, key: &[u8]) -> io::Result<u64> {
        let commit = self.commit(|batch| {
            batch.delete_with_hashed(key);
        });
        tail_after(commit, fmt::from_fn(|f| write!(f, "cannot delete {}", escape_key(key)))).await
    }

    async fn batch_delete(&self, keys: &[&[u8]]) -> io::Result<u64> {
        self.commit_batch("delete a batch from", |batch| {
            for key in keys {
                batch.delete_with_hashed(key);
            }
        })
        .await
    }

    async fn batch_delete_key_hashes(&self, prehashed_keys: &[u64]) -> io::Result<u64> {
        self.commit_batch("delete a batch from", |batch| {
            for hash in prehashed_keys {
                batch.delete_hashed(*hash);
            }
        })
        .await
    }
}
