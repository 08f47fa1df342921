//! The stream of an exchange: calls come in, replies go out, many at a time and in any order.
//!
//! Invariants: at most [`CALLS_MAX`] calls of a stream are under way, and no more bytes of them than there is [room](super::room) for;
//! further ones stay with the sender, by flow control. Replies that are ready together go together, up to 1 MiB; none is made ready
//! before there is room for it, so a client that does not read holds no answers but those of one message. A call whose time is over
//! is dropped, though nobody reads what became of it. An answer that no message holds is a failure of its call alone.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt as _};
use pentad_client::wire::{Call, Calls, Replies, Reply, call, reply};
use pentad_client::{Failure, FailureKind, MESSAGE_BYTES_MAX};
use prost::Message as _;
use tokio::time::Instant;
use tonic::{Status, Streaming};

use super::Answers;
use super::answers::reply;
use super::room::{Held, StreamRoom};

/// Calls of one stream that are under way at once.
const CALLS_MAX: usize = 4_096;

/// Bytes of replies that go out in one message, if it has more than one.
const SEND_BYTES_MAX: usize = 1 << 20;

/// Longest reply; what says that it comes and how long it is takes the rest of its message.
const REPLY_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 16;

/// For how long replies may wait to be taken before the calls of a stream are given up. Every call is answered within less.
const UNREAD_MAX: Duration = Duration::from_secs(15);

/// The replies to the calls of a stream.
pub(super) struct Exchange<A: Answers> {
    work: Arc<Mutex<Work<A>>>,
}

/// What is under way on a stream.
struct Work<A: Answers> {
    answers: A,
    incoming: Incoming,
    room: StreamRoom,
    /// The last message, while there is no room for it.
    entering: Option<Entering>,
    /// Calls of the message before that were not begun yet, the next one last, and the room that all of its calls share.
    waiting: Vec<Call>,
    held: Option<Arc<Held>>,
    running: FuturesUnordered<Pin<Box<dyn Future<Output = Reply> + Send>>>,
    /// A reply that did not fit into the message before.
    kept: Option<Reply>,
    is_first: bool,
    /// What the stream ends with, when all calls before are answered.
    end: Option<Status>,
    /// When replies were last asked for.
    asked: Instant,
}

enum Incoming {
    Open(Box<Streaming<Calls>>),
    Ended,
}

struct Entering {
    calls: Vec<Call>,
    room: Pin<Box<dyn Future<Output = Held> + Send>>,
}

impl<A: Answers> Exchange<A> {
    /// The exchange on a stream. Within a runtime of tokio.
    pub(super) fn new(answers: A, incoming: Streaming<Calls>, room: StreamRoom) -> Self {
        let work = Arc::new(Mutex::new(Work {
            answers,
            incoming: Incoming::Open(Box::new(incoming)),
            room,
            entering: None,
            waiting: Vec::new(),
            held: None,
            running: FuturesUnordered::new(),
            kept: None,
            is_first: true,
            end: None,
            asked: Instant::now(),
        }));
        tokio::spawn(give_up_unread(Arc::downgrade(&work), UNREAD_MAX));
        Self { work }
    }
}

