//! Calls of clients: each gets its consistency first, and its answer then.
//!
//! Invariants: a write is proposed by the leader, wherever it was asked for, and repeated only under its request id. An error says
//! whether the write may have happened. No call lasts longer than its time.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pentad_client::Failure;
use pentad_client::wire::{self, call, command, command_result, reply};
use pentad_engine::Store;
use tokio::time::{Instant, timeout_at};

use super::shared::Shared;
use crate::command::{batch_of, fix_times};
use crate::error::{Error, ErrorKind, Result};
use crate::peers;
use crate::raft::{Certainty, Group, State};
use crate::requests::NewestFirst;
use crate::{requests, server};

/// How long a call lasts at most, whatever it says itself: what it holds is held for so long.
const CALL_MAX: Duration = Duration::from_secs(10);
/// How long to wait before the leader is looked for again.
const AGAIN: Duration = Duration::from_millis(20);

impl Shared {
    /// Answers a call of a client.
    pub(crate) async fn answer(self: &Arc<Self>, call: wire::Call) -> wire::Reply {
        let until = end_of(&call);
        let Some(kind) = call.kind else {
            return server::unknown_kind(call.number);
        };
        let answered = self.answer_kind(kind, until).await;
        server::reply(call.number, answered.unwrap_or_else(|error| reply::Kind::Failure(error.into())))
    }

    async fn answer_kind(self: &Arc<Self>, kind: call::Kind, until: Instant) -> Result<reply::Kind> {
        match kind {
            call::Kind::Write(write) => {
                let wire::WriteRequest { write, request } = write;
                let write = write.unwrap_or_default();
                check_write(&write)?;
                // In a box of its own, like all that not every call comes to: what is moved and allocated for each is as large as the
                // longest way that it might take.
                Box::pin(self.command(Change { kind: command::Kind::Write(write), request }, until)).await
            }
            call::Kind::PruneBatches(prune) => {
                let wire::PruneBatchesRequest { prune, request } = prune;
                let kind = command::Kind::PruneBatches(prune.unwrap_or_default());
                Box::pin(self.command(Change { kind, request }, until)).await
            }
            read => self.read(read, until).await,
        }
    }

    /// Answers a read where it is asked for, without a task of its own, if nothing is in its way; else the call comes back, with the time that
    /// is left of it. Nothing here needs a runtime: whoever asks may have another one, or none.
    pub(crate) async fn answer_here(&self, mut call: wire::Call) -> Result<wire::Reply, wire::Call> {
        let begun = Instant::now();
        let answer = match &call.kind {
            Some(kind) if is_read(kind) && call.timeout_ms == 0 && !self.is_closing() => {
                self.read_here(kind).await
            }
            _ => return Err(call),
        };
        if let Some(answer) = answer {
            return Ok(server::reply(call.number, answer));
        }
        let left = CALL_MAX.saturating_sub(begun.elapsed()).as_millis().max(1);
        call.timeout_ms = u32::try_from(left).unwrap_or(u32::MAX);
        Err(call)
    }

    async fn read_here(&self, kind: &call::Kind) -> Option<reply::Kind> {
        // A loop of reads that never wait would keep the other tasks of its thread from running.
        tokio::task::coop::consume_budget().await;
        let group = self.group().ok()?;
        if let Some(certainty) = certainty_of(kind.consistency()) {
            let index = self.read_indexes.get()?.ask(certainty).await.ok()?;
            if !group.view().progress().has(index) {
                return None;
            }
        }
        let answer = requests::answer(&group.view().store(), kind);
        (!matches!(answer, reply::Kind::Failure(_))).then_some(answer)
    }

