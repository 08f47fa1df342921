//! Finding the cluster: at the beginning, and again when the leader is not where it was.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::timeout;

use super::builder::ClientBuilder;
use super::directory::Directory;
use super::handle::{Client, Inner};
use super::link::Link;
use crate::limits::PROTOCOL_VERSION;
use crate::wire::{
    Failure, FailureKind, LeaderHint, MembersRequest, MembersResponse, StatusRequest, StatusResponse,
};

/// How long a node may take to say who it is.
const ASK: Duration = Duration::from_secs(3);

/// A client of the cluster that the nodes at `addresses` belong to.
pub(super) async fn connect(builder: ClientBuilder, addresses: &[String]) -> Result<Client, Failure> {
    let client = Client::new(builder, Directory::new(addresses)?)?;
    let mut asked: FuturesUnordered<_> = client.inner.directory.links().into_iter().map(status).collect();
    let mut failures = Vec::new();
    while let Some((link, answered)) = asked.next().await {
        match answered.and_then(|status| check_version(&link, status)) {
            Ok(status) => {
                let leader = LeaderHint { id: status.leader_id.unwrap_or(0), address: status.leader_address };
                client.inner.directory.learn_leader(Some(&leader));
                // Who else belongs to it makes the way shorter; a node that is in no cluster yet cannot say.
                if let Ok(members) = members(&link).await {
                    client.inner.directory.learn_members(&members);
                }
                return Ok(client);
            }
            Err(failure) => failures.push((link, failure)),
        }
    }
    let told: Vec<_> =
        failures.iter().map(|(link, failure)| format!("{}: {}", link.address(), failure.message)).collect();
    let kind = failures.first().map_or(FailureKind::Unavailable, |(_, failure)| failure.kind());
    let versions = failures.into_iter().find_map(|(_, failure)| {
        (!failure.supported_versions.is_empty()).then_some(failure.supported_versions)
    });
    let failure = Failure::new(kind, format!("no node answers as one of a cluster ({})", told.join("; ")));
    Err(Failure { supported_versions: versions.unwrap_or_default(), ..failure.with_retry_after_ms(1_000) })
}

fn check_version(link: &Link, status: StatusResponse) -> Result<StatusResponse, Failure> {
    if status.protocol_versions.is_empty() || status.protocol_versions.contains(&PROTOCOL_VERSION) {
        return Ok(status);
    }
    let text = format!("{} speaks other versions of the protocol than {PROTOCOL_VERSION}", link.address());
    let supported_versions = status.protocol_versions.iter().map(u32::to_string).collect();
    Err(Failure { supported_versions, ..Failure::new(FailureKind::Mismatch, text) })
}

/// What a node says of itself.
pub(super) async fn status(link: Arc<Link>) -> (Arc<Link>, Result<StatusResponse, Failure>) {
    let mut client = link.cluster();
    let answered = match timeout(ASK, client.status(StatusRequest {})).await {
        Ok(answered) => answered.map(tonic::Response::into_inner).map_err(Failure::from),
        Err(_) => Err(Failure::new(FailureKind::TimedOut, "no answer in time")),
    };
    (link, answered)
}

/// What a node says of the members.
pub(super) async fn members(link: &Link) -> Result<MembersResponse, Failure> {
    match timeout(ASK, link.cluster().members(MembersRequest {})).await {
        Ok(answered) => Ok(answered?.into_inner()),
        Err(_) => Err(Failure::new(FailureKind::TimedOut, format!("{}: no answer in time", link.address()))),
    }
}

impl Inner {
    /// Looks for the leader in the background, unless that is being done already.
    pub(super) fn look_for_leader(self: &Arc<Self>) {
        if self.is_looking.swap(true, Ordering::AcqRel) {
            return;
        }
        let inner = Arc::clone(self);
        tokio::spawn(async move {
            let mut asked: FuturesUnordered<_> =
                inner.directory.links().into_iter().map(asked_for_members).collect();
            while let Some((link, answered)) = asked.next().await {
                match answered {
                    Ok(members) if members.leader_id.is_some() => {
                        inner.directory.learn_members(&members);
                        break;
                    }
                    Ok(_) => {}
                    Err(_) => link.rest(),
                }
            }
            inner.is_looking.store(false, Ordering::Release);
        });
    }
}

async fn asked_for_members(link: Arc<Link>) -> (Arc<Link>, Result<MembersResponse, Failure>) {
    let answered = members(&link).await;
    (link, answered)
}
