//! The way to another node: openraft's network over the service `Peer`.
//!
//! Invariants: every stream and every message says who speaks and to whom, and the other side refuses what does not fit. Answers to
//! appends come in the order of the appends. Heartbeats and snapshots have connections of their own, so that big appends do not
//! delay the former and the latter do not delay appends.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::{Backoff, RPCOption, RPCTypes};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendError, StreamAppendResult,
    TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RaftNetworkFactory, RaftNetworkV2};
use pentad_client::wire::{self, peer_client::PeerClient};
use tonic::Code;
use tonic::transport::Channel;

use super::convert::{Malformed, Wire};
use super::replica::SnapshotData;
use super::snapshot_out;
use super::types::{LeaderId, LogId, Member, NodeId, Types, Vote};
use crate::node::Me;
use crate::peers;

/// How long a follower may take to answer an append; its disk is slow then, or it is gone.
const ANSWER_MAX: Duration = Duration::from_secs(5);

pub(crate) type Snapshot = openraft::Snapshot<LeaderId, NodeId, Member, SnapshotData>;
type Answer = Result<StreamAppendResult<Types>, RPCError<Types>>;

/// Makes the ways to the others.
pub(crate) struct Network {
    me: Arc<Me>,
}

impl Network {
    pub(crate) fn new(me: Arc<Me>) -> Self {
        Self { me }
    }
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Way;

    async fn new_client(&mut self, target: NodeId, node: &Member) -> Way {
        let channel = peers::channel(&node.address, self.me.speaks_from());
        Way { me: Arc::clone(&self.me), target, address: node.address.clone(), channel }
    }
}

/// The way to one node: a connection that is made when it is first needed, and again after it broke.
pub(crate) struct Way {
    me: Arc<Me>,
    target: NodeId,
    address: String,
    channel: Result<Channel, String>,
}

impl Way {
    fn client(&self) -> Result<PeerClient<Channel>, RPCError<Types>> {
        match &self.channel {
            Ok(channel) => Ok(peers::client(channel.clone())),
            Err(text) => Err(RPCError::Unreachable(Unreachable::from_string(text))),
        }
    }

    fn header(&self) -> wire::PeerHeader {
        self.me.header(self.target.0)
    }

    fn failed(&self, status: &tonic::Status) -> RPCError<Types> {
        let text = format!("node {} at {}: {}", self.target, self.address, status.message());
        if status.code() == Code::FailedPrecondition {
            // Not to be lost among the errors of a network: someone has to do something.
            tracing::warn!(node = self.target.0, address = %self.address, why = status.message(), "refused by another node");
        }
        match status.code() {
            Code::Unavailable | Code::FailedPrecondition => {
                RPCError::Unreachable(Unreachable::from_string(text))
            }
            _ => RPCError::Network(NetworkError::from_string(text)),
        }
    }

    fn late(&self, action: RPCTypes, timeout: Duration) -> RPCError<Types> {
        RPCError::Timeout(Timeout { action, id: NodeId(self.me.now().node_id), target: self.target, timeout })
    }

