//! The node as what answers calls and watches.

use std::sync::Arc;

use pentad_client::Failure;
use pentad_client::wire::{Call, NewestFirstRequest, Reply, WatchRequest};

use super::Answers;
use crate::error::{Error, ErrorKind};
use crate::node::Shared;
use crate::requests::{NewestFirst, Watching, keyspace};

impl Answers for Arc<Shared> {
    type Watching = Watching;
    type NewestFirst = NewestFirst;

    fn call(&self, call: Call) -> impl Future<Output = Reply> + Send + 'static {
        let shared = Self::clone(self);
        async move { shared.answer(call).await }
    }

    /// Tells what this replica applies. It ends when a snapshot takes the place of its store; it goes on from where it was then.
    async fn watch(&self, namespace: String, request: WatchRequest) -> Result<Watching, Failure> {
        let store = keyspace(&self.group()?.view().store(), &namespace)?;
        Watching::new(&store, request)
    }

    async fn newest_first(&self, request: NewestFirstRequest) -> Result<NewestFirst, Failure> {
        Shared::newest_first(self, request).await
    }

    fn check_stream(&self, cluster_id: &[u8], group_id: u64) -> Result<(), Failure> {
        let me = self.me.now();
        if group_id != 0 {
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!("there is no group {group_id} on this node"),
            )
            .into());
        }
        if !cluster_id.is_empty() && cluster_id != me.cluster_id {
            let text = format!("the node at {} belongs to another cluster", me.address);
            return Err(Error::new(ErrorKind::Mismatch, text).into());
        }
        Ok(())
    }
}
