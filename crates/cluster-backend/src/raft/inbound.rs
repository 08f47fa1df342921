//! What other nodes ask of this one, as messages.
//!
//! Invariant: a message is looked into only when its header fits: cluster, group, to whom, and that the sender is the member it
//! says it is. Everything else is refused, and logged.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use openraft::raft::{
    AppendEntriesRequest, StreamAppendError, StreamAppendResult, TransferLeaderRequest, VoteRequest,
    VoteResponse,
};
use pentad_client::wire::{self, append_response, snapshot_chunk::Part};
use tokio::time::Instant;

use super::convert::{Malformed, Wire};
use super::group::Group;
use super::network::Snapshot;
use super::snapshot_in::Incoming;
use super::types::{Entry, LogId, NodeId, Types, Vote};
use crate::error::{Error, ErrorKind, Result};

/// Messages from another node, as they come.
pub(crate) type Inbound<T> = Pin<Box<dyn Stream<Item = Result<T>> + Send>>;

impl From<Malformed> for Error {
    fn from(error: Malformed) -> Self {
        Self::new(ErrorKind::InvalidInput, error.to_string())
    }
}

impl Group {
    /// Whether whoever sends this header may speak to this node.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`], with what does not fit.
    pub(crate) fn check(&self, header: Option<&wire::PeerHeader>) -> Result<()> {
        self.fits(header).map_err(|why| {
            tracing::warn!(%why, "a message of another node was refused");
            Error::new(ErrorKind::Mismatch, why)
        })
    }

    fn fits(&self, header: Option<&wire::PeerHeader>) -> Result<(), String> {
        let header = header.ok_or("the message does not say who sends it")?;
        let from = header.from.as_ref().ok_or("the message does not say who sends it")?;
        let me = self.me.now();
        if from.cluster_id != me.cluster_id {
            return Err(format!("node {} at {} belongs to another cluster", from.node_id, from.address));
        }
        if from.group_id != 0 {
            return Err(format!("there is no group {} on this node", from.group_id));
        }
        if header.to_node_id != me.node_id {
            return Err(format!(
                "the message is for node {}, and this is node {}",
                header.to_node_id, me.node_id
            ));
        }
        if from.node_id == me.node_id {
            return Err(format!(
                "the node at {} says that it is this node: is its directory a copy?",
                from.address
            ));
        }
        let Some(membership) = self.membership() else {
            return Ok(());
        };
        let Some(member) = membership.get_node(&NodeId(from.node_id)) else {
            // Ids are never given twice: a higher one may have been added while this node was away.
            return match u64::from(from.node_id) > self.view.highest_id() {
                true => Ok(()),
                false => {
                    Err(format!("node {} at {} was removed from the cluster", from.node_id, from.address))
                }
            };
        };
        if member.store_id != from.store_id || member.incarnation != from.incarnation {
            return Err(format!(
                "the node at {} is not the store that was added as node {}; remove node {0} from the cluster first",
                from.address, from.node_id
            ));
        }
        if member.address != from.address {
            return Err(format!(
                "node {} is at {}, and another one at {} says that it is the same: is its directory a copy?",
                from.node_id, member.address, from.address
            ));
        }
        Ok(())
    }

    /// Appends that another node streams; the answers come in the same order.
    pub(crate) fn append(&self, messages: Inbound<wire::AppendRequest>) -> Inbound<wire::AppendResponse> {
        let group = self.clone();
        // Whatever ends the stream of requests is told after the answers to those before it.
        let (failed, failure) = tokio::sync::watch::channel(None::<Error>);
        let mut is_checked = false;
        let requests = messages
            .map(move |message| {
                let message = message?;
                if !is_checked {
                    group.check(message.header.as_ref())?;
                    is_checked = true;
                }
                append_request(message)
            })
            .scan((), move |(), request: Result<AppendEntriesRequest<Types>>| {
                let request = request.map_err(|error| failed.send_replace(Some(error))).ok();
                futures_util::future::ready(request)
            });
        let answers = self.raft.stream_append(Box::pin(requests)).map(|answer| {
            Ok(match answer {
                Ok(result) => append_answer(result),
                Err(error) => append_failure(Error::new(ErrorKind::Stopped, error.to_string())),
            })
        });
        let last = futures_util::stream::once(async move { failure.borrow().clone() })
            .filter_map(|error| futures_util::future::ready(error.map(|error| Ok(append_failure(error)))));
        Box::pin(answers.chain(last))
    }

    /// A vote, which is durable when this returns.
    pub(crate) async fn vote(&self, message: wire::VoteRequest) -> Result<wire::VoteResponse> {
        let request = self.vote_request(message)?;
        let answer = self
            .raft
            .vote(request)
            .await
            .map_err(|error| Error::new(ErrorKind::Stopped, error.to_string()))?;
        Ok(vote_answer(&answer))
    }

    /// Whether a vote would be given.
    pub(crate) async fn pre_vote(&self, message: wire::VoteRequest) -> Result<wire::VoteResponse> {
        let request = self.vote_request(message)?;
        let answer = self.raft.pre_vote(request).await;
        Ok(vote_answer(&answer.map_err(|error| Error::new(ErrorKind::Stopped, error.to_string()))?))
    }

