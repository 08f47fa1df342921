//! `Caller`: whatever answers calls, over the network or in the process.
//!
//! Invariant of every implementation: a call that was answered is answered in full; a write that fails was not applied, unless
//! the failure says that its outcome is unknown. The interfaces are built on nothing else.

use crate::wire::{Failure, MembersResponse, call, reply};

/// What answers calls: the network client, or a node in this process.
///
/// A call has a deadline, which is the caller's own; when it ends, the failure says so. A write that is given without a request
/// id gets one where that is needed to repeat it safely.
pub trait Caller: Send + Sync {
    /// The answer to one call; its kind is that of the call.
    fn call(&self, kind: call::Kind) -> impl Future<Output = Result<reply::Kind, Failure>> + Send;

    /// Members and leader as they are now.
    fn members(&self) -> impl Future<Output = Result<MembersResponse, Failure>> + Send;

    /// The limits that the interfaces have words of their own for.
    fn limits(&self) -> InterfaceLimits {
        InterfaceLimits::default()
    }
}

impl<C: Caller> Caller for &C {
    fn call(&self, kind: call::Kind) -> impl Future<Output = Result<reply::Kind, Failure>> + Send {
        (**self).call(kind)
    }

    fn members(&self) -> impl Future<Output = Result<MembersResponse, Failure>> + Send {
        (**self).members()
    }

    fn limits(&self) -> InterfaceLimits {
        (**self).limits()
    }
}

/// The limits of `KvBackend`, which answers `InvalidKey`, `ValueTooLarge` and `QuotaExceeded` beyond them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceLimits {
    /// Longest key in bytes.
    pub key_bytes_max: usize,
    /// Longest value in bytes.
    pub kv_value_bytes_max: usize,
    /// How many live keys it may leave in the store; `None` is no limit.
    pub kv_keys_max: Option<u64>,
}

impl Default for InterfaceLimits {
    fn default() -> Self {
        Self {
            key_bytes_max: crate::limits::KEY_BYTES_MAX,
            kv_value_bytes_max: crate::limits::VALUE_BYTES_MAX,
            kv_keys_max: None,
        }
    }
}