    /// Answers a call that another node passes on because this one leads.
    pub(crate) async fn answer_as_leader(self: &Arc<Self>, call: wire::Call) -> wire::Reply {
        let (number, until) = (call.number, end_of(&call));
        let change = match call.kind {
            Some(call::Kind::Write(wire::WriteRequest { write, request })) => {
                let write = write.unwrap_or_default();
                check_write(&write).map(|()| Change { kind: command::Kind::Write(write), request })
            }
            Some(call::Kind::PruneBatches(wire::PruneBatchesRequest { prune, request })) => {
                Ok(Change { kind: command::Kind::PruneBatches(prune.unwrap_or_default()), request })
            }
            _ => Err(Error::new(ErrorKind::Unsupported, "only writes are passed on to the leader")),
        };
        let answered = match (change, self.group()) {
            (Ok(change), Ok(group)) => match timeout_at(until, propose(&group, change)).await {
                Ok(answered) => answered,
                Err(_) => Err(out_of_time(true)),
            },
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        server::reply(number, answered.unwrap_or_else(|error| reply::Kind::Failure(error.into())))
    }

    /// Has a command applied, by this node or by the one that leads.
    async fn command(self: &Arc<Self>, mut change: Change, until: Instant) -> Result<reply::Kind> {
        let group = self.group()?;
        let is_alone = group.is_alone();
        let open = (change.request.is_none() && !is_alone).then(|| self.outgoing.begin());
        if let Some(open) = &open {
            change.request = Some(open.id.clone());
        }
        let can_repeat = change.request.is_some();
        let mut is_unknown = false;
        loop {
            let attempt = timeout_at(until, self.attempt(&group, &change, until)).await;
            let error = match attempt {
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(error)) => error,
                Err(_) => return Err(out_of_time(true)),
            };
            is_unknown |= error.is_outcome_unknown();
            let passes =
                matches!(error.kind(), ErrorKind::NotLeader | ErrorKind::Unavailable | ErrorKind::TimedOut);
            if !passes || (error.is_outcome_unknown() && !can_repeat) || self.is_closing() {
                return Err(if is_unknown { error.with_unknown_outcome() } else { error });
            }
            if Instant::now() + AGAIN >= until {
                return Err(if is_unknown { out_of_time(true) } else { error });
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn attempt(&self, group: &Group, change: &Change, until: Instant) -> Result<reply::Kind> {
        if group.is_leader() {
            return propose(group, change.clone()).await;
        }
        let state = group.state();
        match state.leader_hint() {
            Some(leader) => Box::pin(self.forward(leader, change, until)).await,
            None => Err(no_leader(&state)),
        }
    }

    /// Has the node that leads propose a change.
    async fn forward(
        &self,
        leader: wire::LeaderHint,
        change: &Change,
        until: Instant,
    ) -> Result<reply::Kind> {
        let mut client = peers::client(self.channel(&leader.address)?);
        let left = until.saturating_duration_since(Instant::now());
        let call = wire::Call {
            number: 0,
            timeout_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX),
            kind: Some(change.clone().into_call()),
        };
        let request = wire::ForwardRequest { header: Some(self.me.header(leader.id)), call: Some(call) };
        let answer = client.forward(request).await.map_err(|status| {
            let text = format!(
                "node {} at {}, which leads, does not answer: {}",
                leader.id,
                leader.address,
                status.message()
            );
            let error = Error::new(ErrorKind::Unavailable, text);
            if Failure::of_change(status).outcome_unknown { error.with_unknown_outcome() } else { error }
        })?;
        match answer.into_inner().kind {
            Some(reply::Kind::Failure(failure)) => Err(failure.into()),
            Some(kind) => Ok(kind),
            None => Err(Error::new(ErrorKind::Unsupported, "the leader gave an answer of an unknown kind")
                .with_unknown_outcome()),
        }
    }

    async fn read(self: &Arc<Self>, kind: call::Kind, until: Instant) -> Result<reply::Kind> {
        let store = self.store_for(kind.consistency(), until).await?;
        match requests::answer(&store, &kind) {
            reply::Kind::Failure(failure) => Err(failure.into()),
            answer => Ok(answer),
        }
    }

    /// The store of this replica, when it has what `consistency` asks for.
    async fn store_for(&self, consistency: wire::Consistency, until: Instant) -> Result<Arc<Store>> {
        let group = self.group()?;
        if let Some(certainty) = certainty_of(consistency) {
            self.catch_up(&group, certainty, until).await?;
        }
        Ok(group.view().store())
    }

    /// Begins to tell of entries by age.
    pub(crate) async fn newest_first(
        &self,
        request: wire::NewestFirstRequest,
    ) -> Result<NewestFirst, Failure> {
        let until = Instant::now() + CALL_MAX;
        let store = self.store_for(request.consistency(), until).await?;
        // The whole log is read first.
        let began = tokio::task::spawn_blocking(move || NewestFirst::new(&store, &request)).await;
        began.unwrap_or_else(|_| Err(Error::new(ErrorKind::Stopped, "the node is shutting down").into()))
    }

    /// Returns when this node has applied all that a read must see.
    pub(super) async fn catch_up(&self, group: &Group, certainty: Certainty, until: Instant) -> Result<()> {
        let indexes = self
            .read_indexes
            .get()
            .ok_or_else(|| Error::new(ErrorKind::Unavailable, "the node is starting"))?;
        loop {
            let attempt = async {
                let index = indexes.ask(certainty).await?;
                group.view().applied(index).await
            };
            let error = match timeout_at(until, attempt).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error,
                Err(_) => return Err(out_of_time(false)),
            };
            let passes = matches!(error.kind(), ErrorKind::NotLeader | ErrorKind::Unavailable);
            if !passes || self.is_closing() || Instant::now() + AGAIN >= until {
                return Err(error);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// What is to change, and under which name.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) kind: command::Kind,
    pub(super) request: Option<wire::RequestId>,
}

impl Change {
    fn into_call(self) -> call::Kind {
        let request = self.request;
        match self.kind {
            command::Kind::PruneBatches(prune) => {
                call::Kind::PruneBatches(wire::PruneBatchesRequest { prune: Some(prune), request })
            }
            command::Kind::Write(write) => {
                call::Kind::Write(wire::WriteRequest { write: Some(write), request })
            }
            command::Kind::Clock(_) => {
                call::Kind::Write(wire::WriteRequest { write: Some(wire::Write::default()), request })
            }
        }
    }
}

/// Proposes a change here, with all times fixed.
pub(super) async fn propose(group: &Group, change: Change) -> Result<reply::Kind> {
    let time_ns = now_ns().max(group.view().store().now().0);
    let Change { mut kind, request } = change;
    if let command::Kind::Write(write) = &mut kind {
        fix_times(write, time_ns);
    }
    let result = group.propose(wire::Command { time_ns, request, kind: Some(kind) }).await?;
    match result.result {
        Some(command_result::Result::Write(write)) => Ok(reply::Kind::Write(write)),
        Some(command_result::Result::PruneBatches(pruned)) => Ok(reply::Kind::PruneBatches(pruned)),
        Some(command_result::Result::Clock(_)) => Ok(reply::Kind::Write(wire::WriteResult::default())),
        Some(command_result::Result::Failure(failure)) => Err(failure.into()),
        // It was applied, whatever came of it.
        None => Err(Error::new(ErrorKind::Unsupported, "the command got no result").with_unknown_outcome()),
    }
}

/// When a call that came just now has to be answered.
fn end_of(call: &wire::Call) -> Instant {
    let limit = match call.timeout_ms {
        0 => CALL_MAX,
        ms => Duration::from_millis(ms.into()).min(CALL_MAX),
    };
    Instant::now() + limit
}

/// The wall clock of this machine, in nanoseconds since 1970.
pub(super) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Refuses before it is in any log what this version does not know, and what is too large to be sent to the others.
fn check_write(write: &wire::Write) -> Result<()> {
    write.check_limits()?;
    batch_of(write, &|_| Ok(None)).map(drop)
}

fn is_read(kind: &call::Kind) -> bool {
    !matches!(kind, call::Kind::Write(_) | call::Kind::PruneBatches(_))
}

/// How sure a read must be of what it sees; `None` when it need not be.
fn certainty_of(consistency: wire::Consistency) -> Option<Certainty> {
    match consistency {
        wire::Consistency::Eventual => None,
        wire::Consistency::Lease => Some(Certainty::Lease),
        wire::Consistency::Linearizable | wire::Consistency::Unspecified => Some(Certainty::Confirmed),
    }
}

fn no_leader(state: &State) -> Error {
    match &state.stopped {
        Some(why) => {
            Error::new(ErrorKind::Stopped, format!("the node takes no part in its cluster any more: {why}"))
        }
        None => Error::new(
            ErrorKind::Unavailable,
            "the cluster has no leader: a majority of its nodes must be running and reach each other",
        ),
    }
}

fn out_of_time(is_write: bool) -> Error {
    let error = Error::new(ErrorKind::TimedOut, "the call was not answered in its time");
    if is_write { error.with_unknown_outcome() } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client could have a call held for 49 days.
    #[tokio::test]
    async fn f24_no_call_lasts_longer_than_the_node_lets_it() {
        for (timeout_ms, limit) in [(0, CALL_MAX), (150, Duration::from_millis(150)), (u32::MAX, CALL_MAX)] {
            let begun = Instant::now();
            let end = end_of(&wire::Call { timeout_ms, ..Default::default() });
            assert!(end >= begun + limit && end <= Instant::now() + limit, "{timeout_ms} ms");
        }
    }
}
