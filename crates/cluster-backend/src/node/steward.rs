//! What a node does without being asked: lets time go on when something ends, promotes learners that have caught up, takes
//! snapshots before the log grows too long, and notices that it has failed.

use std::sync::Arc;
use std::time::Duration;

use pentad_client::wire::{self, command};

use super::calls::{Change, now_ns, propose};
use super::changes::has_caught_up;
use super::identity::Stage;
use super::shared::Shared;
use crate::error::{Error, ErrorKind};
use crate::raft::{Group, State};

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
        if wants_snapshot(&shared, &group, &state) && asked_at != state.applied {
            asked_at = state.applied;
            if let Err(error) = group.snapshot().await {
                tracing::debug!(%error, "no snapshot was taken");
            }
        }
        if state.is_leader() {
            promote(&shared, &group, &state).await;
        }
    }
}

fn wants_snapshot(shared: &Shared, group: &Group, state: &State) -> bool {
    let entries = state.applied.unwrap_or(0).saturating_sub(state.snapshot.unwrap_or(0));
    group.view().unsaved_bytes() >= shared.limits.snapshot_bytes || entries >= SNAPSHOT_ENTRIES
}

/// Promotes one learner that wants it and is up to date.
async fn promote(shared: &Shared, group: &Group, state: &State) {
    if state.is_changing {
        return;
    }
    let ready = |member: &&crate::raft::MemberState| {
        !member.is_voter && member.info.becomes_voter && has_caught_up(state, member.info.id)
    };
    let Some(member) = state.members.iter().find(ready) else { return };
    // Whoever changes the members at the moment comes first.
    let Ok(_changing) = shared.changing.try_lock() else { return };
    match group.promote(member.info.id).await {
        Ok(()) => tracing::info!(node = member.info.id, "a learner has caught up and is a voter now"),
        Err(error) => {
            tracing::warn!(node = member.info.id, %error, "a learner could not become a voter; it is tried again")
        }
    }
}
