//! Asking a cluster, by way of the network client, which finds the leader and knows what may be asked twice.
//!
//! Invariant: a change is asked for once, unless it was refused without having been begun. Where it is not known what became of it, the
//! failure says so, and what to do.

use std::time::Duration;

use pentad_client::wire::StatusResponse;
use pentad_client::{Client, FailureKind};

use super::telling;
use crate::args::{ClusterArgs, ClusterVerb, Global};
use crate::error::{Failure, Result};

/// How long a question may take, all nodes that are asked together.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How long a change may take: it waits until a learner has caught up.
const CHANGE_MAX: Duration = Duration::from_secs(90);

/// Asks, and tells what was answered.
pub(crate) fn run(global: &Global, arguments: &ClusterArgs) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::Io { doing: "cannot start a runtime".to_owned(), error })?;
    runtime.block_on(ask(global, &arguments.verb))
}

async fn ask(global: &Global, verb: &ClusterVerb) -> Result<()> {
    if let ClusterVerb::Bootstrap { addresses } = verb {
        // It is not for others to begin a cluster in the place of the one that is named first.
        let client = Client::connect([addresses[0].clone()]).await?.within(CHANGE_MAX);
        return telling::members(global, &client.cluster().bootstrap(addresses.clone()).await?);
    }
    let unnamed = || {
        let text = "which cluster? name some of its nodes with --endpoints HOST:PORT,HOST:PORT";
        Failure::Usage(text.to_owned())
    };
    let endpoints = global.endpoints().ok_or_else(unnamed)?;
    let client = Client::connect(endpoints.iter().cloned()).await?;
    let (asking, changing) = (client.within(ANSWER_MAX), client.within(CHANGE_MAX));
    let cluster = changing.cluster();
    match verb {
        ClusterVerb::Status => telling::status(global, &first(&asking, endpoints).await?.1),
        ClusterVerb::Members => telling::members(global, &asking.cluster().members().await?),
        ClusterVerb::Bootstrap { .. } => unreachable!("it was asked for above"),
        ClusterVerb::Add { address, learner } => {
            telling::members(global, &cluster.add(address, !learner).await?)
        }
        &ClusterVerb::Promote { id } => telling::members(global, &cluster.promote(id).await?),
        &ClusterVerb::Remove { id } => telling::members(global, &cluster.remove(id).await?),
        &ClusterVerb::Transfer { id } => telling::leader(global, cluster.transfer(id).await?.as_ref()),
        ClusterVerb::Snapshot => {
            let (address, _) = first(&asking, endpoints).await?;
            telling::snapshot(global, cluster.snapshot(Some(address)).await?.index)
        }
    }
}

/// The first of the named nodes that answers, and how it is.
async fn first<'e>(client: &Client, endpoints: &'e [String]) -> Result<(&'e str, StatusResponse)> {
    let mut silent = pentad_client::Failure::new(FailureKind::Unavailable, "no node was named");
    for address in endpoints {
        match client.cluster().status_of(address).await {
            Ok(status) => return Ok((address, status)),
            Err(failure) => {
                let message = format!("{address}: {}", failure.message);
                silent = pentad_client::Failure { message, ..failure };
            }
        }
    }
    Err(silent.into())
}
