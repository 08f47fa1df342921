//! `Cluster`: members, leadership and the state of the nodes, for operators.
//!
//! Invariant: a change of the members is asked for once. It is sent to another node only when it was refused without having been
//! begun, or the node was not reached; when the connection is lost meanwhile, the failure says that its outcome is not known.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use tonic::transport::Channel;
use tonic::{Response, Status};

use super::backoff::Backoff;
use super::connecting::status;
use super::handle::Client;
use super::link::Link;
use crate::caller::Caller as _;
use crate::failure::never_left;
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

    /// How the node at `address` is, be it one of the cluster or not.
    ///
    /// # Errors
    ///
    /// When it does not answer within three seconds.
    pub async fn status_of(self, address: &str) -> Result<StatusResponse, Failure> {
        let known = self.client.inner.directory.links().into_iter().find(|link| link.address() == address);
        let link = known.map_or_else(|| Link::new(address).map(Arc::new), Ok)?;
        status(link).await.1
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
        let request = BootstrapRequest { addresses };
        self.change(|mut node| {
            let request = request.clone();
            async move { node.bootstrap(request).await }
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
        self.change(|mut node| {
            let request = request.clone();
            async move { node.add_learner(request).await }
        })
        .await
    }

    /// Makes a learner that has caught up a voter.
    ///
    /// # Errors
    ///
    /// When it is no learner, or is behind.
    pub async fn promote(self, id: u32) -> Result<MembersResponse, Failure> {
        self.change(|mut node| async move { node.promote(PromoteRequest { id }).await }).await
    }

    /// Takes a member away.
    ///
    /// # Errors
    ///
    /// When it is none, or the last voter.
    pub async fn remove(self, id: u32) -> Result<MembersResponse, Failure> {
        self.change(|mut node| async move { node.remove(RemoveRequest { id }).await }).await
    }

    /// Moves leadership to the voter `to`, or to whichever is furthest; who leads then.
    ///
    /// # Errors
    ///
    /// When it is no voter, or too far behind.
    pub async fn transfer(self, to: Option<u32>) -> Result<Option<LeaderHint>, Failure> {
        let request = TransferLeadershipRequest { to };
        let moved = self.change(|mut node| async move { node.transfer_leadership(request).await }).await?;
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
            None => self.change(|mut node| async move { node.snapshot(SnapshotRequest {}).await }).await,
            Some(address) => {
                let mut node = Link::new(address)?.cluster();
                let until = Instant::now() + self.client.deadline;
                match timeout_at(until, node.snapshot(SnapshotRequest {})).await {
                    Ok(answered) => Ok(answered?.into_inner()),
                    Err(_) => Err(Failure::new(FailureKind::TimedOut, "no answer in time")),
                }
            }
        }
    }

    /// Asks the leader for a change, or whoever leads then.
    async fn change<T, F>(self, ask: impl Fn(ClusterClient<Channel>) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let until = Instant::now() + self.client.deadline;
        let mut backoff = Backoff::default();
        loop {
            let link = self.client.inner.directory.leader_or_next();
            let status = match timeout_at(until, ask(link.cluster())).await {
                Ok(Ok(answered)) => return Ok(answered.into_inner()),
                Ok(Err(status)) => status,
                Err(_) => return Err(advised(Failure::unknown_outcome("no answer in time"))),
            };
            let never_left = never_left(&status);
            let failure = Failure::of_change(status);
            let pause = backoff.next();
            let is_refused = matches!(failure.kind(), FailureKind::NotLeader | FailureKind::Stopped);
            let may_retry = (is_refused || never_left) && !failure.outcome_unknown;
            if !may_retry || Instant::now() + pause >= until {
                let message = format!("{}: {}", link.address(), failure.message);
                return Err(advised(Failure { message, ..failure }));
            }
            if !self.client.inner.directory.learn_leader(failure.leader.as_ref()) {
                link.rest();
                self.client.inner.look_for_leader();
                sleep(pause.max(Duration::from_millis(20))).await;
            }
        }
    }
}

/// What to do about a change of which it is not known whether it was made.
fn advised(failure: Failure) -> Failure {
    match failure.outcome_unknown {
        true => failure.with_action("look at the members before you ask for it again"),
        false => failure,
    }
}
