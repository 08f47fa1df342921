//! `Answers`: what the services of keys stand on. The node is one; tests have a plain store in its place.

use futures_util::Stream;
use pentad_client::wire::{
    self, Call, NewestFirstRequest, NewestFirstResponse, Reply, WatchRequest, WatchResponse,
};
use pentad_client::{Failure, FailureKind};

/// Whatever answers calls and watches.
///
/// A call is answered within its `timeout_ms`, or the own limit of whoever answers, and under its number. The future of a call
/// may be dropped: its outcome is nobody's business then.
pub(crate) trait Answers: Clone + Send + Sync + Unpin + 'static {
    /// What a watch tells.
    type Watching: Stream<Item = Result<WatchResponse, Failure>> + Send + 'static;
    /// What tells of entries by age.
    type NewestFirst: Stream<Item = Result<NewestFirstResponse, Failure>> + Send + 'static;

    /// The answer to one call.
    fn call(&self, call: Call) -> impl Future<Output = Reply> + Send + 'static;

    /// Begins a watch of a namespace; an empty name is the store's own keyspace.
    fn watch(
        &self,
        namespace: String,
        request: WatchRequest,
    ) -> impl Future<Output = Result<Self::Watching, Failure>> + Send;

    /// Begins to tell of entries by age.
    fn newest_first(
        &self,
        request: NewestFirstRequest,
    ) -> impl Future<Output = Result<Self::NewestFirst, Failure>> + Send;

    /// Refuses a stream of calls that is meant for another cluster or group.
    fn check_stream(&self, cluster_id: &[u8], group_id: u64) -> Result<(), Failure>;
}

/// The reply under the number of its call.
pub(crate) fn reply(number: u64, kind: wire::reply::Kind) -> Reply {
    Reply { number, kind: Some(kind) }
}

/// The refusal of a call whose kind is not known.
pub(crate) fn unknown_kind(number: u64) -> Reply {
    let text = "the call is of a kind that this node does not know; is the client newer?";
    reply(number, wire::reply::Kind::Failure(Failure::new(FailureKind::Unsupported, text)))
}
