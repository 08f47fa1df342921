//! `ClientApi` over the engine: a store that is the leader and only member of its cluster.
//!
//! The invariant: every read is of the latest commit, whatever consistency is asked for, and every write is one batch.
//! Values in an answer are `Bytes` that borrow the store's map.

use std::time::Duration;

use bytes::Bytes;
use pentad_engine::{Expect, Expiry};
use pentad_traits::{
    ClientApi, ClientApiResult, NodeMeta, NodeRole, NodeStatus, ReadConsistencyPolicy, async_trait,
};

use crate::backend::LocalBackend;
use crate::errors::client_error;

/// The id of the only member.
const NODE_ID: u32 = 1;

impl LocalBackend {
    fn latest(&self, key: &[u8]) -> ClientApiResult<Option<Bytes>> {
        Ok(self.store.get(key).map_err(client_error)?.map(Bytes::from))
    }
}

#[async_trait]
impl ClientApi for LocalBackend {
    async fn put(&self, key: impl AsRef<[u8]> + Send, value: impl AsRef<[u8]> + Send) -> ClientApiResult<()> {
        let commit = self.commit(|batch| {
            batch.put(&key, value.as_ref());
        });
        commit.await.map_err(client_error)?;
        Ok(())
    }

    async fn put_with_ttl(
        &self,
        key: impl AsRef<[u8]> + Send,
        value: impl AsRef<[u8]> + Send,
        ttl_secs: u64,
    ) -> ClientApiResult<()> {
        let expiry = match ttl_secs {
            0 => Expiry::Never,
            secs => Expiry::After(Duration::from_secs(secs)),
        };
        let commit = self.commit(|batch| {
            batch.put_expiring(&key, value.as_ref(), expiry);
        });
        commit.await.map_err(client_error)?;
        Ok(())
    }

    async fn get(&self, key: impl AsRef<[u8]> + Send) -> ClientApiResult<Option<Bytes>> {
        self.latest(key.as_ref())
    }

    async fn get_multi(&self, keys: &[Bytes]) -> ClientApiResult<Vec<Option<Bytes>>> {
        let values = self.store.get_many(keys).map_err(client_error)?;
        Ok(values.into_iter().map(|value| value.map(Bytes::from)).collect())
    }

    async fn delete(&self, key: impl AsRef<[u8]> + Send) -> ClientApiResult<()> {
        let commit = self.commit(|batch| {
            batch.delete(&key);
        });
        commit.await.map_err(client_error)?;
        Ok(())
    }

    async fn compare_and_swap(
        &self,
        key: impl AsRef<[u8]> + Send,
        expected_value: Option<impl AsRef<[u8]> + Send>,
        new_value: impl AsRef<[u8]> + Send,
    ) -> ClientApiResult<bool> {
        let expect = expected_value
            .map_or(Expect::Absent, |value| Expect::Value(Bytes::copy_from_slice(value.as_ref())));
        let commit = self.commit(|batch| {
            batch.require(&key, expect).put(&key, new_value.as_ref());
        });
        Ok(commit.await.map_err(client_error)?.applied)
    }

    async fn list_members(&self) -> ClientApiResult<Vec<NodeMeta>> {
        Ok(vec![NodeMeta {
            id: NODE_ID,
            address: String::new(),
            role: NodeRole::Leader.into(),
            status: NodeStatus::Active.into(),
        }])
    }

    async fn get_leader_id(&self) -> ClientApiResult<Option<u32>> {
        Ok(Some(NODE_ID))
    }

    async fn get_multi_with_policy(
        &self,
        keys: &[Bytes],
        _consistency_policy: Option<ReadConsistencyPolicy>,
    ) -> ClientApiResult<Vec<Option<Bytes>>> {
        self.get_multi(keys).await
    }

    async fn get_linearizable(&self, key: impl AsRef<[u8]> + Send) -> ClientApiResult<Option<Bytes>> {
        self.latest(key.as_ref())
    }

    async fn get_lease(&self, key: impl AsRef<[u8]> + Send) -> ClientApiResult<Option<Bytes>> {
        self.latest(key.as_ref())
    }

    async fn get_eventual(&self, key: impl AsRef<[u8]> + Send) -> ClientApiResult<Option<Bytes>> {
        self.latest(key.as_ref())
    }
}
