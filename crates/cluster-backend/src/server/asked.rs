//! Questions and changes of the service `Cluster`, answered here or passed on to the leader once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use pentad_client::{Failure, wire};
use tonic::Request;

use crate::error::{Error, ErrorKind, Result};
use crate::node::{Shared, VERSIONS};
use crate::peers;

/// What marks a change that another node has passed on.
pub(super) const PASSED_ON: &str = "pentad-passed-on";
/// How many leaders are asked, one after the other.
const LEADERS_MAX: usize = 4;
/// How long a member may take to say how far it is.
const STATUS_MAX: Duration = Duration::from_millis(700);
/// How long someone to lead is waited for.
const LEADER_MAX: Duration = Duration::from_secs(5);
/// How long a snapshot may take.
const SNAPSHOT_MAX: Duration = Duration::from_secs(60);

/// A change that is asked of the leader: how it is made here, and how another node is asked.
macro_rules! asked {
    ($name:ident, $request:ty => $response:ty, $method:ident, $here:ident) => {
        pub(crate) async fn $name(
            self: &Arc<Self>,
            message: $request,
            may_pass_on: bool,
        ) -> Result<$response> {
            let mut answer = self.$here(message.clone()).await;
            // The lead may move meanwhile, and does when the leader is to be removed.
            for _ in 0..LEADERS_MAX {
                let error = match answer {
                    Err(error) if error.kind() == ErrorKind::NotLeader && may_pass_on => error,
                    answer => return answer,
                };
                let hint = error.leader().map(|(_, address)| address.to_owned());
                let hint = match hint {
                    Some(address) => Some(address),
                    None => self.leader(LEADER_MAX).await?.map(|leader| leader.address),
                };
                let Some(address) = hint else {
                    return Err(error);
                };
                if address == self.me.now().address {
                    answer = self.$here(message.clone()).await;
                    continue;
                }
                let mut client = peers::cluster_client(self.channel(&address)?);
                let mut request = Request::new(message.clone());
                request.metadata_mut().insert(PASSED_ON, tonic::metadata::MetadataValue::from_static("1"));
                let told = client.$method(request).await;
                // Where the connection was lost on the way, nobody knows what became of the change.
                answer =
                    told.map(tonic::Response::into_inner).map_err(|status| Failure::of_change(status).into());
            }
            answer
        }
    };
}

impl Shared {
    asked!(ask_join, wire::JoinRequest => wire::JoinResponse, join, join_here);
    asked!(ask_add, wire::AddLearnerRequest => wire::MembersResponse, add_learner, add_here);
    asked!(ask_promote, wire::PromoteRequest => wire::MembersResponse, promote, promote_here);
    asked!(ask_remove, wire::RemoveRequest => wire::MembersResponse, remove, remove_here);
    asked!(
        ask_transfer,
        wire::TransferLeadershipRequest => wire::TransferLeadershipResponse,
        transfer_leadership,
        transfer_here
    );

    async fn join_here(self: &Arc<Self>, request: wire::JoinRequest) -> Result<wire::JoinResponse> {
        let unnamed = || Error::new(ErrorKind::InvalidInput, "the node that wants to join is not named");
        self.let_in(request.node.ok_or_else(unnamed)?, request.becomes_voter).await
    }

    async fn add_here(self: &Arc<Self>, request: wire::AddLearnerRequest) -> Result<wire::MembersResponse> {
        self.add(&request.address, request.becomes_voter).await?;
        self.members().await
    }

    async fn promote_here(self: &Arc<Self>, request: wire::PromoteRequest) -> Result<wire::MembersResponse> {
        self.promote(request.id).await?;
        self.members().await
    }

    async fn remove_here(self: &Arc<Self>, request: wire::RemoveRequest) -> Result<wire::MembersResponse> {
        self.remove(request.id).await?;
        self.members().await
    }

    async fn transfer_here(
        self: &Arc<Self>,
        request: wire::TransferLeadershipRequest,
    ) -> Result<wire::TransferLeadershipResponse> {
        let leader = self.transfer(request.to).await?;
        Ok(wire::TransferLeadershipResponse { leader: Some(leader) })
    }

