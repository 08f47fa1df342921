//! One Raft group as the rest of the node sees it: proposing, reading at an index, who is who, and changing that.
//!
//! Nothing of openraft shows here. Errors say whether a write may have happened.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use openraft::errors::{
    ChangeMembershipError, ClientWriteError, ForwardToLeader, LinearizableReadError, RaftError,
};
use openraft::{ChangeMembers, Instant as _, LinearizerOption, Raft, ReadPolicy, ServerState};
use pentad_client::wire;
use tokio::time::Instant;

use super::cause::start_error;
use super::convert::{member_from_wire, member_to_wire};
use super::log_store::LogStore;
use super::network::Network;
use super::replica::{Applier, GroupDirectory, Saver, View};
use super::timing::Timing;
use super::types::{Command, Member, Membership, NodeId, Types};
use crate::error::{Error, ErrorKind, Result};
use crate::node::Me;

/// How long the store may take to be closed.
const CLOSE_MAX: Duration = Duration::from_secs(30);

pub(super) type RaftHandle = Raft<Types, Applier>;

/// How sure a read must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Certainty {
    /// A majority confirms, after the read was asked for, that the leader still leads.
    Confirmed,
    /// The leader's lease holds.
    Lease,
}

/// A started group. Clones share it; every call makes one.
#[derive(Clone)]
pub(crate) struct Group(Arc<Parts>);

impl Deref for Group {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What a group is made of.
pub(crate) struct Parts {
    pub(super) raft: RaftHandle,
    log: LogStore,
    pub(super) view: Arc<View>,
    saver: Arc<Saver>,
    pub(super) directory: Arc<GroupDirectory>,
    pub(super) me: Arc<Me>,
    pub(super) timing: Timing,
    /// Until then no vote is given: before the node stopped it may have promised a leader not to.
    pub(super) silent_until: Instant,
}

/// What there is to know of a member.
#[derive(Clone, Debug)]
pub(crate) struct MemberState {
    pub(crate) info: wire::MemberInfo,
    pub(crate) is_voter: bool,
    /// Index up to which it has the log, if this node leads.
    pub(crate) matched: Option<u64>,
    /// Since when it was last heard of, if this node leads.
    pub(crate) heard: Option<Duration>,
}

/// The group as this node sees it now.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) role: wire::Role,
    pub(crate) term: u64,
    pub(crate) leader: Option<u32>,
    pub(crate) members: Vec<MemberState>,
    pub(crate) last_log: Option<u64>,
    pub(crate) committed: Option<u64>,
    pub(crate) applied: Option<u64>,
    pub(crate) snapshot: Option<u64>,
    pub(crate) purged: Option<u64>,
    /// Since a majority last confirmed that this node leads.
    pub(crate) confirmed: Option<Duration>,
    /// Whether a change of the members is under way.
    pub(crate) is_changing: bool,
    /// Whether that is between its two steps: decided, and not finished.
    pub(crate) is_half_changed: bool,
    /// Why the group has stopped, if it has.
    pub(crate) stopped: Option<String>,
}

impl State {
    pub(crate) fn is_leader(&self) -> bool {
        self.role == wire::Role::Leader
    }

    pub(crate) fn leader_hint(&self) -> Option<wire::LeaderHint> {
        let id = self.leader?;
        // A learner hears of the leader before it knows who that is.
        let member = self.member(id)?;
        Some(wire::LeaderHint { id, address: member.info.address.clone() })
    }

    pub(crate) fn member(&self, id: u32) -> Option<&MemberState> {
        self.members.iter().find(|member| member.info.id == id)
    }
}

/// How soon a change is tried again that came too early.
const CHANGE_AGAIN: Duration = Duration::from_millis(20);

/// Whether a change was refused for what will soon be over.
fn is_too_early(error: &RaftError<Types, ClientWriteError<Types>>) -> bool {
    use ChangeMembershipError::{InProgress, UncommittedLeaderLog};
    let RaftError::APIError(ClientWriteError::ChangeMembershipError(error)) = error else { return false };
    matches!(error, InProgress(_) | UncommittedLeaderLog(_))
}

