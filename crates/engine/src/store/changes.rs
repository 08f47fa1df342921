//! Changes that answer with what was there, or that touch what is there: each a commit of its own, and a short word for a
//! [`Batch`] of one operation.

use std::ops::RangeBounds;

use bytes::Bytes;

use super::handle::Store;
use crate::batch::{Batch, Expiry, Payload};
use crate::error::Result;

impl Store {
    /// Stores `value` under `key` and returns the value that was there before, in one commit.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    pub fn replace<'v>(&self, key: impl AsRef<[u8]>, value: impl Into<Payload<'v>>) -> Result<Option<Bytes>> {
        let mut batch = Batch::new();
        batch.put(key, value).with_previous();
        Ok(self.commit(batch)?.previous.pop().flatten())
    }

    /// Deletes `key` and returns the value that it had, in one commit.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    pub fn take(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>> {
        let mut batch = Batch::new();
        batch.delete(key).with_previous();
        Ok(self.commit(batch)?.previous.pop().flatten())
    }

    /// Adds `delta` to the decimal number at `key` and returns the sum; see [`Batch::increment`].
    ///
    /// # Errors
    ///
    /// As [`Store::commit`], and [`ErrorKind::WrongType`](crate::ErrorKind::WrongType) when the value is no number.
    pub fn increment(&self, key: impl AsRef<[u8]>, delta: i64) -> Result<i64> {
        let mut batch = Batch::new();
        batch.increment(key, delta);
        Ok(self.commit(batch)?.counter.unwrap_or(delta))
    }

    /// Sets when the entry of `key` ends and leaves its value as it is; whether it is there. See [`Batch::set_expiry`];
    /// [`EntryInfo::deadline`](crate::EntryInfo::deadline) tells what was set.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    pub fn set_expiry(&self, key: impl AsRef<[u8]>, expiry: Expiry) -> Result<bool> {
        let mut batch = Batch::new();
        batch.set_expiry(key, expiry);
        Ok(self.commit(batch)?.renewed > 0)
    }

    /// Deletes every key in `bounds` in one commit, and returns how many that were; see [`Batch::delete_range`].
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    pub fn delete_range<K: AsRef<[u8]>>(&self, bounds: impl RangeBounds<K>) -> Result<u64> {
        let mut batch = Batch::new();
        batch.delete_range(bounds);
        Ok(self.commit(batch)?.deleted)
    }

    /// Deletes every key that starts with `prefix` in one commit, and returns how many that were.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    pub fn delete_prefix(&self, prefix: impl AsRef<[u8]>) -> Result<u64> {
        let mut batch = Batch::new();
        batch.delete_prefix(prefix);
        Ok(self.commit(batch)?.deleted)
    }
}
