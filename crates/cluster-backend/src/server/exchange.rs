//! The stream of an exchange: calls come in, replies go out, many at a time and in any order.
//!
//! Invariants: at most [`CALLS_MAX`] calls of a stream are under way; further ones stay with the sender, by flow control. Replies
//! that are ready together go together, up to 1 MiB; none is made ready before there is room for it, so a client that does not
//! read holds no answers but those of one message.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt as _};
use pentad_client::wire::{Call, Calls, Replies, Reply};
use prost::Message as _;
use tonic::{Status, Streaming};

use super::Answers;

/// Calls of one stream that are under way at once.
const CALLS_MAX: usize = 4_096;

/// Bytes of replies that go out in one message, if it has more than one.
const SEND_BYTES_MAX: usize = 1 << 20;

/// The replies to the calls of a stream.
pub(super) struct Exchange<A: Answers> {
    answers: A,
    incoming: Incoming,
    /// Calls of the last message that there was no room for yet, the next one last.
    waiting: Vec<Call>,
    running: FuturesUnordered<Pin<Box<dyn Future<Output = Reply> + Send>>>,
    is_first: bool,
    /// What the stream ends with, when all calls before are answered.
    end: Option<Status>,
}

enum Incoming {
    Open(Box<Streaming<Calls>>),
    Ended,
}

impl<A: Answers> Exchange<A> {
    pub(super) fn new(answers: A, incoming: Streaming<Calls>) -> Self {
        Self {
            answers,
            incoming: Incoming::Open(Box::new(incoming)),
            waiting: Vec::new(),
            running: FuturesUnordered::new(),
            is_first: true,
            end: None,
        }
    }

    /// Begins calls as long as there is room and there are any.
    fn begin(&mut self, context: &mut Context<'_>) {
        while self.running.len() < CALLS_MAX {
            if let Some(call) = self.waiting.pop() {
                self.running.push(Box::pin(self.answers.call(call)));
                continue;
            }
            let Incoming::Open(incoming) = &mut self.incoming else { return };
            match incoming.poll_next_unpin(context) {
                Poll::Pending => return,
                Poll::Ready(Some(Ok(calls))) => self.take(calls),
                Poll::Ready(Some(Err(status))) => self.end(Some(status)),
                Poll::Ready(None) => self.end(None),
            }
        }
    }

    fn take(&mut self, calls: Calls) {
        if std::mem::take(&mut self.is_first)
            && let Err(failure) = self.answers.check_stream(&calls.cluster_id, calls.group_id)
        {
            return self.end(Some(failure.into()));
        }
        self.waiting = calls.calls;
        self.waiting.reverse();
    }

    fn end(&mut self, status: Option<Status>) {
        self.incoming = Incoming::Ended;
        self.end = status;
    }

    /// Replies that are ready now.
    fn ready(&mut self, context: &mut Context<'_>) -> Vec<Reply> {
        let (mut replies, mut bytes) = (Vec::new(), 0);
        while bytes < SEND_BYTES_MAX {
            match self.running.poll_next_unpin(context) {
                Poll::Ready(Some(reply)) => {
                    bytes += reply.encoded_len();
                    replies.push(reply);
                }
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        replies
    }
}

impl<A: Answers> Stream for Exchange<A> {
    type Item = Result<Replies, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.begin(context);
        let replies = this.ready(context);
        if !replies.is_empty() {
            return Poll::Ready(Some(Ok(Replies { replies })));
        }
        let has_ended = matches!(this.incoming, Incoming::Ended);
        if has_ended && this.running.is_empty() && this.waiting.is_empty() {
            return Poll::Ready(this.end.take().map(Err));
        }
        Poll::Pending
    }
}
