//! What a node does without being asked: lets time go on when something ends, promotes learners that have caught up, finishes
//! changes of members that a leader left half done, takes snapshots before the log grows too long, and notices that it has failed.

use std::sync::Arc;
use std::time::Duration;

use pentad_client::wire::{self, command};

use super::calls::{Change, now_ns, propose};
use super::changes::may_be_promoted;
use super::identity::Stage;
use super::shared::Shared;
use crate::error::{Error, ErrorKind};
use crate::raft::{Group, MemberState, State};

/// How often the clock entry is thought of: an entry ends at most about so late.
const CLOCK: Duration = Duration::from_millis(100);
/// How often the rest is looked at.
const ROUND: Duration = Duration::from_millis(200);
/// Entries after which a snapshot is taken, however short they are.
const SNAPSHOT_ENTRIES: u64 = 500_000;

/// Starts the tasks. They end with the runtime.
pub(super) fn start(shared: &Arc<Shared>) {
    tokio::spawn(clock(Arc::clone(shared)));
    tokio::spawn(rounds(Arc::clone(shared)));
}

/// Proposes that time goes on, when an entry of the store has ended since it last did.
async fn clock(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(CLOCK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Ok(group) = shared.group() else { continue };
        if !group.state().is_leader() {
            continue;
        }
        let store = group.view().store();
        if store.next_deadline().is_some_and(|deadline| deadline.0 <= now_ns()) {
            let change = Change { kind: command::Kind::Clock(wire::Nothing {}), request: None };
            if let Err(error) = propose(&group, change).await {
                tracing::debug!(%error, "time did not go on");
            }
        }
    }
}

async fn rounds(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(ROUND);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut asked_at = None;
    let mut saving: Option<tokio::task::JoinHandle<()>> = None;
    loop {
        ticks.tick().await;
        let Ok(group) = shared.group() else { continue };
        let state = group.state();
        if let Some(why) = &state.stopped
            && !shared.is_closing()
        {
            shared.fail(Error::new(
                ErrorKind::Stopped,
                format!("the node takes no part in its cluster any more: {why}"),
            ));
            continue;
        }
        let me = shared.me.now();
        if me.stage != Stage::Member
            && state.member(me.node_id).is_some()
            && let Err(error) = shared.become_member()
        {
            shared.fail(error);
        }
        let is_saving = saving.as_ref().is_some_and(|saving| !saving.is_finished());
        if !is_saving && wants_snapshot(&shared, &group, &state) && asked_at != state.applied {
            asked_at = state.applied;
            saving = Some(tokio::spawn(save(Arc::clone(&shared), group.clone())));
        }
        if state.is_leader() {
            settle_members(&shared, &group);
        }
    }
}

fn wants_snapshot(shared: &Shared, group: &Group, state: &State) -> bool {
    let entries = state.applied.unwrap_or(0).saturating_sub(state.snapshot.unwrap_or(0));
    group.view().unsaved_bytes() >= shared.limits.snapshot_bytes || entries >= SNAPSHOT_ENTRIES
}

async fn save(shared: Arc<Shared>, group: Group) {
    if let Err(error) = group.snapshot().await
        && !shared.is_closing()
    {
        tracing::error!(%error, "cannot take a snapshot; the log grows until one can be taken");
    }
}

/// Finishes a change that is half done, or promotes one learner that wants it and is up to date.
fn settle_members(shared: &Arc<Shared>, group: &Group) {
    // Whoever changes the members at the moment comes first.
    let Ok(changing) = Arc::clone(&shared.changing).try_lock_owned() else { return };
    let state = group.state();
    if state.is_half_changed {
        let group = group.clone();
        tokio::spawn(async move {
            match group.finish_change().await {
                Ok(()) => tracing::info!("a change of the members that was left half done is finished"),
                Err(error) => {
                    tracing::warn!(%error, "a change of the members is half done; it is tried again")
                }
            }
            drop(changing);
        });
        return;
    }
    let (me, silent_max) = (shared.me.now().node_id, shared.timing.silent_max());
    let ready = |member: &&MemberState| {
        !member.is_voter
            && member.info.becomes_voter
            && may_be_promoted(&state, member.info.id, me, silent_max).is_ok()
    };
    if state.is_changing {
        return;
    }
    let Some(node) = state.members.iter().find(ready).map(|member| member.info.id) else { return };
    let group = group.clone();
    tokio::spawn(async move {
        match group.promote(node).await {
            Ok(()) => tracing::info!(node, "a learner has caught up and is a voter now"),
            Err(error) => {
                tracing::warn!(node, %error, "a learner could not become a voter; it is tried again")
            }
        }
        drop(changing);
    });
}
