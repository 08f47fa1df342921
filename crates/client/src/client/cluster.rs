//! `Cluster`: members, leadership and the state of the nodes, for operators.
//!
//! Invariant: a change of the members is asked for once. It is sent to another node only when it was refused without having been
//! begun; when the connection is lost meanwhile, the failure says that its outcome is not known.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use tonic::transport::Channel;
use tonic::{Response, Status};

use super::backoff::Backoff;
use super::connecting::status;
use super::handle::Client;
use super::link::Link;
use crate::caller::Caller as _;
use crate::wire::cluster_client::ClusterClient;
use crate::wire::{
    AddLearnerRequest, BootstrapRequest, Failure, FailureKind, LeaderHint, MembersResponse, PromoteRequest,
    RemoveRequest, SnapshotRequest, SnapshotResponse, StatusResponse, TransferLeadershipRequest,
};

/// The cluster of a client, seen from outside.
#[derive(Clone, Copy, Debug)]
pub struct Cluster<'c> {
    client: &'c Client,
}

impl<'c> Cluster<'c> {
    pub(super) fn new(client: &'c Client) -> Self {
        Self { client }
    }

    /// How every known node is, by address; a failure stands for one that does not answer.
    pub async fn status(self) -> Vec<(String, Result<StatusResponse, Failure>)> {
        let links = self.client.inner.directory.links();
        let answered = futures_util::future::join_all(links.into_iter().map(status)).await;
        answered.into_iter().map(|(link, answered)| (link.address().to_owned(), answered)).collect()
    }

    /// The members as they are now.
    ///
    /// # Errors
    ///
    /// When nobody answers within the client's deadline, as all methods here.
    pub async fn members(self) -> Result<MembersResponse, Failure> {
        self.client.members().await
    }

    /// Makes a cluster of nodes that belong to none yet; their addresses, that of a node this client knows among them.
    ///
    /// # Errors
    ///
    /// When one of them is in a cluster already, or cannot be reached by the others.
    pub async fn bootstrap(self, addresses: Vec<String>) -> Result<MembersResponse, Failure> {
        self.change(async |mut node: ClusterClient<Channel>| {
            node.bootstrap(BootstrapRequest { addresses: addresses.clone() }).await
        })
        .await
    }

    /// Adds the node at `address` as a learner, which becomes a voter by itself if that is wanted.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, or is in a cluster already.
    pub async fn add(self, address: &str, becomes_voter: bool) -> Result<MembersResponse, Failure> {
        let request = AddLearnerRequest { address: address.to_owned(), becomes_voter };
        self.change(async |mut node: ClusterClient<Channel>| node.add_learner(request.clone()).await).await
    }

    /// Makes a learner that has caught up a voter.
    ///
    /// # Errors
    ///
    /// When it is no learner, or is behind.
    pub async fn promote(self, id: u32) -> Result<MembersResponse, Failure> {
        self.change(async |mut node: ClusterClient<Channel>| node.promote(PromoteRequest { id }).await).await
    }

    /// Takes a member away.
    ///
    /// # Errors
    ///
    /// When it is none, or the last voter.
    pub async fn remove(self, id: u32) -> Result<MembersResponse, Failure> {
        self.change(async |mut node: ClusterClient<Channel>| node.remove(RemoveRequest { id }).await).await
    }

    /// Moves leadership to the voter `to`, or to whichever is furthest; who leads then.
    ///
    /// # Errors
    ///
    /// When it is no voter, or too far behind.
    pub async fn transfer(self, to: Option<u32>) -> Result<Option<LeaderHint>, Failure> {
        let request = TransferLeadershipRequest { to };
        let moved = self
            .change(async |mut node: ClusterClient<Channel>| node.transfer_leadership(request).await)
            .await?;
        self.client.inner.directory.learn_leader(moved.leader.as_ref());
        Ok(moved.leader)
    }

    /// Has the node at `address` take a snapshot and purge the Raft log that it covers; without an address the leader.
    ///
    /// # Errors
    ///
    /// When it fails to.
    pub async fn snapshot(self, address: Option<&str>) -> Result<SnapshotResponse, Failure> {
        match address {
            None => {
                self.change(async |mut node: ClusterClient<Channel>| node.snapshot(SnapshotRequest {}).await)
                    .await
            }
            Some(address) => {
                let mut node = Link::new(address)?.cluster();
                Ok(self.within(node.snapshot(SnapshotRequest {})).await?.into_inner())
            }
        }
    }

    /// Asks the leader for a change, or whoever leads then.
    async fn change<T>(
        self,
        ask: impl AsyncFn(ClusterClient<Channel>) -> Result<Response<T>, Status>,
    ) -> Result<T, Failure> {
        let until = Instant::now() + self.client.deadline;
        let mut backoff = Backoff::default();
        loop {
            let link = self.client.inner.directory.leader_or_next();
            let failure = match self.within(ask(link.cluster())).await {
                Ok(answered) => return Ok(answered.into_inner()),
                Err(failure) => failure,
            };
            let pause = backoff.next();
            let may_retry = matches!(failure.kind(), FailureKind::NotLeader | FailureKind::Stopped)
                && !failure.outcome_unknown;
            if !may_retry || Instant::now() + pause >= until {
                return Err(failure);
            }
            if !self.client.inner.directory.learn_leader(failure.leader.as_ref()) {
                link.rest();
                self.client.inner.look_for_leader();
                sleep(pause.max(Duration::from_millis(20))).await;
            }
        }
    }

    async fn within<T>(
        self,
        asked: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<Response<T>, Failure> {
        match timeout_at(Instant::now() + self.client.deadline, asked).await {
            Ok(answered) => answered.map_err(Failure::from),
            Err(_) => Err(Failure::unknown_outcome("no answer in time")),
        }
    }
}
