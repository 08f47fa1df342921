//! `KvBackend` over any caller.
//!
//! The invariant: each method but `list_keys` is one call with its conditions, so that nothing comes between looking and writing.
//! The limits that this interface has words for are looked at before anything is sent.

use pentad_traits::KvError;

use crate::caller::Caller;
use crate::keys::{Keys, PageRequest};
use crate::wire::{Bounds, FailureKind, WriteResult};
use crate::{Batch, Failure};

/// Implements [`KvBackend`](crate::KvBackend) for a [`Caller`](crate::Caller).
#[macro_export]
macro_rules! kv_backend_over_caller {
    ($caller:ty) => {
        #[$crate::async_trait]
        impl $crate::KvBackend for $caller {
            async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, $crate::KvError> {
                $crate::TextKeys::new(self).key(key)?;
                Ok($crate::Keys::new(self).get(key).await?.map(|value| value.to_vec()))
            }

            async fn set(&self, key: &str, value: &[u8]) -> Result<(), $crate::KvError> {
                let mut batch = $crate::Batch::new();
                batch.put(key, value);
                $crate::TextKeys::new(self).pair(key, value)?.commit(batch).await?;
                Ok(())
            }

            async fn set_with_ttl(
                &self,
                key: &str,
                value: &[u8],
                ttl_ns: u64,
            ) -> Result<(), $crate::KvError> {
                let expiry = $crate::Expiry::After(::std::time::Duration::from_nanos(ttl_ns));
                let mut batch = $crate::Batch::new();
                batch.put_expiring(key, value, expiry);
                $crate::TextKeys::new(self).pair(key, value)?.commit(batch).await?;
                Ok(())
            }

            async fn delete(&self, key: &str) -> Result<bool, $crate::KvError> {
                let mut batch = $crate::Batch::new();
                batch.delete(key);
                Ok($crate::TextKeys::new(self).key(key)?.commit(batch).await?.deleted > 0)
            }

            async fn exists(&self, key: &str) -> Result<bool, $crate::KvError> {
                $crate::TextKeys::new(self).key(key)?;
                Ok($crate::Keys::new(self).describe(key).await?.is_some())
            }

            async fn list_keys(&self, prefix: &str) -> Result<Vec<String>, $crate::KvError> {
                $crate::TextKeys::new(self).list(prefix).await
            }

            async fn increment(&self, key: &str, delta: i64) -> Result<i64, $crate::KvError> {
                let mut batch = $crate::Batch::new();
                batch.increment(key, delta);
                let result = $crate::TextKeys::new(self).key(key)?.commit(batch).await?;
                result.counter.ok_or_else(|| {
                    let text = format!("the increment of {key:?} was acknowledged without a result");
                    $crate::KvError::Storage(text)
                })
            }

            async fn compare_and_swap(
                &self,
                key: &str,
                expected: Option<&[u8]>,
                new: &[u8],
            ) -> Result<bool, $crate::KvError> {
                let batch = $crate::Batch::swapping(key.as_bytes(), expected, new);
                Ok($crate::TextKeys::new(self).pair(key, new)?.commit(batch).await?.applied)
            }
        }
    };
}

/// How often a listing is begun anew when what it began with was given up meanwhile.
const LISTINGS_MAX: u32 = 4;

/// Keys as `KvBackend` knows them: text, within limits.
#[derive(Debug)]
pub struct TextKeys<'c, C> {
    caller: &'c C,
}

impl<'c, C: Caller> TextKeys<'c, C> {
    /// Those of `caller`, with its limits.
    pub fn new(caller: &'c C) -> Self {
        Self { caller }
    }

    /// Refuses what is no key.
    ///
    /// # Errors
    ///
    /// [`KvError::InvalidKey`].
    pub fn key(self, key: &str) -> Result<Self, KvError> {
        if key.is_empty() || key.len() > self.caller.limits().key_bytes_max {
            return Err(KvError::InvalidKey);
        }
        Ok(self)
    }

    /// Refuses what is no key, and values that are too long.
    ///
    /// # Errors
    ///
    /// [`KvError::InvalidKey`] and [`KvError::ValueTooLarge`].
    pub fn pair(self, key: &str, value: &[u8]) -> Result<Self, KvError> {
        if value.len() > self.caller.limits().kv_value_bytes_max {
            return self.key(key).and(Err(KvError::ValueTooLarge));
        }
        self.key(key)
    }

    /// Commits a batch within the quota.
    ///
    /// # Errors
    ///
    /// As [`Keys::commit`].
    pub async fn commit(self, mut batch: Batch) -> Result<WriteResult, Failure> {
        if let Some(keys) = self.caller.limits().kv_keys_max {
            batch.limit_keys(keys);
        }
        Keys::new(self.caller).commit(batch).await
    }

    /// The keys with `prefix` that are text and not empty, in one view.
    ///
    /// # Errors
    ///
    /// [`KvError::Storage`], also when so much was written meanwhile that no view stayed for long enough.
    pub async fn list(self, prefix: &str) -> Result<Vec<String>, KvError> {
        if prefix.len() > self.caller.limits().key_bytes_max {
            return Ok(Vec::new());
        }
        for _ in 1..LISTINGS_MAX {
            match self.list_once(prefix).await {
                // The view of the first page is gone; there is a newer one.
                Err(failure) if failure.kind() == FailureKind::Pruned => {}
                listed => return Ok(listed?),
            }
        }
        Ok(self.list_once(prefix).await?)
    }

    async fn list_once(&self, prefix: &str) -> Result<Vec<String>, Failure> {
        let bounds = Bounds::prefix(prefix);
        let mut request = PageRequest { keys_only: true, one_view: true, ..PageRequest::new(bounds) };
        let mut keys = Vec::new();
        loop {
            let page = Keys::new(self.caller).page(request.clone()).await?;
            for row in page.rows {
                // Other interfaces may have written keys that are no text, or empty: those are not of this interface.
                match String::from_utf8(row.key.into()) {
                    Ok(key) if !key.is_empty() => keys.push(key),
                    Ok(_) | Err(_) => {}
                }
            }
            let Some(next) = page.next else { return Ok(keys) };
            request.token = Some(next);
        }
    }
}