    fn vote_request(&self, message: wire::VoteRequest) -> Result<VoteRequest<Types>> {
        self.check(message.header.as_ref())?;
        // A leader that passes its lead on holds no lease any more.
        if Instant::now() < self.silent_until && !message.leadership_transfer {
            let text = "the node was started just now, and may have promised a leader not to vote yet";
            return Err(Error::new(ErrorKind::Unavailable, text));
        }
        Ok(VoteRequest {
            vote: Vote::required(message.vote, "a request for a vote has none")?,
            last_log_id: LogId::optional(message.last_log_id)?,
            leadership_transfer: message.leadership_transfer,
        })
    }

    /// The leader wants this node to lead.
    pub(crate) async fn take_over(&self, message: wire::TransferLeaderRequest) -> Result<()> {
        self.check(message.header.as_ref())?;
        let from = Vote::required(message.from, "a transfer of leadership has no vote")?;
        let request =
            TransferLeaderRequest::new(from, NodeId(message.to), LogId::optional(message.last_log_id)?);
        let answer = self.raft.handle_transfer_leader(request).await;
        let answer = answer.map_err(|error| Error::new(ErrorKind::Stopped, error.to_string()))?;
        answer.map_err(|error| Error::new(ErrorKind::Refused, error.to_string()))
    }

    /// Bytes that are there of each file of a snapshot.
    pub(crate) async fn snapshot_state(&self, message: wire::SnapshotStateRequest) -> Result<Vec<u64>> {
        self.check(message.header.as_ref())?;
        let meta = message.meta.ok_or(Malformed("a snapshot is not described"))?;
        let directory = Arc::clone(&self.directory);
        blocking(move || Ok(Incoming::open(directory, meta, message.files)?.state())).await
    }

    /// A snapshot, which is installed when this returns. Returns the vote of this node.
    pub(crate) async fn snapshot_in(
        &self,
        mut chunks: Inbound<wire::SnapshotChunk>,
    ) -> Result<wire::RaftVote> {
        let Some(Part::Start(start)) = next(&mut chunks).await? else {
            return Err(Malformed("a snapshot does not begin as it should").into());
        };
        self.check(start.header.as_ref())?;
        let vote = Vote::required(start.vote, "a snapshot has no vote")?;
        let meta = start.meta.ok_or(Malformed("a snapshot is not described"))?;
        let directory = Arc::clone(&self.directory);
        let mut incoming = blocking(move || Incoming::open(directory, meta, start.files)).await?;
        loop {
            match next(&mut chunks).await? {
                Some(Part::Data(data)) => {
                    incoming = blocking(move || incoming.write(&data).map(|()| incoming)).await?;
                }
                Some(Part::Checksum(checksum)) => {
                    let data = blocking(move || incoming.finish(checksum)).await?;
                    let snapshot = Snapshot { meta: data.files.meta.clone(), snapshot: data };
                    let answer = self.raft.install_full_snapshot(vote, snapshot).await;
                    let answer = answer.map_err(|error| Error::new(ErrorKind::Stopped, error.to_string()))?;
                    return Ok(answer.vote.to_wire());
                }
                Some(Part::Start(_)) => return Err(Malformed("a snapshot begins twice").into()),
                None => return Err(Error::new(ErrorKind::Unavailable, "the snapshot did not arrive whole")),
            }
        }
    }
}

async fn next(chunks: &mut Inbound<wire::SnapshotChunk>) -> Result<Option<Part>> {
    Ok(chunks.next().await.transpose()?.and_then(|chunk| chunk.part))
}

/// Work on files, on a thread that may wait for them.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Error::new(ErrorKind::Stopped, "the node is shutting down")))
}

fn append_request(message: wire::AppendRequest) -> Result<AppendEntriesRequest<Types>> {
    let entries = message.entries.into_iter().map(Entry::from_wire).collect::<Result<Vec<_>, _>>()?;
    Ok(AppendEntriesRequest {
        vote: Vote::required(message.vote, "an append has no vote")?,
        prev_log_id: LogId::optional(message.previous)?,
        entries,
        leader_commit: LogId::optional(message.leader_commit)?,
    })
}

fn append_answer(result: StreamAppendResult<Types>) -> wire::AppendResponse {
    let told = match result {
        Ok(matched) => {
            append_response::Result::Matched(wire::Matched { through: matched.as_ref().map(Wire::to_wire) })
        }
        Err(StreamAppendError::Conflict(at)) => append_response::Result::Conflict(at.to_wire()),
        Err(StreamAppendError::HigherVote(vote)) => append_response::Result::HigherVote(vote.to_wire()),
    };
    wire::AppendResponse { result: Some(told) }
}

fn append_failure(error: Error) -> wire::AppendResponse {
    wire::AppendResponse { result: Some(append_response::Result::Failure(error.into())) }
}

fn vote_answer(answer: &VoteResponse<Types>) -> wire::VoteResponse {
    wire::VoteResponse {
        vote: Some(answer.vote.to_wire()),
        granted: answer.vote_granted,
        last_log_id: answer.last_log_id.as_ref().map(Wire::to_wire),
    }
}
