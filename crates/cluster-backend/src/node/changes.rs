//! Changes of the cluster, as its leader makes them: one at a time.
//!
//! Invariants: an id is never given twice, not even after its member was removed. Who comes with the id, the address or the store
//! of a member, but is not that member, is refused until it is removed. A change that would leave the cluster without a
//! majority that answers is refused. A change that was begun runs to its end, whether or not somebody waits for it.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use pentad_client::wire;

use super::shared::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::raft::{Group, MemberState, State};

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;

/// How long a learner may take to catch up before a promotion is given up.
const CATCH_UP_MAX: Duration = Duration::from_secs(60);
/// How often voters are asked to take the lead over, for an election's time each.
const PASS_ON_TRIES: usize = 6;
/// How far behind the log a learner may be when it becomes a voter.
const BEHIND_MAX: u64 = 1_000;

impl Shared {
    /// The group, if this node leads it.
    fn led(&self) -> Result<(Group, State)> {
        let group = self.group()?;
        let state = group.state();
        if state.is_leader() {
            return Ok((group, state));
        }
        let leader = state.leader_hint();
        let text = match &leader {
            Some(leader) => format!("node {} at {} leads, not this one", leader.id, leader.address),
            None => "no leader is known at the moment".to_owned(),
        };
        Err(Error::new(ErrorKind::NotLeader, text).with_leader(leader))
    }

    /// Makes a change, by itself: its second half must not hang on whether whoever asked for it waits.
    async fn change<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let changing = Arc::clone(&self.changing).lock_owned().await;
        let made = tokio::spawn(async move {
            let made = change.await;
            drop(changing);
            made
        });
        let ended = || Error::new(ErrorKind::Stopped, "the node is shutting down").with_unknown_outcome();
        made.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Lets a node in that asks for it.
    pub(crate) async fn let_in(
        self: &Arc<Self>,
        node: wire::NodeIdentity,
        becomes_voter: bool,
    ) -> Result<wire::JoinResponse> {
        let shared = Arc::clone(self);
        self.change(async move { shared.let_in_now(node, becomes_voter).await }).await
    }

    async fn let_in_now(&self, node: wire::NodeIdentity, becomes_voter: bool) -> Result<wire::JoinResponse> {
        let (group, state) = self.led()?;
        let cluster_id = self.me.now().cluster_id.clone();
        if !node.cluster_id.is_empty() && node.cluster_id != cluster_id {
            let text = format!(
                "the node at {} belongs to another cluster; an empty directory can join this one",
                node.address
            );
            return Err(Error::new(ErrorKind::Mismatch, text));
        }
        let id = match known(&state, &node)? {
            Some(id) => id,
            None => {
                let id = next_id(&group, &state)?;
                group.add_learner(as_member(id, node, becomes_voter)).await?;
                id
            }
        };
        Ok(wire::JoinResponse { cluster_id, node_id: id })
    }

    /// Asks the node at an address to be a learner of this cluster.
    pub(crate) async fn add(self: &Arc<Self>, address: &str, becomes_voter: bool) -> Result<()> {
        let (shared, address) = (Arc::clone(self), address.to_owned());
        self.change(async move { shared.add_now(&address, becomes_voter).await }).await
    }