impl<A: Answers> Work<A> {
    /// Begins calls as long as there is room and there are any.
    fn begin(&mut self, context: &mut Context<'_>) {
        while self.running.len() < CALLS_MAX {
            if let Some(call) = self.waiting.pop() {
                self.run(call);
                continue;
            }
            self.held = None;
            if self.enter(context).is_pending() {
                return;
            }
            if !self.waiting.is_empty() {
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

    fn run(&mut self, call: Call) {
        let is_write = matches!(call.kind, Some(call::Kind::Write(_) | call::Kind::PruneBatches(_)));
        let (answer, held) = (self.answers.call(call), self.held.clone());
        self.running.push(Box::pin(async move {
            let reply = fitting(answer.await, is_write);
            drop(held);
            reply
        }));
    }

    /// Lets the message in that waits, when there is room.
    fn enter(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(entering) = &mut self.entering {
            let held = ready!(entering.room.as_mut().poll(context));
            let calls = std::mem::take(&mut entering.calls);
            self.entering = None;
            self.let_in(calls, held);
        }
        Poll::Ready(())
    }

    fn take(&mut self, message: Calls) {
        if std::mem::take(&mut self.is_first)
            && let Err(failure) = self.answers.check_stream(&message.cluster_id, message.group_id)
        {
            return self.end(Some(failure.into()));
        }
        let bytes = message.encoded_len();
        match self.room.try_take(bytes) {
            Some(held) => self.let_in(message.calls, held),
            None => {
                let room = Box::pin(self.room.clone().take(bytes));
                self.entering = Some(Entering { calls: message.calls, room });
            }
        }
    }

    fn let_in(&mut self, calls: Vec<Call>, held: Held) {
        self.waiting = calls;
        self.waiting.reverse();
        self.held = Some(Arc::new(held));
    }

    fn end(&mut self, status: Option<Status>) {
        self.incoming = Incoming::Ended;
        self.end = status;
    }

    /// Replies that are ready now.
    fn ready(&mut self, context: &mut Context<'_>) -> Vec<Reply> {
        let (mut replies, mut bytes) = (Vec::new(), 0);
        while bytes < SEND_BYTES_MAX {
            let next = match self.kept.take() {
                Some(kept) => Poll::Ready(Some(kept)),
                None => self.running.poll_next_unpin(context),
            };
            let Poll::Ready(Some(reply)) = next else { break };
            let length = reply.encoded_len();
            if !replies.is_empty() && bytes + length > SEND_BYTES_MAX {
                self.kept = Some(reply);
                break;
            }
            bytes += length;
            replies.push(reply);
        }
        replies
    }

    fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty() && self.entering.is_none() && self.kept.is_none()
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Replies, Status>>> {
        self.asked = Instant::now();
        self.begin(context);
        let replies = self.ready(context);
        if !replies.is_empty() {
            return Poll::Ready(Some(Ok(Replies { replies })));
        }
        if matches!(self.incoming, Incoming::Ended) && self.is_idle() {
            return Poll::Ready(self.end.take().map(Err));
        }
        Poll::Pending
    }

    /// Drops everything where no reply was taken for longer than any call lasts.
    fn give_up(&mut self, unread_max: Duration) {
        if self.is_idle() || self.asked.elapsed() <= unread_max {
            return;
        }
        (self.waiting, self.held, self.entering, self.kept) = (Vec::new(), None, None, None);
        self.running = FuturesUnordered::new();
        let text = format!(
            "nothing could go on for {} seconds: answers were not read, or there was no room for calls",
            unread_max.as_secs()
        );
        self.end(Some(Failure::new(FailureKind::Overloaded, text).into()));
    }
}

impl<A: Answers> Stream for Exchange<A> {
    type Item = Result<Replies, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        locked(&self.work).poll_next(context)
    }
}

/// Looks from time to time whether a stream is read, as long as there is one.
async fn give_up_unread<A: Answers>(work: Weak<Mutex<Work<A>>>, unread_max: Duration) {
    loop {
        tokio::time::sleep(unread_max / 3).await;
        let Some(work) = work.upgrade() else { return };
        locked(&work).give_up(unread_max);
    }
}

/// What a panic of a call left behind is whole: the call is gone, and nothing else was being changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The reply, or what stands for one that no message holds.
fn fitting(answer: Reply, is_write: bool) -> Reply {
    let bytes = answer.encoded_len();
    if bytes <= REPLY_BYTES_MAX {
        return answer;
    }
    let text =
        format!("an answer of {bytes} bytes does not fit into a message: {REPLY_BYTES_MAX} are the limit");
    let failure = Failure { outcome_unknown: is_write, ..Failure::invalid(text) };
    reply(answer.number, reply::Kind::Failure(failure))
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
