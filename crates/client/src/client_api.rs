//! `ClientApi` over any caller.
//!
//! The invariant: each method is one call. The trait is not ours, so it cannot be implemented for all callers at once; the macro
//! is what stands in for that, and the network client and the embedded node use the same text.

use pentad_traits::NodeMeta;

use crate::caller::Caller;
use crate::wire::{Consistency, Failure};
use pentad_traits::ReadConsistencyPolicy;

/// Implements [`ClientApi`](crate::ClientApi) for a [`Caller`](crate::Caller).
#[macro_export]
macro_rules! client_api_over_caller {
    ($caller:ty) => {
        #[$crate::async_trait]
        impl $crate::ClientApi for $caller {
            async fn put(
                &self,
                key: impl AsRef<[u8]> + Send,
                value: impl AsRef<[u8]> + Send,
            ) -> $crate::ClientApiResult<()> {
                self.put_with_ttl(key, value, 0).await
            }

            async fn put_with_ttl(
                &self,
                key: impl AsRef<[u8]> + Send,
                value: impl AsRef<[u8]> + Send,
                ttl_secs: u64,
            ) -> $crate::ClientApiResult<()> {
                let expiry = match ttl_secs {
                    0 => $crate::Expiry::Never,
                    secs => $crate::Expiry::After(::std::time::Duration::from_secs(secs)),
                };
                let mut batch = $crate::Batch::new();
                batch.put_expiring(key, value, expiry);
                $crate::Keys::new(self).commit(batch).await?;
                Ok(())
            }

            async fn get(
                &self,
                key: impl AsRef<[u8]> + Send,
            ) -> $crate::ClientApiResult<Option<$crate::Bytes>> {
                self.get_linearizable(key).await
            }

            async fn get_multi(
                &self,
                keys: &[$crate::Bytes],
            ) -> $crate::ClientApiResult<Vec<Option<$crate::Bytes>>> {
                self.get_multi_with_policy(keys, None).await
            }

            async fn delete(&self, key: impl AsRef<[u8]> + Send) -> $crate::ClientApiResult<()> {
                let mut batch = $crate::Batch::new();
                batch.delete(key);
                $crate::Keys::new(self).commit(batch).await?;
                Ok(())
            }

            async fn compare_and_swap(
                &self,
                key: impl AsRef<[u8]> + Send,
                expected_value: Option<impl AsRef<[u8]> + Send>,
                new_value: impl AsRef<[u8]> + Send,
            ) -> $crate::ClientApiResult<bool> {
                let expected = expected_value.as_ref().map(AsRef::as_ref);
                let batch = $crate::Batch::swapping(key.as_ref(), expected, new_value.as_ref());
                Ok($crate::Keys::new(self).commit(batch).await?.applied)
            }

            async fn list_members(&self) -> $crate::ClientApiResult<Vec<$crate::NodeMeta>> {
                Ok($crate::Members::of(self).await?.nodes())
            }

            async fn get_leader_id(&self) -> $crate::ClientApiResult<Option<u32>> {
                Ok($crate::Members::of(self).await?.leader_id())
            }

            async fn get_multi_with_policy(
                &self,
                keys: &[$crate::Bytes],
                consistency_policy: Option<$crate::ReadConsistencyPolicy>,
            ) -> $crate::ClientApiResult<Vec<Option<$crate::Bytes>>> {
                let reads = $crate::Keys::new(self).reading(consistency_policy.unwrap_or_default().into());
                Ok(reads.get_many(keys.to_vec()).await?)
            }

            async fn get_linearizable(
                &self,
                key: impl AsRef<[u8]> + Send,
            ) -> $crate::ClientApiResult<Option<$crate::Bytes>> {
                Ok($crate::Keys::new(self).get(key).await?)
            }

            async fn get_lease(
                &self,
                key: impl AsRef<[u8]> + Send,
            ) -> $crate::ClientApiResult<Option<$crate::Bytes>> {
                Ok($crate::Keys::new(self).reading($crate::Consistency::Lease).get(key).await?)
            }

            async fn get_eventual(
                &self,
                key: impl AsRef<[u8]> + Send,
            ) -> $crate::ClientApiResult<Option<$crate::Bytes>> {
                Ok($crate::Keys::new(self).reading($crate::Consistency::Eventual).get(key).await?)
            }
        }
    };
}

impl From<ReadConsistencyPolicy> for Consistency {
    fn from(policy: ReadConsistencyPolicy) -> Self {
        match policy {
            ReadConsistencyPolicy::LeaseRead => Self::Lease,
            ReadConsistencyPolicy::LinearizableRead => Self::Linearizable,
            ReadConsistencyPolicy::EventualConsistency => Self::Eventual,
        }
    }
}

/// Members and leader of a cluster, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Members {
    response: crate::wire::MembersResponse,
}

impl Members {
    /// Those of the cluster behind `caller`.
    ///
    /// # Errors
    ///
    /// When nobody answers.
    pub async fn of(caller: &impl Caller) -> Result<Self, Failure> {
        Ok(Self { response: caller.members().await? })
    }

    /// The members, learners included, in the terms of the interface.
    pub fn nodes(&self) -> Vec<NodeMeta> {
        let members = self.response.members.iter();
        let node = |member: &crate::wire::Member| NodeMeta {
            id: member.id,
            address: member.address.clone(),
            role: member.role,
            status: member.status,
        };
        members.map(node).collect()
    }

    /// The leader, while there is one.
    pub fn leader_id(&self) -> Option<u32> {
        self.response.leader_id
    }
}