    async fn add_now(&self, address: &str, becomes_voter: bool) -> Result<()> {
        let (group, state) = self.led()?;
        let node = self.greet(address).await?;
        let cluster_id = self.me.now().cluster_id.clone();
        if !node.cluster_id.is_empty() && node.cluster_id != cluster_id {
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!("the node at {address} belongs to another cluster"),
            ));
        }
        if node.address != address {
            let text = format!(
                "the node at {address} says that others reach it at {}; name that address",
                node.address
            );
            return Err(Error::new(ErrorKind::Mismatch, text));
        }
        let id = match known(&state, &node)? {
            Some(id) => id,
            None => {
                let id = next_id(&group, &state)?;
                group.add_learner(as_member(id, node, becomes_voter)).await?;
                id
            }
        };
        self.invite(address, id, becomes_voter).await.map(drop)
    }

    /// Makes a voter of a learner, when it has caught up.
    pub(crate) async fn promote(self: &Arc<Self>, id: u32) -> Result<()> {
        let (group, state) = self.led()?;
        if member(&state, id)?.is_voter {
            return Ok(());
        }
        // Others may be changed while it catches up.
        group.wait_for(CATCH_UP_MAX, |state| !state.is_leader() || has_caught_up(state, id)).await;
        let shared = Arc::clone(self);
        self.change(async move { shared.promote_now(id).await }).await
    }

    async fn promote_now(&self, id: u32) -> Result<()> {
        let (group, _) = self.led()?;
        let (me, silent_max) = (self.me.now().node_id, self.timing.silent_max());
        // One that was added, or came back, a moment ago may not have been heard yet.
        let settled =
            |state: &State| !state.is_leader() || may_be_promoted(state, id, me, silent_max).is_ok();
        group.wait_for(silent_max, settled).await;
        let (group, state) = self.led()?;
        if member(&state, id)?.is_voter {
            return Ok(());
        }
        may_be_promoted(&state, id, me, silent_max)?;
        group.promote(id).await
    }

    /// Removes a member. If it is this node, another one leads first, and is named by the error.
    pub(crate) async fn remove(self: &Arc<Self>, id: u32) -> Result<()> {
        let shared = Arc::clone(self);
        self.change(async move { shared.remove_now(id).await }).await
    }

    async fn remove_now(&self, id: u32) -> Result<()> {
        let (group, state) = self.led()?;
        let is_voter = member(&state, id)?.is_voter;
        let (me, silent_max) = (self.me.now().node_id, self.timing.silent_max());
        if is_voter {
            let (others, _) = without(&state, id, me, silent_max);
            if others == 0 {
                return Err(Error::new(
                    ErrorKind::Refused,
                    "the last voter cannot be removed; stop it instead",
                ));
            }
            // One that has just become a voter may not have been heard yet.
            let is_majority = |state: &State| {
                let (others, there) = without(state, id, me, silent_max);
                there > others / 2
            };
            if group.wait_for(silent_max, is_majority).await.is_none() {
                let (others, there) = without(&group.state(), id, me, silent_max);
                let text = format!(
                    "without node {id} the cluster would have {others} voters, of which {there} answer: that is no majority. Start the others first"
                );
                return Err(Error::new(ErrorKind::Refused, text));
            }
        }
        if id == me {
            let leader = self.pass_on(&group, None).await?;
            let text = format!("node {} leads now; it is asked to remove node {id}", leader.id);
            return Err(Error::new(ErrorKind::NotLeader, text).with_leader(Some(leader)));
        }
        group.remove(id).await
    }

    /// Has another voter lead: the one named, or the one that is furthest. Returns who leads then.
    pub(crate) async fn transfer(self: &Arc<Self>, to: Option<u32>) -> Result<wire::LeaderHint> {
        let (group, state) = self.led()?;
        if to == Some(self.me.now().node_id) {
            return state
                .leader_hint()
                .ok_or_else(|| Error::new(ErrorKind::Unavailable, "no leader is known"));
        }
        self.pass_on(&group, to).await
    }

    /// Passes the lead on, and waits until someone else has it. What is asked of a voter once can be lost, or come while it is
    /// not ready for it, and then nobody leads until the others notice; so it is asked again, and another one if any may lead.
    pub(super) async fn pass_on(&self, group: &Group, to: Option<u32>) -> Result<wire::LeaderHint> {
        let me = self.me.now().node_id;
        let passed = |state: &State| state.leader.is_some_and(|leader| leader != me);
        let mut asked = Vec::new();
        for _ in 0..PASS_ON_TRIES {
            let state = group.state();
            if passed(&state) {
                break;
            }
            let next = match to {
                Some(id) if member(&state, id)?.is_voter => id,
                Some(id) => {
                    let text = format!("node {id} is a learner; promote it first");
                    return Err(Error::new(ErrorKind::Refused, text));
                }
                None => self.next_leader(&state, &asked)?,
            };
            asked.push(next);
            group.transfer(next).await?;
            if group.wait_for(self.timing.election_max, passed).await.is_some() {
                break;
            }
        }
        let state = group.state();
        let hint = state.leader_hint().filter(|leader| leader.id != me);
        hint.ok_or_else(|| {
            let text = format!("no other node took the lead over in time, asked were {asked:?}; look at `members`, and try again");
            Error::new(ErrorKind::Unavailable, text)
        })
    }

    /// The voter that is furthest of those that answer, and were asked least.
    fn next_leader(&self, state: &State, asked: &[u32]) -> Result<u32> {
        let (me, silent_max) = (self.me.now().node_id, self.timing.silent_max());
        let others = state.members.iter().filter(|member| member.is_voter && member.info.id != me);
        let there = others.filter(|member| is_there(member, silent_max));
        let times = |id: u32| asked.iter().filter(|asked| **asked == id).count();
        let best = there.max_by_key(|member| (Reverse(times(member.info.id)), member.matched));
        let nobody = || {
            Error::new(ErrorKind::Refused, "there is no other voter that answers, so nobody else can lead")
        };
        Ok(best.ok_or_else(nobody)?.info.id)
    }
}

