//! `ClientApi` of the reference store.

use std::pin::Pin;

use bytes::Bytes;
use pentad_traits::{
    ClientApi, ClientApiError, ClientApiResult, ErrorCode, NodeMeta, NodeRole, NodeStatus,
    ReadConsistencyPolicy, async_trait,
};

use super::state::{Change, Deadline, Id};
use super::store::{Store, yield_once};
use crate::defect::Defect as D;

fn refusal(code: ErrorCode, message: impl Into<String>) -> ClientApiError {
    ClientApiError::Business { code, message: message.into(), required_action: None }
}

impl Store {
    fn answers(&self) -> ClientApiResult<()> {
        if !self.inner.unanswered {
            return Ok(());
        }
        if self.has(D::TimeoutReadsAsRefusal) {
            return Err(refusal(ErrorCode::ProposeFailed, "the request was not applied"));
        }
        Err(ClientApiError::Network {
            code: ErrorCode::ConnectionTimeout,
            message: "no answer within 10 ms; the outcome is not known".to_owned(),
            retry_after_ms: None,
            leader_hint: None,
        })
    }

    fn put_bytes(&self, key: &[u8], value: &[u8], deadline: Option<Deadline>) -> ClientApiResult<()> {
        self.answers()?;
        let key = if self.has(D::ClientCutsKeys) { &key[..key.len().min(5)] } else { key };
        self.commit(vec![Change { deadline, ..Change::put(Id::key(key), value) }])
            .map(|_| ())
            .map_err(|message| refusal(ErrorCode::InvalidRequest, message))
    }

    fn get_at(&self, key: &[u8], now_ns: u64, stale: bool) -> Option<Bytes> {
        let state = self.lock();
        let state = state.before_last.as_deref().filter(|_| stale).unwrap_or(&state);
        state.live(&Id::key(key), now_ns).map(|entry| entry.payload.clone())
    }
}

