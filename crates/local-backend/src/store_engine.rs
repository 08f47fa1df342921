//! `StoreEngine` over the engine: synchronous, and waiting for the disk where it must.
//!
//! The invariant: every call is one commit or one consistent view of the engine's, never several in turn. The rows that it
//! answers hold their values as `Bytes` that borrow the store's map.

use std::ops::Bound;

use bytes::Bytes;
use pentad_engine::{Batch, Error, Sequence, Value};
use pentad_traits::StoreEngine;

use crate::backend::LocalBackend;
use crate::errors::text;

impl LocalBackend {
    /// Commits `batch`, which takes a sequence whatever it changes, and answers the sequence.
    fn commit_numbered(&self, mut batch: Batch) -> Result<u64, String> {
        batch.always();
        let outcome = self.store.commit(batch).map_err(text)?;
        let sequence = outcome.sequence.ok_or_else(|| {
            format!("a commit to {} was acknowledged without a sequence", self.store.path().display())
        })?;
        Ok(sequence.0)
    }
}

fn row(row: Result<(Bytes, Value), Error>) -> Result<(Bytes, Bytes), String> {
    row.map(|(key, value)| (key, value.into())).map_err(text)
}

impl StoreEngine for LocalBackend {
    fn put_batch(&self, kvs: &[(Bytes, Bytes)]) -> Result<u64, String> {
        let mut batch = Batch::new();
        for (key, value) in kvs {
            // Shares the caller's buffer until the commit below is done, and not longer.
            batch.put(key, value.clone());
        }
        self.commit_numbered(batch)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Ok(self.store.get(key).map_err(text)?.map(|value| value.to_vec()))
    }

    fn range_scan(
        &self,
        start: &[u8],
        end: &[u8],
        limit: usize,
        forward: bool,
    ) -> Result<Vec<(Bytes, Bytes)>, String> {
        // An empty end is no bound, so that it is not below any start.
        if limit == 0 || (!end.is_empty() && start > end) {
            return Ok(Vec::new());
        }
        let upper = if end.is_empty() { Bound::Unbounded } else { Bound::Included(end) };
        let rows = self.store.range::<&[u8]>((Bound::Included(start), upper));
        if forward { rows.take(limit).map(row).collect() } else { rows.rev().take(limit).map(row).collect() }
    }

    fn delete_batch(&self, keys: &[&[u8]]) -> Result<u64, String> {
        let mut batch = Batch::new();
        for key in keys {
            batch.delete(key);
        }
        self.commit_numbered(batch)
    }

    fn current_sequence(&self) -> u64 {
        self.store.sequence().0
    }

    fn get_batch(&self, sequence_number: u64) -> Result<Option<Vec<(Bytes, Bytes)>>, String> {
        let pairs = self.store.batch(Sequence(sequence_number)).map_err(text)?;
        Ok(pairs.map(|pairs| pairs.into_iter().map(|(key, value)| (key, value.into())).collect()))
    }

    fn oldest_retained_batch(&self) -> Result<Option<u64>, String> {
        Ok(self.store.oldest_batch().map(|sequence| sequence.0))
    }

    fn prune_batch_log(&self, cutoff_exclusive: u64) -> Result<u64, String> {
        self.store.prune(Sequence(cutoff_exclusive)).map_err(text)
    }

    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<(Vec<u8>, Option<Vec<u8>>)>, String> {
        let values = self.store.get_many(keys).map_err(text)?;
        let pairs = keys.iter().zip(values);
        Ok(pairs.map(|(key, value)| (key.to_vec(), value.map(|value| value.to_vec()))).collect())
    }
}
