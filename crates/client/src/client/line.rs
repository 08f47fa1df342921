//! A stream to one node, on which calls go out and replies come back, many at a time.
//!
//! Invariants: what is queued when the transport has room goes out together, up to 1 MiB, without waiting for more; every call
//! that was taken gets one answer, or learns that the line is lost; bytes under way are bounded by the permits that calls
//! bring with them.

use std::collections::HashMap;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_stream::Stream;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::limits::MESSAGE_BYTES_MAX;
use crate::wire::keys_client::KeysClient;
use crate::wire::{Call, Calls, Failure, FailureKind, Replies, call, reply};

/// Bytes of calls that go out in one message, if it has more than one.
const SEND_BYTES_MAX: usize = 1 << 20;

/// A call on its way to the line.
#[derive(Debug)]
pub(super) struct Outbound {
    pub(super) kind: call::Kind,
    pub(super) timeout: Duration,
    /// Its length when it is encoded.
    pub(super) bytes: usize,
    pub(super) permit: OwnedSemaphorePermit,
}

/// What became of a call on a line: its reply, which is `None` when the node has answered it with a kind that is not known here.
pub(super) type Answer = Result<Option<reply::Kind>, Lost>;

/// The line is gone.
#[derive(Clone, Debug)]
pub(super) enum Lost {
    /// The node refuses the line as a whole: it did nothing of what came on it.
    Refused(Failure),
    /// Each call may or may not have arrived.
    Broken(String),
}

impl Lost {
    fn of(failure: Failure) -> Self {
        // This is said of the first message, before any call is looked at.
        if failure.kind() == FailureKind::Mismatch {
            return Self::Refused(failure);
        }
        Self::Broken(failure.message)
    }
}

/// An open stream.
#[derive(Debug)]
pub(super) struct Line {
    queue: mpsc::UnboundedSender<Queued>,
}

#[derive(Debug)]
struct Queued {
    call: Outbound,
    answer: oneshot::Sender<Answer>,
}

impl Line {
    /// Opens a stream over `channel`, to a node of the cluster `cluster_id` if that is known.
    pub(super) async fn open(channel: Channel, cluster_id: Bytes) -> Result<Self, Failure> {
        let (queue, queued) = mpsc::unbounded_channel();
        let waiting = Arc::new(Waiting::default());
        let first = Some(Calls { cluster_id, ..Calls::default() });
        let outgoing = Outgoing { queued, held: None, waiting: Arc::clone(&waiting), number: 0, first };
        let mut client = KeysClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        let replies = client.exchange(outgoing).await?.into_inner();
        tokio::spawn(read(replies, waiting));
        Ok(Self { queue })
    }

    /// Whether calls can still be sent.
    pub(super) fn is_open(&self) -> bool {
        !self.queue.is_closed()
    }

    /// Queues a call, and gives what its answer will come through. The call itself when the line is not open any more.
    pub(super) fn send(&self, call: Outbound) -> Result<oneshot::Receiver<Answer>, Box<Outbound>> {
        let (answer, answered) = oneshot::channel();
        match self.queue.send(Queued { call, answer }) {
            Ok(()) => Ok(answered),
            Err(refused) => Err(Box::new(refused.0.call)),
        }
    }
}

/// The calls that were sent, by number.
#[derive(Debug, Default)]
struct Waiting {
    state: Mutex<WaitingState>,
}

#[derive(Debug, Default)]
struct WaitingState {
    calls: HashMap<u64, (oneshot::Sender<Answer>, OwnedSemaphorePermit)>,
    lost: Option<Lost>,
}

impl Waiting {
    fn state(&self) -> MutexGuard<'_, WaitingState> {
        // Every change of the state is whole before anything could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a batch of replies. Whoever waits no longer has dropped the other end.
    fn answer(&self, replies: Replies) {
        let mut state = self.state();
        for reply in replies.replies {
            let Some((answer, _permit)) = state.calls.remove(&reply.number) else { continue };
            let _not_waited_for = answer.send(Ok(reply.kind));
        }
    }

    /// Tells everybody that nothing more will come.
    fn lose(&self, lost: Lost) {
        let calls = {
            let mut state = self.state();
            state.lost = Some(lost.clone());
            mem::take(&mut state.calls)
        };
        for (answer, _permit) in calls.into_values() {
            let _not_waited_for = answer.send(Err(lost.clone()));
        }
    }
}

/// The calls, as the transport takes them.
struct Outgoing {
    queued: mpsc::UnboundedReceiver<Queued>,
    /// One that did not fit into the message before.
    held: Option<Queued>,
    waiting: Arc<Waiting>,
    /// Of the last call.
    number: u64,
    /// What the first message says of the stream.
    first: Option<Calls>,
}

impl Stream for Outgoing {
    type Item = Calls;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Calls>> {
        let this = &mut *self;
        let (mut calls, mut bytes) = (this.first.clone().unwrap_or_default(), 0);
        let waiting = Arc::clone(&this.waiting);
        loop {
            let next = match this.held.take() {
                Some(held) => Poll::Ready(Some(held)),
                None => this.queued.poll_recv(context),
            };
            match next {
                Poll::Ready(Some(next)) if bytes > 0 && bytes + next.call.bytes > SEND_BYTES_MAX => {
                    this.held = Some(next);
                    break;
                }
                Poll::Ready(Some(Queued { call, answer })) => {
                    if answer.is_closed() {
                        // Whoever asked has given up: a call that was not sent need not be.
                        continue;
                    }
                    this.number += 1;
                    let mut state = waiting.state();
                    if let Some(lost) = &state.lost {
                        let _not_waited_for = answer.send(Err(lost.clone()));
                        return Poll::Ready(None);
                    }
                    state.calls.insert(this.number, (answer, call.permit));
                    bytes += call.bytes;
                    let timeout_ms = u32::try_from(call.timeout.as_millis().max(1)).unwrap_or(u32::MAX);
                    calls.calls.push(Call { number: this.number, timeout_ms, kind: Some(call.kind) });
                }
                Poll::Ready(None) if calls.calls.is_empty() => return Poll::Ready(None),
                Poll::Pending if calls.calls.is_empty() => return Poll::Pending,
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        this.first = None;
        Poll::Ready(Some(calls))
    }
}

/// Hands out replies until the stream ends.
async fn read(mut replies: Streaming<Replies>, waiting: Arc<Waiting>) {
    let lost = loop {
        match replies.message().await {
            Ok(Some(some)) => waiting.answer(some),
            Ok(None) => break Lost::Broken("the node closed the stream".to_owned()),
            Err(status) => break Lost::of(Failure::from(status)),
        }
    };
    waiting.lose(lost);
}
