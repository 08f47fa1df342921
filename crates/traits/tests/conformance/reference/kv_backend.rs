//! `KvBackend` of the reference store.

use std::pin::Pin;

use pentad_traits::{KvBackend, KvError, async_trait};

use super::state::{Change, Deadline, Id, State};
use super::store::{Store, yield_once};
use crate::defect::Defect as D;

impl Store {
    fn check_key(&self, key: &str) -> Result<(), KvError> {
        let refused = (key.is_empty() && !self.has(D::KvTakesEmptyKeys))
            || (key.contains(char::is_control) && self.has(D::KvRefusesControlCharacters));
        if refused || self.lock().check_key(key.as_bytes(), &self.inner.limits).is_err() {
            return Err(KvError::InvalidKey);
        }
        Ok(())
    }

    fn check_value(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        let state = self.lock();
        let limit = self.inner.options.value_bytes_max.filter(|_| !state.has(D::ValueOptionIsIgnored));
        let limit = limit.unwrap_or(if state.has(D::NoValueLimit) {
            usize::MAX
        } else {
            self.inner.limits.value_bytes_max
        });
        if value.len() > limit {
            return Err(KvError::ValueTooLarge);
        }
        let keys_max = match self.inner.options.keys_max {
            None if state.has(D::QuotaIsOnByDefault) => Some(100),
            Some(_) if state.has(D::QuotaIsIgnored) => None,
            keys_max => keys_max,
        };
        let Some(keys_max) = keys_max else { return Ok(()) };
        let now_ns = self.now_ns();
        let is_new =
            state.live(&Id::key(key.as_bytes()), now_ns).is_none() || state.has(D::QuotaRefusesOverwrites);
        let keys = match state.has(D::QuotaCountsExpired) {
            true => state.entries.len(),
            false => state.live_entries(now_ns).count(),
        };
        if is_new && keys >= keys_max { Err(KvError::QuotaExceeded) } else { Ok(()) }
    }

    fn put(&self, key: &str, value: &[u8], deadline: Option<Deadline>) -> Result<(), KvError> {
        self.check_key(key)?;
        self.check_value(key, value)?;
        let put = Change { deadline, ..Change::put(Id::key(key.as_bytes()), value) };
        self.commit(vec![put]).map(|_| ()).map_err(KvError::Storage)
    }

    fn value(&self, key: &str) -> Option<Vec<u8>> {
        self.lock().live(&Id::key(key.as_bytes()), self.now_ns()).map(|entry| entry.payload.to_vec())
    }
}

/// The number that `key` holds and the deadline that it has.
fn number_of(state: &mut State, key: &str, now_ns: u64) -> Result<(i64, Option<Deadline>), KvError> {
    let id = Id::key(key.as_bytes());
    let found = match state.has(D::IncrementReadsExpired) {
        true => state.entries.get(&id),
        false => state.live(&id, now_ns),
    };
    let Some(entry) = found.cloned() else {
        return if state.has(D::IncrementNeedsKey) { Err(KvError::NotFound) } else { Ok((0, None)) };
    };
    match str::from_utf8(&entry.payload).ok().and_then(|text| text.parse().ok()) {
        Some(number) => Ok((number, entry.deadline)),
        None if state.has(D::IncrementTakesTextForZero) => Ok((0, entry.deadline)),
        None if state.has(D::IncrementCallsTextNotFound) => Err(KvError::NotFound),
        None => {
            if state.has(D::RefusedIncrementClearsDeadline)
                && let Some(entry) = state.entries.get_mut(&id)
            {
                entry.deadline = None;
            }
            Err(KvError::Storage(format!("invalid number: {} bytes", entry.payload.len())))
        }
    }
}

#[async_trait]
impl KvBackend for Store {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        yield_once().await;
        self.check_key(key)?;
        Ok(self.value(key))
    }

    // Written out for the defect that does not wait for the first poll.
    fn set<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        key: &'life1 str,
        value: &'life2 [u8],
    ) -> Pin<Box<dyn Future<Output = Result<(), KvError>> + Send + 'async_trait>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        let written = self.has(D::WritesWhenCalled).then(|| self.put(key, value, None));
        Box::pin(async move {
            if let Some(result) = written {
                return result;
            }
            if self.has(D::TornWhenDropped) {
                self.put(key, &value[..value.len() / 2], None)?;
            }
            yield_once().await;
            self.put(key, value, None)
        })
    }

    async fn set_with_ttl(&self, key: &str, value: &[u8], ttl_ns: u64) -> Result<(), KvError> {
        yield_once().await;
        let ttl_ns = if self.has(D::TtlIsAThousandth) { ttl_ns / 1_000 } else { ttl_ns };
        let forever = ttl_ns == 0 && self.has(D::ZeroTtlIsForever);
        self.put(key, value, (!forever).then(|| self.deadline(ttl_ns)))
    }

    async fn delete(&self, key: &str) -> Result<bool, KvError> {
        yield_once().await;
        self.check_key(key)?;
        if self.value(key).is_none() {
            return Ok(self.has(D::DeleteIsAlwaysTrue));
        }
        self.commit(vec![Change::delete(Id::key(key.as_bytes()))]).map(|_| true).map_err(KvError::Storage)
    }

    async fn exists(&self, key: &str) -> Result<bool, KvError> {
        yield_once().await;
        self.check_key(key)?;
        let value = self.value(key);
        Ok(value.is_some_and(|value| !(value.is_empty() && self.has(D::EmptyValueDoesNotExist))))
    }

    async fn list_keys(&self, prefix: &str) -> Result<Vec<String>, KvError> {
        yield_once().await;
        let state = self.lock();
        let now_ns = if state.has(D::ExpiredIsListed) { 0 } else { self.now_ns() };
        let mut keys: Vec<String> = state
            .live_entries(now_ns)
            .filter_map(|(id, _)| match id {
                Id::Key(key) => String::from_utf8(key.to_vec()).ok().filter(|key| !key.is_empty()),
                Id::Hash(_) => None,
            })
            .filter(|key| match state.has(D::ListMatchesAnywhere) {
                true => key.contains(prefix),
                false => key.starts_with(prefix),
            })
            .collect();
        if state.has(D::ListIsSortedByUtf16) {
            keys.sort_by_key(|key| key.encode_utf16().collect::<Vec<_>>());
        }
        if state.has(D::ListStopsAtOneHundred) {
            keys.truncate(100);
        }
        Ok(keys)
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, KvError> {
        yield_once().await;
        self.check_key(key)?;
        self.check_value(key, b"")?;
        let (number, deadline) = number_of(&mut self.lock(), key, self.now_ns())?;
        if self.has(D::IncrementIsInTwoSteps) {
            yield_once().await;
        }
        let sum = match self.has(D::IncrementWraps) {
            true => number.wrapping_add(delta),
            false => number.saturating_add(delta),
        };
        if !(delta == 0 && self.has(D::IncrementByZeroWritesNothing)) {
            self.put(
                key,
                sum.to_string().as_bytes(),
                deadline.filter(|_| self.has(D::IncrementKeepsDeadline)),
            )?;
        }
        Ok(if self.has(D::IncrementAnswersOldValue) { number } else { sum })
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, KvError> {
        self.check_key(key)?;
        self.check_value(key, new)?;
        self.swap(key.as_bytes(), expected, new).await.map_err(KvError::Storage)
    }
}