fn as_member(id: u32, node: wire::NodeIdentity, becomes_voter: bool) -> wire::MemberInfo {
    let wire::NodeIdentity { address, store_id, incarnation, .. } = node;
    wire::MemberInfo { id, address, store_id, incarnation, becomes_voter }
}

/// The id of a node that is a member already; an error if it only looks like one.
fn known(state: &State, node: &wire::NodeIdentity) -> Result<Option<u32>> {
    if node.address.is_empty() || node.store_id.len() != 16 || node.incarnation.len() != 16 {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "a node that joins must say its address, and which store it is",
        ));
    }
    for MemberState { info, .. } in &state.members {
        let is_store = info.store_id == node.store_id && info.incarnation == node.incarnation;
        let is_address = info.address == node.address;
        let is_id = info.id == node.node_id;
        if is_store && is_address {
            return Ok(Some(info.id));
        }
        let why = if info.store_id == node.store_id {
            "its directory is a copy of that of"
        } else if is_address {
            "another store has its address, as"
        } else if is_id {
            "another store has its id, as"
        } else {
            continue;
        };
        let text = format!(
            "the node at {} cannot join: {why} node {} at {}. Remove node {} from the cluster first, or start with an empty directory",
            node.address, info.id, info.address, info.id
        );
        return Err(Error::new(ErrorKind::Mismatch, text));
    }
    Ok(None)
}

/// An id that no node ever had.
fn next_id(group: &Group, state: &State) -> Result<u32> {
    let present = state.members.iter().map(|member| u64::from(member.info.id)).max().unwrap_or(0);
    let next = present.max(group.view().highest_id()) + 1;
    u32::try_from(next).map_err(|_| Error::new(ErrorKind::LimitExceeded, "all ids of nodes were given"))
}

fn member(state: &State, id: u32) -> Result<&MemberState> {
    state
        .member(id)
        .ok_or_else(|| Error::new(ErrorKind::InvalidInput, format!("there is no node {id} in the cluster")))
}

fn has_caught_up(state: &State, id: u32) -> bool {
    let matched = state.member(id).and_then(|member| member.matched);
    matched.is_some_and(|matched| matched + BEHIND_MAX >= state.last_log.unwrap_or(0))
}

/// Whether a learner may become a voter: it has the log, it answers, and a majority of the voters that there would be answers. A
/// cluster that takes a voter which is dead as its second or fourth can lose its majority by that, for good.
pub(super) fn may_be_promoted(state: &State, id: u32, me: u32, silent_max: Duration) -> Result<()> {
    let refused = |text: String| Err(Error::new(ErrorKind::Refused, text));
    let learner = member(state, id)?;
    if !has_caught_up(state, id) {
        return refused(format!(
            "node {id} has not caught up with the log; look whether it runs, and try again"
        ));
    }
    if !is_there(learner, silent_max) {
        return refused(format!("node {id} does not answer; start it, and try again"));
    }
    let (others, there) = without(state, id, me, silent_max);
    let (voters, answer) = (others + 1, there + 1);
    if answer <= voters / 2 {
        return refused(format!(
            "with node {id} the cluster would have {voters} voters, of which {answer} answer: that is no majority. Start the others first"
        ));
    }
    Ok(())
}

/// How many voters there are beside `id`, and how many of them answer.
fn without(state: &State, id: u32, me: u32, silent_max: Duration) -> (usize, usize) {
    let others = || state.members.iter().filter(|member| member.is_voter && member.info.id != id);
    let there = |other: &&MemberState| other.info.id == me || is_there(other, silent_max);
    (others().count(), others().filter(there).count())
}

fn is_there(member: &MemberState, silent_max: Duration) -> bool {
    member.heard.is_some_and(|heard| heard < silent_max)
}
