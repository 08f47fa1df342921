//! The service `Peer`: what nodes say to each other.
//!
//! Invariant: nothing is done for a sender whose header does not fit; see [`Group::check`](crate::raft::Group::check).

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use pentad_client::wire::{self, peer_server::Peer};
use tonic::{Request, Response, Status, Streaming};

use super::status::{error_of, status_of};
use crate::error::{Error, ErrorKind};
use crate::node::{Shared, VERSIONS};
use crate::raft::{Certainty, Inbound};

pub(super) struct PeerService {
    pub(super) shared: Arc<Shared>,
}

/// A stream of a peer, with errors as ours.
fn inbound<T: Send + 'static>(stream: Streaming<T>) -> Inbound<T> {
    Box::pin(stream.map(|message| message.map_err(|status| error_of(&status))))
}

#[tonic::async_trait]
impl Peer for PeerService {
    async fn greet(&self, request: Request<wire::Greeting>) -> Result<Response<wire::Greeting>, Status> {
        let greeting = request.into_inner();
        let me = self.shared.me.now();
        if !greeting.versions.iter().any(|version| VERSIONS.contains(version)) {
            let text = format!("this node speaks the versions {VERSIONS:?} of the protocol between nodes");
            return Err(status_of(Error::new(ErrorKind::Mismatch, text)));
        }
        if greeting.expected_node_id != 0 && greeting.expected_node_id != me.node_id {
            let text = format!("this is node {}, not {}", me.node_id, greeting.expected_node_id);
            return Err(status_of(Error::new(ErrorKind::Mismatch, text)));
        }
        let answer = wire::Greeting {
            versions: VERSIONS.to_vec(),
            node: Some(me.to_wire()),
            expected_node_id: greeting.node.map_or(0, |node| node.node_id),
        };
        Ok(Response::new(answer))
    }

    type AppendStream = Pin<Box<dyn Stream<Item = Result<wire::AppendResponse, Status>> + Send>>;

    async fn append(
        &self,
        request: Request<Streaming<wire::AppendRequest>>,
    ) -> Result<Response<Self::AppendStream>, Status> {
        let group = self.shared.group().map_err(status_of)?;
        let answers = group.append(inbound(request.into_inner()));
        Ok(Response::new(Box::pin(answers.map(|answer| answer.map_err(status_of)))))
    }

    async fn vote(
        &self,
        request: Request<wire::VoteRequest>,
    ) -> Result<Response<wire::VoteResponse>, Status> {
        let group = self.shared.group().map_err(status_of)?;
        group.vote(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    async fn pre_vote(
        &self,
        request: Request<wire::VoteRequest>,
    ) -> Result<Response<wire::VoteResponse>, Status> {
        let group = self.shared.group().map_err(status_of)?;
        group.pre_vote(request.into_inner()).await.map(Response::new).map_err(status_of)
    }

    async fn snapshot(
        &self,
        request: Request<Streaming<wire::SnapshotChunk>>,
    ) -> Result<Response<wire::SnapshotReceipt>, Status> {
        let group = self.shared.group().map_err(status_of)?;
        let receipt = match group.snapshot_in(inbound(request.into_inner())).await {
            Ok(vote) => wire::SnapshotReceipt { vote: Some(vote), failure: None },
            Err(error) => {
                tracing::warn!(%error, "a snapshot was not taken over");
                wire::SnapshotReceipt { vote: None, failure: Some(error.into()) }
            }
        };
        Ok(Response::new(receipt))
    }

    async fn snapshot_state(
        &self,
        request: Request<wire::SnapshotStateRequest>,
    ) -> Result<Response<wire::SnapshotStateResponse>, Status> {
        let group = self.shared.group().map_err(status_of)?;
        let bytes = group.snapshot_state(request.into_inner()).await.map_err(status_of)?;
        Ok(Response::new(wire::SnapshotStateResponse { bytes }))
    }

    async fn transfer_leader(
        &self,
        request: Request<wire::TransferLeaderRequest>,
    ) -> Result<Response<wire::TransferLeaderResponse>, Status> {
        let group = self.shared.group().map_err(status_of)?;
        let failure = group.take_over(request.into_inner()).await.err().map(wire::Failure::from);
        Ok(Response::new(wire::TransferLeaderResponse { failure }))
    }

    async fn invite(
        &self,
        request: Request<wire::InviteRequest>,
    ) -> Result<Response<wire::InviteResponse>, Status> {
        let invitation = request.into_inner();
        let from = invitation.header.and_then(|header| header.from).unwrap_or_default();
        let entered = self.shared.enter(&from.cluster_id, invitation.node_id).await;
        let failure = entered.err().map(wire::Failure::from);
        Ok(Response::new(wire::InviteResponse { node: Some(self.shared.me.now().to_wire()), failure }))
    }

    async fn forward(&self, request: Request<wire::ForwardRequest>) -> Result<Response<wire::Reply>, Status> {
        let forwarded = request.into_inner();
        let group = self.shared.group().map_err(status_of)?;
        group.check(forwarded.header.as_ref()).map_err(status_of)?;
        let reply = self.shared.answer_as_leader(forwarded.call.unwrap_or_default()).await;
        Ok(Response::new(reply))
    }

    async fn read_index(
        &self,
        request: Request<wire::ReadIndexRequest>,
    ) -> Result<Response<wire::ReadIndexResponse>, Status> {
        let request = request.into_inner();
        let group = self.shared.group().map_err(status_of)?;
        group.check(request.header.as_ref()).map_err(status_of)?;
        let certainty = match request.consistency() {
            wire::Consistency::Lease => Certainty::Lease,
            _ => Certainty::Confirmed,
        };
        let answer = match group.read_index(certainty).await {
            Ok(index) => wire::ReadIndexResponse { index, failure: None },
            Err(error) => wire::ReadIndexResponse { index: 0, failure: Some(error.into()) },
        };
        Ok(Response::new(answer))
    }
}
