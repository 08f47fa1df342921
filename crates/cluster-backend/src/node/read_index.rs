//! One question to the leader for all readers that wait at the same time.
//!
//! Invariant: the index that a reader gets was asked for after the reader came, so that it sees all that was acknowledged before.

use std::sync::Arc;
use std::time::Duration;

use pentad_client::wire;
use tokio::sync::{mpsc, oneshot};

use super::shared::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::peers;
use crate::raft::Certainty;

/// How long the leader may take to answer a follower.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Readers that wait; more are refused.
const READERS_MAX: usize = 100_000;

type Reader = oneshot::Sender<Result<u64>>;

/// The way to the two queues.
#[derive(Debug)]
pub(super) struct ReadIndexes {
    confirmed: mpsc::Sender<Reader>,
    lease: mpsc::Sender<Reader>,
}

impl ReadIndexes {
    /// Starts the two tasks that ask. They end with the handle.
    pub(super) fn start(shared: &Arc<Shared>) -> Self {
        let start = |certainty| {
            let (sender, receiver) = mpsc::channel(READERS_MAX);
            tokio::spawn(run(Arc::clone(shared), certainty, receiver));
            sender
        };
        Self { confirmed: start(Certainty::Confirmed), lease: start(Certainty::Lease) }
    }

    /// The index that a read must have applied.
    pub(super) async fn ask(&self, certainty: Certainty) -> Result<u64> {
        let queue = match certainty {
            Certainty::Confirmed => &self.confirmed,
            Certainty::Lease => &self.lease,
        };
        let (reader, answer) = oneshot::channel();
        queue
            .try_send(reader)
            .map_err(|_| Error::new(ErrorKind::Overloaded, "too many reads wait for the leader"))?;
        answer.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Stopped, "the node is shutting down")))
    }
}

async fn run(shared: Arc<Shared>, certainty: Certainty, mut readers: mpsc::Receiver<Reader>) {
    let mut waiting = Vec::new();
    while readers.recv_many(&mut waiting, READERS_MAX).await > 0 {
        let answer = ask(&shared, certainty).await;
        for reader in waiting.drain(..) {
            // A reader that has gone needs none.
            drop(reader.send(answer.clone()));
        }
    }
}

async fn ask(shared: &Shared, certainty: Certainty) -> Result<u64> {
    let group = shared.group()?;
    let state = group.state();
    if state.is_leader() {
        return group.read_index(certainty).await;
    }
    let Some(leader) = state.leader_hint() else {
        return Err(Error::new(ErrorKind::NotLeader, "no leader is known at the moment"));
    };
    let consistency = match certainty {
        Certainty::Confirmed => wire::Consistency::Linearizable,
        Certainty::Lease => wire::Consistency::Lease,
    };
    let request =
        wire::ReadIndexRequest { header: Some(shared.me.header(leader.id)), consistency: consistency.into() };
    let mut client = peers::client(shared.channel(&leader.address)?);
    let answer = tokio::time::timeout(ANSWER_MAX, client.read_index(request)).await;
    let unavailable = |why: String| {
        let text = format!("node {} at {}, which leads, does not answer: {why}", leader.id, leader.address);
        Error::new(ErrorKind::Unavailable, text)
    };
    let answer = answer.map_err(|_| unavailable("in time".into()))?;
    let answer = answer.map_err(|status| unavailable(status.message().to_owned()))?.into_inner();
    match answer.failure {
        None => Ok(answer.index),
        Some(failure) => Err(failure.into()),
    }
}
