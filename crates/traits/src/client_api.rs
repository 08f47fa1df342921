//! `ClientApi`: what a client of a store needs, the same whether the store is embedded, served or replicated.
//!
//! The invariant of this interface: an answer is the truth of one instant between call and answer, unless the
//! caller asked for less, and a write whose outcome is not known is never reported as not applied.

mod error;
mod error_code;
mod node;
mod read_consistency_policy;

use async_trait::async_trait;
use bytes::Bytes;

pub use error::{ClientApiError, ClientApiResult, LeaderHint};
pub use error_code::{ErrorCode, UnknownNumber};
pub use node::{NodeMeta, NodeRole, NodeStatus};
pub use read_consistency_policy::ReadConsistencyPolicy;

/// A client of a store. Not dyn-compatible: keys and values are generic, so that `b"key"`, `String` and `Bytes`
/// are all passed as they are.
///
/// Source: the trait of the same name of d-engine, a Raft store with embedded and gRPC clients. The crate's front
/// page gives the rules common to all interfaces.
///
/// Keys are 0 to 65,535 bytes and values 0 to 1 GiB; empty ones are ordinary.
///
/// # Writes
///
/// Linearizable. A write answers once it is durable: on the disk of a single node, on a majority of the nodes of a
/// cluster.
///
/// # A single node
///
/// A local store answers the whole interface. It is the leader and the only member, `{ id: 1, address: "", role:
/// Leader, status: Active }`, and every read, whatever its policy, sees the latest commit.
///
/// # Errors
///
/// - [`ClientApiError::Network`]: the store was not reached or did not answer. With
///   [`ErrorCode::ConnectionTimeout`] the outcome of a write **is not known**: it may have been applied, or may
///   still be. Read, or make the write conditional, before repeating it;
/// - [`ClientApiError::Business`]: refused with nothing changed: no leader, beyond a limit (the message gives limit
///   and actual size), too many requests;
/// - [`ClientApiError::Storage`]: the disk is full or failed, or stored bytes are damaged;
/// - [`ClientApiError::Protocol`]: both sides do not speak the same version;
/// - [`ClientApiError::General`]: all else.
///
/// # Where this differs from d-engine
///
/// There a write is acknowledged from memory and a timeout reads like a refusal; here neither is so.
#[async_trait]
pub trait ClientApi: Send + Sync {
    /// Stores `value` under `key` without a deadline.
    async fn put(&self, key: impl AsRef<[u8]> + Send, value: impl AsRef<[u8]> + Send) -> ClientApiResult<()>;

    /// Stores `value` under `key` for `ttl_secs` seconds of store time from when the write is accepted.
    ///
    /// 0 means no expiry, unlike [`KvBackend::set_with_ttl`](crate::KvBackend::set_with_ttl), where it expires at
    /// once. A deadline beyond the range of store time is the end of that range.
    async fn put_with_ttl(
        &self,
        key: impl AsRef<[u8]> + Send,
        value: impl AsRef<[u8]> + Send,
        ttl_secs: u64,
    ) -> ClientApiResult<()>;

    /// The value of `key`, or `None` when it is absent or expired. Linearizable.
    async fn get(&self, key: impl AsRef<[u8]> + Send) -> ClientApiResult<Option<Bytes>>;

    /// The values of `keys` in their order, duplicates included, `None` for missing ones; one consistent view,
    /// linearizable.
    async fn get_multi(&self, keys: &[Bytes]) -> ClientApiResult<Vec<Option<Bytes>>>;

    /// Deletes `key`. A missing key is no error.
    async fn delete(&self, key: impl AsRef<[u8]> + Send) -> ClientApiResult<()>;

    /// Stores `new_value` under `key`, without a deadline, if its value is `expected_value`; whether it was.
    ///
    /// An `expected_value` of `None` asks that the key is absent or expired. On a mismatch, which is `Ok(false)`,
    /// value and deadline stay. Values are compared, not versions.
    async fn compare_and_swap(
        &self,
        key: impl AsRef<[u8]> + Send,
        expected_value: Option<impl AsRef<[u8]> + Send>,
        new_value: impl AsRef<[u8]> + Send,
    ) -> ClientApiResult<bool>;

    /// All members of the cluster, learners included; of a local store the one described above.
    async fn list_members(&self) -> ClientApiResult<Vec<NodeMeta>>;

    /// The id of the leader, `None` while there is none.
    async fn get_leader_id(&self) -> ClientApiResult<Option<u32>>;

    /// As [`get_multi`](Self::get_multi), reading as `consistency_policy` says; `None` is
    /// [`ReadConsistencyPolicy::LinearizableRead`].
    ///
    /// The answer is one consistent view under every policy, of the latest commit or, with
    /// [`ReadConsistencyPolicy::EventualConsistency`] in a cluster, of an earlier one.
    async fn get_multi_with_policy(
        &self,
        keys: &[Bytes],
        consistency_policy: Option<ReadConsistencyPolicy>,
    ) -> ClientApiResult<Vec<Option<Bytes>>>;

    /// The value of `key` at the latest commit, confirmed with a majority.
    async fn get_linearizable(&self, key: impl AsRef<[u8]> + Send) -> ClientApiResult<Option<Bytes>>;

    /// The value of `key` at the latest commit, as long as the leader holds its lease: cheaper, and as strong while
    /// clocks run at about the same speed.
    async fn get_lease(&self, key: impl AsRef<[u8]> + Send) -> ClientApiResult<Option<Bytes>>;

    /// The value of `key` on the node that answers, which may be behind.
    async fn get_eventual(&self, key: impl AsRef<[u8]> + Send) -> ClientApiResult<Option<Bytes>>;
}