impl Group {
    /// Opens the log and the state machine, and takes part from here on.
    pub(crate) async fn start(
        directory: Arc<GroupDirectory>,
        me: Arc<Me>,
        timing: Timing,
        log_kept: u64,
        must_have_log: bool,
    ) -> Result<Self> {
        let config = timing.config(log_kept)?;
        let log = match must_have_log {
            true => LogStore::open_existing(&directory.log())?,
            false => LogStore::open(&directory.log())?,
        };
        let had_log = log.is_used();
        if must_have_log && !had_log {
            log.close()?;
            return Err(Error::new(ErrorKind::Damaged, "the Raft log is empty"));
        }
        let applier = Applier::start(Arc::clone(&directory))?;
        let (view, saver) = (Arc::clone(applier.view()), Arc::clone(applier.saver()));
        let id = NodeId(me.now().node_id);
        let raft = Raft::new(id, config, Network::new(Arc::clone(&me)), log.clone(), applier).await;
        let raft = raft.map_err(|error| start_error(&error))?;
        let silent_until = if had_log { Instant::now() + timing.election_min } else { Instant::now() };
        Ok(Self(Arc::new(Parts { raft, log, view, saver, directory, me, timing, silent_until })))
    }

    pub(crate) fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Whether the group has a log or members.
    pub(crate) async fn is_used(&self) -> Result<bool> {
        self.raft.is_initialized().await.map_err(|error| stopped(&error))
    }

    /// Makes a group of these members, which belong to none yet.
    pub(crate) async fn initialize(&self, members: Vec<wire::MemberInfo>) -> Result<()> {
        let members: BTreeMap<NodeId, Member> = members.into_iter().map(member_from_wire).collect();
        match self.raft.initialize(members).await {
            Ok(()) => Ok(()),
            Err(RaftError::Fatal(error)) => Err(stopped(&error)),
            Err(RaftError::APIError(error)) => {
                Err(Error::new(ErrorKind::Refused, format!("cannot begin the cluster: {error}")))
            }
        }
    }

    /// Proposes a command, and returns its result when it was applied here.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotLeader`] when this node does not lead and nothing was proposed; others may leave the outcome open.
    pub(crate) async fn propose(&self, command: wire::Command) -> Result<wire::CommandResult> {
        match self.raft.client_write(Command::from(command)).await {
            Ok(response) => Ok(response.data.0),
            Err(error) => Err(self.write_error(error)),
        }
    }

