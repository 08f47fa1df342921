//! Asking a cluster: the first of the named nodes that answers is the one that is asked.

use std::future::Future;
use std::time::Duration;

use pentad_client::FailureKind;
use pentad_client::wire::cluster_client::ClusterClient;
use pentad_client::wire::{
    AddLearnerRequest, BootstrapRequest, MembersRequest, PromoteRequest, RemoveRequest, SnapshotRequest,
    StatusRequest, TransferLeadershipRequest,
};
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

use super::telling;
use crate::args::{ClusterArgs, ClusterVerb, Global};
use crate::error::{Failure, Result};

/// How long a node may take to accept a connection.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// How long it may take to answer: a change waits until a learner has caught up.
const ANSWER_MAX: Duration = Duration::from_secs(90);

/// Asks, and tells what was answered.
pub(crate) fn run(global: &Global, arguments: &ClusterArgs) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::Io { doing: "cannot start a runtime".to_owned(), error })?;
    runtime.block_on(ask(global, &arguments.verb))
}

async fn ask(global: &Global, verb: &ClusterVerb) -> Result<()> {
    match verb {
        ClusterVerb::Status => {
            let status = first(global, |mut node| async move { node.status(StatusRequest {}).await }).await?;
            telling::status(global, &status)
        }
        ClusterVerb::Members => {
            let members =
                first(global, |mut node| async move { node.members(MembersRequest {}).await }).await?;
            telling::members(global, &members)
        }
        ClusterVerb::Bootstrap { addresses } => {
            let request = BootstrapRequest { addresses: addresses.clone() };
            let asked = vec![addresses[0].clone()];
            let members = first_of(&asked, |mut node| {
                let request = request.clone();
                async move { node.bootstrap(request).await }
            });
            telling::members(global, &members.await?)
        }
        ClusterVerb::Add { address, learner } => {
            let request = AddLearnerRequest { address: address.clone(), becomes_voter: !learner };
            let members = first(global, |mut node| {
                let request = request.clone();
                async move { node.add_learner(request).await }
            });
            telling::members(global, &members.await?)
        }
        &ClusterVerb::Promote { id } => {
            let members = first(global, |mut node| async move { node.promote(PromoteRequest { id }).await });
            telling::members(global, &members.await?)
        }
        &ClusterVerb::Remove { id } => {
            let members = first(global, |mut node| async move { node.remove(RemoveRequest { id }).await });
            telling::members(global, &members.await?)
        }
        &ClusterVerb::Transfer { id } => {
            let request = TransferLeadershipRequest { to: id };
            let leader = first(global, |mut node| async move { node.transfer_leadership(request).await });
            telling::leader(global, leader.await?.leader.as_ref())
        }
        ClusterVerb::Snapshot => {
            let taken =
                first(global, |mut node| async move { node.snapshot(SnapshotRequest {}).await }).await?;
            telling::snapshot(global, taken.index)
        }
    }
}

/// What the first of the named nodes that answers says.
async fn first<T, F>(global: &Global, ask: impl Fn(ClusterClient<Channel>) -> F) -> Result<T>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let unnamed = || {
        let text = "which cluster? name some of its nodes with --endpoints HOST:PORT,HOST:PORT";
        Failure::Usage(text.to_owned())
    };
    first_of(global.endpoints().ok_or_else(unnamed)?, ask).await
}

async fn first_of<T, F>(endpoints: &[String], ask: impl Fn(ClusterClient<Channel>) -> F) -> Result<T>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let mut silent = None;
    for address in endpoints {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| Failure::Usage(format!("{address} is not host:port ({error})")))?
            .connect_timeout(CONNECT_MAX)
            .timeout(ANSWER_MAX);
        let channel = match endpoint.connect().await {
            Ok(channel) => channel,
            Err(error) => {
                silent.get_or_insert_with(|| {
                    Failure::Cluster(format!("no node answers at {address}: {error}"))
                });
                continue;
            }
        };
        match ask(ClusterClient::new(channel)).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) => {
                let failure = pentad_client::Failure::from(status);
                let is_silent = matches!(
                    failure.kind(),
                    FailureKind::Unavailable | FailureKind::TimedOut | FailureKind::NotLeader
                );
                let failure = Failure::Cluster(format!("the node at {address}: {}", failure.message));
                if !is_silent {
                    return Err(failure);
                }
                silent = Some(failure);
            }
        }
    }
    Err(silent.unwrap_or_else(|| Failure::Usage("no node was named".to_owned())))
}