    /// The node as it sees itself and its cluster now.
    pub(crate) fn status(&self) -> wire::StatusResponse {
        let me = self.me.now();
        let status = wire::StatusResponse {
            node: Some(me.to_wire()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol_versions: VERSIONS.to_vec(),
            ..wire::StatusResponse::default()
        };
        let Ok(group) = self.group() else {
            return status;
        };
        let state = group.state();
        let store = group.view().store();
        let leader = state.leader_hint();
        wire::StatusResponse {
            role: state.role.into(),
            term: state.term,
            leader_id: leader.as_ref().map(|leader| leader.id),
            leader_address: leader.map(|leader| leader.address).unwrap_or_default(),
            last_log_index: state.last_log,
            committed_index: state.committed,
            applied_index: state.applied,
            snapshot_index: state.snapshot,
            purged_index: state.purged,
            applied_sequence: store.sequence().0,
            live_keys: store.len(),
            confirmed_ms_ago: state.confirmed.map(|ago| u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)),
            is_member: state.member(me.node_id).is_some(),
            snapshots_installed: group.view().progress().installs,
            ..status
        }
    }

    /// The members as they are now; each of the others is asked how far it is.
    pub(crate) async fn members(&self) -> Result<wire::MembersResponse> {
        let group = self.group()?;
        let state = group.state();
        let me = self.me.now();
        let asked = state.members.iter().map(|member| async {
            let info = &member.info;
            if info.id == me.node_id {
                return Some(self.status());
            }
            let mut client = peers::cluster_client(self.channel(&info.address).ok()?);
            let status = tokio::time::timeout(STATUS_MAX, client.status(wire::StatusRequest {}))
                .await
                .ok()?
                .ok()?
                .into_inner();
            status.node.as_ref().is_some_and(|node| node.store_id == info.store_id).then_some(status)
        });
        let told = join_all(asked).await;
        let members = state.members.iter().zip(told).map(|(member, status)| {
            let role = match (&status, member.is_voter) {
                (_, false) => wire::Role::Learner,
                _ if state.leader == Some(member.info.id) => wire::Role::Leader,
                (Some(status), true) if status.role() == wire::Role::Candidate => wire::Role::Candidate,
                (_, true) => wire::Role::Follower,
            };
            let kind = match (member.is_voter, member.info.becomes_voter) {
                (true, _) => wire::MemberStatus::Active,
                (false, true) => wire::MemberStatus::Promotable,
                (false, false) => wire::MemberStatus::ReadOnly,
            };
            wire::Member {
                id: member.info.id,
                address: member.info.address.clone(),
                role: role.into(),
                status: kind.into(),
                matched_index: member.matched,
                applied_index: status.as_ref().and_then(|status| status.applied_index),
                reachable: status.is_some(),
            }
        });
        Ok(wire::MembersResponse {
            members: members.collect(),
            leader_id: state.leader,
            cluster_id: me.cluster_id.clone(),
        })
    }

    /// Takes a snapshot here; returns the index that it is of.
    pub(crate) async fn snapshot(&self) -> Result<Option<u64>> {
        let group = self.group()?;
        let Some(applied) = group.state().applied else {
            return Ok(None);
        };
        let taken = async {
            group.snapshot().await?;
            Ok(group.wait_for(SNAPSHOT_MAX, |state| state.snapshot >= Some(applied)).await)
        };
        match tokio::time::timeout(SNAPSHOT_MAX, taken).await {
            Ok(Ok(Some(state))) => Ok(state.snapshot),
            Ok(Err(error)) => Err(error),
            Ok(Ok(None)) | Err(_) => {
                let text = "no snapshot was taken yet; it may wait for a compaction, or the log of the node says why";
                Err(Error::new(ErrorKind::TimedOut, text))
            }
        }
    }

    /// Passes the lead on, and stops taking part. It is served until then: the next leader asks this node for its vote, and tells it that
    /// it leads, and may never have spoken to it before.
    pub(crate) async fn stop(self: &Arc<Self>, limit: Duration) {
        let Ok(group) = self.group() else {
            self.begin_closing();
            return;
        };
        let state = group.state();
        let has_others = state.members.iter().filter(|member| member.is_voter).count() > 1;
        if state.is_leader() && has_others {
            match tokio::time::timeout(limit, self.transfer(None)).await {
                Ok(Ok(leader)) => tracing::info!(node = leader.id, "another node leads now"),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the node stops while it leads; the others elect a leader")
                }
                Err(_) => tracing::warn!("the lead did not pass on in time; the others elect a leader"),
            }
        }
        self.begin_closing();
        group.stop().await;
    }
}
