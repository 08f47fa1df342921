//! `KvBackend` over the engine: text keys, deadlines, counters and compare-and-swap.
//!
//! The invariant: each call is one batch with its conditions, judged where it is committed, so that nothing comes
//! between looking and writing. The limits that this interface has words for are found out before the engine is asked.

use std::time::Duration;

use bytes::Bytes;
use pentad_engine::{Batch, CommitFuture, Expect, Expiry};
use pentad_traits::{KvBackend, KvError, async_trait};

use crate::backend::LocalBackend;
use crate::errors::kv_error;

impl LocalBackend {
    fn check_kv_key(&self, key: &str) -> Result<(), KvError> {
        if key.is_empty() || key.len() > self.limits.key_bytes_max {
            return Err(KvError::InvalidKey);
        }
        Ok(())
    }

    fn check_kv_pair(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        self.check_kv_key(key)?;
        if value.len() as u64 > self.limits.kv_value_bytes_max {
            return Err(KvError::ValueTooLarge);
        }
        Ok(())
    }

    /// The commit of a batch that may add a key.
    fn commit_within_quota(&self, fill: impl FnOnce(&mut Batch)) -> CommitFuture {
        self.commit(|batch| {
            fill(batch);
            if let Some(keys) = self.limits.kv_keys_max {
                batch.limit_keys(keys);
            }
        })
    }
}

#[async_trait]
impl KvBackend for LocalBackend {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        self.check_kv_key(key)?;
        Ok(self.store.get(key).map_err(kv_error)?.map(|value| value.to_vec()))
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        self.check_kv_pair(key, value)?;
        self.commit_within_quota(|batch| {
            batch.put(key, value);
        })
        .await
        .map_err(kv_error)?;
        Ok(())
    }

    async fn set_with_ttl(&self, key: &str, value: &[u8], ttl_ns: u64) -> Result<(), KvError> {
        self.check_kv_pair(key, value)?;
        self.commit_within_quota(|batch| {
            batch.put_expiring(key, value, Expiry::After(Duration::from_nanos(ttl_ns)));
        })
        .await
        .map_err(kv_error)?;
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<bool, KvError> {
        self.check_kv_key(key)?;
        let outcome = self
            .commit(|batch| {
                batch.delete(key);
            })
            .await
            .map_err(kv_error)?;
        Ok(outcome.deleted > 0)
    }

    async fn exists(&self, key: &str) -> Result<bool, KvError> {
        self.check_kv_key(key)?;
        self.store.contains_key(key).map_err(kv_error)
    }

    async fn list_keys(&self, prefix: &str) -> Result<Vec<String>, KvError> {
        let mut keys = Vec::new();
        for key in self.store.prefix(prefix).keys() {
            // Other interfaces may have written keys that are no text, or empty: those are not of this interface.
            match String::from_utf8(key.map_err(kv_error)?.into()) {
                Ok(key) if !key.is_empty() => keys.push(key),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(keys)
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, KvError> {
        self.check_kv_key(key)?;
        let outcome = self
            .commit_within_quota(|batch| {
                batch.increment(key, delta);
            })
            .await
            .map_err(kv_error)?;
        outcome.counter.ok_or_else(|| {
            KvError::Storage(format!("the increment of {key:?} was acknowledged without a result"))
        })
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, KvError> {
        self.check_kv_pair(key, new)?;
        let expect = expected.map_or(Expect::Absent, |value| Expect::Value(Bytes::copy_from_slice(value)));
        let outcome = self
            .commit_within_quota(|batch| {
                batch.require(key, expect).put(key, new);
            })
            .await
            .map_err(kv_error)?;
        Ok(outcome.applied)
    }
}