    async fn ask<T>(
        &self,
        action: RPCTypes,
        option: &RPCOption,
        call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T, RPCError<Types>> {
        let timeout = option.hard_ttl();
        match tokio::time::timeout(timeout, call).await {
            Ok(answer) => Ok(answer.map_err(|status| self.failed(&status))?.into_inner()),
            Err(_) => Err(self.late(action, timeout)),
        }
    }

    fn vote_message(&self, rpc: &VoteRequest<Types>) -> wire::VoteRequest {
        wire::VoteRequest {
            header: Some(self.header()),
            vote: Some(rpc.vote.to_wire()),
            last_log_id: rpc.last_log_id.as_ref().map(Wire::to_wire),
            leadership_transfer: rpc.leadership_transfer,
        }
    }
}

impl RaftNetworkV2<Types> for Way {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        let last = rpc.entries.last().map(|entry| entry.log_id).or(rpc.prev_log_id);
        let requests = Box::pin(futures_util::stream::once(async { rpc }));
        let mut answers = RaftNetworkV2::stream_append(self, requests, option).await?;
        let Some(answer) = answers.next().await else {
            return Err(RPCError::Network(NetworkError::from_string("the other node gave no answer")));
        };
        Ok(match answer? {
            Ok(matched) if matched == last => AppendEntriesResponse::Success,
            Ok(matched) => AppendEntriesResponse::PartialSuccess(matched),
            Err(StreamAppendError::Conflict(_)) => AppendEntriesResponse::Conflict,
            Err(StreamAppendError::HigherVote(vote)) => AppendEntriesResponse::HigherVote(vote),
        })
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Answer>, RPCError<Types>>>
    where
        S: Stream<Item = AppendEntriesRequest<Types>> + OptionalSend + Unpin + 'static,
    {
        Box::pin(async move {
            // openraft pauses after failures before it gives the first request. So that is taken before anything is tried: of a node that is
            // gone nothing else would be asked, and it would be tried thousands of times a second.
            let mut input = input;
            let Some(first) = input.next().await else { return Ok(futures_util::stream::empty().boxed()) };
            let input = futures_util::stream::once(std::future::ready(first)).chain(input);
            let mut client = self.client()?;
            let under_way = Arc::new(AtomicU64::new(0));
            let (sent, mut header) = (Arc::clone(&under_way), Some(self.header()));
            let messages = input.map(move |request| {
                sent.fetch_add(1, Ordering::Relaxed);
                append_message(header.take(), &request)
            });
            let answers = match tokio::time::timeout(ANSWER_MAX, client.append(messages)).await {
                Ok(answers) => answers.map_err(|status| self.failed(&status))?.into_inner(),
                Err(_) => return Err(self.late(RPCTypes::AppendEntries, ANSWER_MAX)),
            };
            let way: &'s Self = self;
            let stream = futures_util::stream::unfold(Some(answers), move |state| {
                let under_way = Arc::clone(&under_way);
                async move {
                    let mut answers = state?;
                    let message = loop {
                        match tokio::time::timeout(ANSWER_MAX, answers.message()).await {
                            Ok(message) => break message,
                            // Nothing was asked, so there is nothing to answer.
                            Err(_) if under_way.load(Ordering::Relaxed) == 0 => {}
                            Err(_) => {
                                return Some((Err(way.late(RPCTypes::AppendEntries, ANSWER_MAX)), None));
                            }
                        }
                    };
                    let message = match message {
                        Ok(message) => message?,
                        Err(status) => return Some((Err(way.failed(&status)), None)),
                    };
                    under_way.fetch_sub(1, Ordering::Relaxed);
                    let answer = append_answer(message);
                    let goes_on = matches!(answer, Ok(Ok(_)));
                    Some((answer, goes_on.then_some(answers)))
                }
            });
            Ok(Box::pin(stream) as BoxStream<'s, Answer>)
        })
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let (mut client, message) = (self.client()?, self.vote_message(&rpc));
        let answer = self.ask(RPCTypes::Vote, &option, client.vote(message)).await?;
        vote_answer(answer).map_err(|error| malformed(&error))
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let (mut client, message) = (self.client()?, self.vote_message(&rpc));
        let answer = self.ask(RPCTypes::Vote, &option, client.pre_vote(message)).await?;
        vote_answer(answer).map_err(|error| malformed(&error))
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let client = self.client()?;
        let sent = snapshot_out::send(client, self.header(), &vote, &snapshot.snapshot.files);
        let answer = tokio::select! {
            answer = sent => answer,
            closed = cancel => return Err(StreamingError::Closed(closed)),
        };
        let vote = answer.map_err(|status| {
            let (node, error) = (self.target.0, status.message());
            tracing::warn!(node, error, "a snapshot did not arrive; it is sent again");
            self.failed(&status)
        })?;
        Ok(SnapshotResponse::new(vote))
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        let message = wire::TransferLeaderRequest {
            header: Some(self.header()),
            from: Some(req.from_leader().to_wire()),
            to: req.to_node_id().0,
            last_log_id: req.last_log_id().map(Wire::to_wire),
        };
        let mut client = self.client()?;
        let answer = self.ask(RPCTypes::TransferLeader, &option, client.transfer_leader(message)).await?;
        match answer.failure {
            None => Ok(Ok(())),
            Some(failure) => Err(RPCError::Network(NetworkError::from_string(failure.message))),
        }
    }

    fn backoff(&self) -> Option<Backoff> {
        let waits = [50, 100, 200, 400].into_iter().chain(std::iter::repeat(500));
        Some(Backoff::new(waits.map(Duration::from_millis)))
    }
}

fn append_message(
    header: Option<wire::PeerHeader>,
    request: &AppendEntriesRequest<Types>,
) -> wire::AppendRequest {
    wire::AppendRequest {
        header,
        vote: Some(request.vote.to_wire()),
        previous: request.prev_log_id.as_ref().map(Wire::to_wire),
        entries: request.entries.iter().map(Wire::to_wire).collect(),
        leader_commit: request.leader_commit.as_ref().map(Wire::to_wire),
    }
}

fn append_answer(message: wire::AppendResponse) -> Answer {
    use wire::append_response::Result as Told;
    let nothing = Malformed("an answer to an append says nothing");
    Ok(match message.result.ok_or_else(|| malformed(&nothing))? {
        Told::Matched(matched) => Ok(LogId::optional(matched.through).map_err(|error| malformed(&error))?),
        Told::Conflict(at) => {
            Err(StreamAppendError::Conflict(LogId::from_wire(at).map_err(|error| malformed(&error))?))
        }
        Told::HigherVote(vote) => {
            Err(StreamAppendError::HigherVote(Vote::from_wire(vote).map_err(|error| malformed(&error))?))
        }
        Told::Failure(failure) => {
            return Err(RPCError::Unreachable(Unreachable::from_string(failure.message)));
        }
    })
}

fn vote_answer(message: wire::VoteResponse) -> Result<VoteResponse<Types>, Malformed> {
    let vote = Vote::required(message.vote, "an answer to a vote has no vote")?;
    Ok(VoteResponse::new(vote, LogId::optional(message.last_log_id)?, message.granted))
}

fn malformed(error: &Malformed) -> RPCError<Types> {
    RPCError::Network(NetworkError::from_string(error))
}