    /// The index that a read must have applied, so that it sees all that was acknowledged before it was asked for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotLeader`], [`ErrorKind::LeaseNotHeld`], or [`ErrorKind::Unavailable`] without a majority.
    pub(crate) async fn read_index(&self, certainty: Certainty) -> Result<u64> {
        let option = match certainty {
            Certainty::Confirmed => LinearizerOption::from(ReadPolicy::ReadIndex),
            Certainty::Lease => {
                LinearizerOption::new(Some(self.timing.lease()), false).with_wait_timeout(Duration::ZERO)
            }
        };
        match self.raft.get_read_linearizer(option).await {
            Ok(linearizer) => Ok(linearizer.read_log_id().index()),
            Err(RaftError::Fatal(error)) => Err(stopped(&error)),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward))) => {
                Err(self.not_leader(&forward))
            }
            Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => Err(match certainty {
                Certainty::Lease => Error::new(
                    ErrorKind::LeaseNotHeld,
                    "the leader has not heard from a majority for so long that its lease is not sure; ask for a linearizable read",
                ),
                Certainty::Confirmed => Error::new(
                    ErrorKind::Unavailable,
                    "the leader cannot reach a majority of the cluster; try again later",
                ),
            }),
        }
    }

    /// Adds a learner; returns when the cluster has decided so.
    pub(crate) async fn add_learner(&self, member: wire::MemberInfo) -> Result<()> {
        let (id, member) = member_from_wire(member);
        self.change(ChangeMembers::AddNodes(BTreeMap::from([(id, member)]))).await
    }

    /// Says something else of a member.
    pub(crate) async fn set_member(&self, member: wire::MemberInfo) -> Result<()> {
        let (id, member) = member_from_wire(member);
        self.change(ChangeMembers::SetNodes(BTreeMap::from([(id, member)]))).await
    }

    /// Makes a voter of a learner.
    pub(crate) async fn promote(&self, id: u32) -> Result<()> {
        self.change(ChangeMembers::AddVoterIds(BTreeSet::from([NodeId(id)]))).await
    }

    /// Removes a member, voter or learner.
    pub(crate) async fn remove(&self, id: u32) -> Result<()> {
        let ids = BTreeSet::from([NodeId(id)]);
        let is_voter = self.state().member(id).is_some_and(|member| member.is_voter);
        match is_voter {
            true => self.change(ChangeMembers::RemoveVoters(ids)).await,
            false => self.change(ChangeMembers::RemoveNodes(ids)).await,
        }
    }

    /// Takes the second step of a change whose leader did not come to it.
    pub(crate) async fn finish_change(&self) -> Result<()> {
        // Nothing is added: openraft goes on to the newer of the two sets of voters, and lets go of who is in the older one alone.
        self.change(ChangeMembers::AddVoterIds(BTreeSet::new())).await
    }

    /// Leaves a change after its first step, as a leader does that dies between the two.
    #[cfg(test)]
    pub(crate) async fn change_by_half(&self) {
        let now = self.membership().expect("it has members");
        let voters: BTreeSet<NodeId> = now.voter_ids().collect();
        let nodes: BTreeMap<NodeId, Member> = now.nodes().map(|(id, node)| (*id, node.clone())).collect();
        let joint = Membership::new(vec![voters.clone(), voters], nodes).expect("all of them are known");
        let decided = self.raft.append_membership(joint, openraft::EntryPayload::Blank, []).await;
        decided.expect("it is decided");
    }

    async fn change(&self, change: ChangeMembers<NodeId, Member>) -> Result<()> {
        // A leader that has only just begun, and so has a cluster, waits for its first entry; and what it found half done is
        // finished first. Until then a change is refused before anything is written.
        let until = Instant::now() + self.timing.silent_max();
        loop {
            match self.raft.change_membership(change.clone(), false).await {
                Ok(_) => return Ok(()),
                Err(error) if is_too_early(&error) && Instant::now() < until => {
                    tokio::time::sleep(CHANGE_AGAIN).await;
                }
                Err(error) => return Err(self.write_error(error)),
            }
        }
    }

    /// Asks `to` to lead. It stands for election when it has all of the log; [`Group::state`] shows whether it won.
    pub(crate) async fn transfer(&self, to: u32) -> Result<()> {
        self.raft.trigger().transfer_leader(NodeId(to)).await.map_err(|error| stopped(&error))
    }

    /// Takes a snapshot of what is applied now, and has the log given up that it covers: [`Group::state`] shows when. It goes on
    /// when nobody waits for it any more.
    pub(crate) async fn snapshot(&self) -> Result<()> {
        let (saver, raft) = (Arc::clone(&self.saver), self.raft.clone());
        let taken = tokio::spawn(async move {
            saver.take().await?;
            raft.trigger().snapshot().await.map_err(|error| stopped(&error))
        });
        taken.await.unwrap_or_else(|_| Err(stopped(&"it is shutting down")))
    }

    /// Whether this node leads, as it knows: what every call asks, without a copy of all the rest.
    pub(crate) fn is_leader(&self) -> bool {
        self.raft.metrics().borrow_watched().state == ServerState::Leader
    }

    /// Whether the node is the only member.
    pub(crate) fn is_alone(&self) -> bool {
        self.raft.metrics().borrow_watched().membership_config.nodes().take(2).count() == 1
    }

    pub(crate) fn state(&self) -> State {
        let metrics = self.raft.metrics().borrow_watched().clone();
        let voters: BTreeSet<NodeId> = metrics.membership_config.voter_ids().collect();
        let member = |(id, member): (&NodeId, &Member)| MemberState {
            info: member_to_wire(*id, member),
            is_voter: voters.contains(id),
            matched: metrics.replication.as_ref().and_then(|all| Some(all.get(id)?.as_ref()?.index)),
            heard: metrics.heartbeat.as_ref().and_then(|all| Some(all.get(id)?.as_ref()?.elapsed())),
        };
        let is_decided = metrics.membership_config.log_id() == metrics.committed_membership_config.log_id();
        let is_joint = metrics.membership_config.get_joint_config().len() > 1;
        State {
            role: match metrics.state {
                ServerState::Learner => wire::Role::Learner,
                ServerState::Follower => wire::Role::Follower,
                ServerState::Candidate => wire::Role::Candidate,
                ServerState::Leader => wire::Role::Leader,
                ServerState::Shutdown => wire::Role::Unspecified,
            },
            term: metrics.current_term,
            leader: metrics.current_leader.map(|id| id.0),
            members: metrics.membership_config.nodes().map(member).collect(),
            last_log: metrics.last_log_index,
            committed: metrics.local_committed.map(|id| id.index),
            applied: self.view.progress().applied.map(|id| id.index),
            snapshot: metrics.snapshot.map(|id| id.index),
            purged: metrics.purged.map(|id| id.index),
            confirmed: metrics.last_quorum_acked.as_ref().map(|at| at.elapsed()),
            is_changing: !is_decided || is_joint,
            is_half_changed: is_decided && is_joint,
            stopped: metrics.running_state.as_ref().err().map(ToString::to_string),
        }
    }

    /// Returns when the state of the group fits, or `None` when it did not in time or the group stopped.
    pub(crate) async fn wait_for(&self, limit: Duration, fits: impl Fn(&State) -> bool) -> Option<State> {
        let mut metrics = self.raft.metrics();
        let until = Instant::now() + limit;
        loop {
            let state = self.state();
            if fits(&state) {
                return Some(state);
            }
            if state.stopped.is_some() {
                return None;
            }
            match tokio::time::timeout_at(until, metrics.changed()).await {
                Ok(Ok(())) => {}
                _ => return None,
            }
        }
    }

    /// The members as the log and the state machine have them, also right after the start.
    pub(crate) async fn known_members(&self) -> Result<Vec<wire::MemberInfo>> {
        let known =
            self.raft.with_raft_state(|state| state.membership_state.effective().membership().clone()).await;
        let known = known.map_err(|error| stopped(&error))?;
        Ok(known.nodes().map(|(id, member)| member_to_wire(*id, member)).collect())
    }

    /// The members that this node knows of; `None` while it knows of none.
    pub(super) fn membership(&self) -> Option<Membership> {
        let stored = Arc::clone(&self.raft.metrics().borrow_watched().membership_config);
        stored.log_id().is_some().then(|| stored.membership().clone())
    }

    /// Stops taking part. What was acknowledged is on the disk; nothing is acknowledged after this.
    pub(crate) async fn stop(&self) {
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "the Raft group did not stop as it should");
        }
        if tokio::time::timeout(CLOSE_MAX, self.view.closed()).await.is_err() {
            tracing::warn!("the store was not closed in time");
        }
        let log = self.log.clone();
        match tokio::task::spawn_blocking(move || log.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the Raft log was not closed cleanly; nothing that was acknowledged is lost")
            }
            Err(error) => tracing::warn!(%error, "the Raft log was not closed"),
        }
    }

    fn write_error(&self, error: RaftError<Types, ClientWriteError<Types>>) -> Error {
        match error {
            RaftError::Fatal(error) => stopped(&error).with_unknown_outcome(),
            RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => self.not_leader(&forward),
            RaftError::APIError(ClientWriteError::LogEntryDiscarded(forward)) => {
                self.not_leader(&forward).with_unknown_outcome()
            }
            RaftError::APIError(ClientWriteError::ChangeMembershipError(ref why)) => {
                let (kind, then) = match is_too_early(&error) {
                    true => (ErrorKind::Unavailable, "; try again in a moment"),
                    false => (ErrorKind::Refused, ""),
                };
                Error::new(kind, format!("the members cannot be changed now: {why}{then}"))
            }
            RaftError::APIError(ClientWriteError::PreconditionFailed(error)) => {
                Error::new(ErrorKind::Refused, format!("the members were changed meanwhile: {error}"))
            }
        }
    }

    fn not_leader(&self, forward: &ForwardToLeader<Types>) -> Error {
        let leader = match (forward.leader_id, &forward.leader_node) {
            (Some(id), Some(node)) if id.0 != self.me.now().node_id => {
                Some(wire::LeaderHint { id: id.0, address: node.address.clone() })
            }
            _ => None,
        };
        let text = match &leader {
            Some(leader) => format!("node {} at {} leads, not this one", leader.id, leader.address),
            None => "no leader is known at the moment".to_owned(),
        };
        Error::new(ErrorKind::NotLeader, text).with_leader(leader)
    }
}

fn stopped(error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Stopped, format!("the node takes no part in its cluster any more: {error}"))
}