#[async_trait]
impl ClientApi for Store {
    // Written out for the defect that does not wait for the first poll.
    fn put<'life0, 'async_trait>(
        &'life0 self,
        key: impl 'async_trait + AsRef<[u8]> + Send,
        value: impl 'async_trait + AsRef<[u8]> + Send,
    ) -> Pin<Box<dyn Future<Output = ClientApiResult<()>> + Send + 'async_trait>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        let (key, value) = (key.as_ref().to_vec(), value.as_ref().to_vec());
        let written = self.has(D::WritesWhenCalled).then(|| self.put_bytes(&key, &value, None));
        Box::pin(async move {
            if let Some(result) = written {
                return result;
            }
            if self.has(D::TornWhenDropped) {
                self.put_bytes(&key, &value[..value.len() / 2], None)?;
            }
            yield_once().await;
            self.put_bytes(&key, &value, None)
        })
    }

    async fn put_with_ttl(
        &self,
        key: impl AsRef<[u8]> + Send,
        value: impl AsRef<[u8]> + Send,
        ttl_secs: u64,
    ) -> ClientApiResult<()> {
        yield_once().await;
        let unit_ns = if self.has(D::TtlSecondsAreMilliseconds) { 1_000_000 } else { 1_000_000_000 };
        let ttl_ns = match self.has(D::TtlOverflowWraps) {
            true => ttl_secs.wrapping_mul(unit_ns),
            false => ttl_secs.saturating_mul(unit_ns),
        };
        let expires = ttl_secs > 0 || self.has(D::ZeroSecondsExpire);
        self.put_bytes(key.as_ref(), value.as_ref(), expires.then(|| self.deadline(ttl_ns)))
    }

    async fn get(&self, key: impl AsRef<[u8]> + Send) -> ClientApiResult<Option<Bytes>> {
        yield_once().await;
        self.answers()?;
        Ok(self.get_at(key.as_ref(), self.now_ns(), false))
    }

    async fn get_multi(&self, keys: &[Bytes]) -> ClientApiResult<Vec<Option<Bytes>>> {
        self.get_multi_with_policy(keys, None).await
    }

    async fn delete(&self, key: impl AsRef<[u8]> + Send) -> ClientApiResult<()> {
        yield_once().await;
        self.answers()?;
        if self.get_at(key.as_ref(), self.now_ns(), false).is_none() {
            return match self.has(D::ClientDeleteNeedsKey) {
                true => Err(refusal(ErrorCode::KeyNotExist, "the key is missing")),
                false => Ok(()),
            };
        }
        self.commit(vec![Change::delete(Id::key(key.as_ref()))])
            .map(|_| ())
            .map_err(|message| refusal(ErrorCode::InvalidRequest, message))
    }

    async fn compare_and_swap(
        &self,
        key: impl AsRef<[u8]> + Send,
        expected_value: Option<impl AsRef<[u8]> + Send>,
        new_value: impl AsRef<[u8]> + Send,
    ) -> ClientApiResult<bool> {
        self.answers()?;
        let expected = expected_value.map(|value| value.as_ref().to_vec());
        let (key, new) = (key.as_ref().to_vec(), new_value.as_ref().to_vec());
        self.swap(&key, expected.as_deref(), &new)
            .await
            .map_err(|message| refusal(ErrorCode::InvalidRequest, message))
    }

    async fn list_members(&self) -> ClientApiResult<Vec<NodeMeta>> {
        let address = if self.has(D::LocalMemberHasAddress) { "localhost" } else { "" };
        let (role, status) = (NodeRole::Leader.into(), NodeStatus::Active.into());
        Ok(vec![NodeMeta { id: 1, address: address.to_owned(), role, status }])
    }

    async fn get_leader_id(&self) -> ClientApiResult<Option<u32>> {
        Ok(Some(if self.has(D::LeaderIsNoMember) { 2 } else { 1 }))
    }

    async fn get_multi_with_policy(
        &self,
        keys: &[Bytes],
        consistency_policy: Option<ReadConsistencyPolicy>,
    ) -> ClientApiResult<Vec<Option<Bytes>>> {
        yield_once().await;
        self.answers()?;
        if consistency_policy == Some(ReadConsistencyPolicy::EventualConsistency)
            && self.has(D::EventualPolicyIsRefused)
        {
            return Err(refusal(ErrorCode::InvalidRequest, "the policy is not supported"));
        }
        let stale = consistency_policy.is_some() && self.has(D::PolicyIsIgnoredForStaleRead);
        let mut keys = keys.to_vec();
        if self.has(D::MultiGetSortsKeys) {
            keys.sort();
        }
        let now_ns = if self.has(D::MultiGetSeesExpired) { 0 } else { self.now_ns() };
        let torn = self.has(D::MultiGetIsTorn);
        let mut values = Vec::new();
        for key in &keys {
            // Without the yield nothing comes between, as in a swap.
            values.push(self.get_at(key, now_ns, stale));
            if torn {
                for _ in 0..5 {
                    yield_once().await;
                }
            }
        }
        Ok(values)
    }

    async fn get_linearizable(&self, key: impl AsRef<[u8]> + Send) -> ClientApiResult<Option<Bytes>> {
        self.get(key).await
    }

    async fn get_lease(&self, key: impl AsRef<[u8]> + Send) -> ClientApiResult<Option<Bytes>> {
        yield_once().await;
        self.answers()?;
        Ok(self.get_at(key.as_ref(), self.now_ns(), self.has(D::LeaseReadIsStale)))
    }

    async fn get_eventual(&self, key: impl AsRef<[u8]> + Send) -> ClientApiResult<Option<Bytes>> {
        yield_once().await;
        self.answers()?;
        let now_ns = if self.has(D::EventualReadSeesExpired) { 0 } else { self.now_ns() };
        Ok(self.get_at(key.as_ref(), now_ns, false))
    }
}
