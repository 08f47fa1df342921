//! `Watch`: a stream of changes that outlives connections and nodes.
//!
//! Invariant: every commit that the filter lets through is told once, whole and in order, from the first one wanted on, however
//! often the watch was taken up at another node; what no node has any more is told as lost. Expiries take no sequence: they are
//! told while the watch stands, and may be missed while it is taken up again.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::time::{Instant, sleep, timeout};
use tonic::Streaming;

use super::backoff::Backoff;
use super::handle::Client;
use crate::batch::bytes;
use crate::wire::{
    Change, Failure, FailureKind, WatchRequest, WatchResponse, WatchWithinRequest, WatchedCommit,
    WatchedExpiry, watch_request, watch_response,
};

/// A node says every two seconds how far it is; one that has said nothing for so long is asked no more.
const SILENCE_MAX: Duration = Duration::from_secs(8);

/// The keys that a watch is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchFilter {
    /// Every key.
    #[default]
    All,
    /// One key.
    Key(Bytes),
    /// The keys that begin so.
    Prefix(Bytes),
}

impl WatchFilter {
    /// One key.
    pub fn key(key: impl AsRef<[u8]>) -> Self {
        Self::Key(bytes(key))
    }

    /// The keys that begin so.
    pub fn prefix(prefix: impl AsRef<[u8]>) -> Self {
        Self::Prefix(bytes(prefix))
    }
}

/// Where a watch begins, where it ends, and what it tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchFrom {
    /// The first commit wanted; `None` for those to come.
    pub sequence: Option<u64>,
    /// Also what each key held before.
    pub previous: bool,
    /// Ends when all commits have been told that the node has which is asked, instead of waiting for more. It may be behind the
    /// others: what was acknowledged a moment ago may be missing.
    pub until_now: bool,
    /// With `until_now`, for all keys and without `previous`: tells also the commits that changed none of the keys. A node that is too
    /// old to know leaves them out.
    pub whole_log: bool,
}

impl WatchFrom {
    /// The commits to come.
    pub fn now() -> Self {
        Self::default()
    }

    /// The commits from `sequence` on, and then those to come.
    pub fn sequence(sequence: u64) -> Self {
        Self { sequence: Some(sequence), ..Self::default() }
    }
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WatchEvent {
    /// The watch stands: every commit from this sequence on is told. The first event.
    Watching(u64),
    /// A commit that changed at least one of the keys, whole.
    Commit(WatchedCommit),
    /// A key has expired.
    Expired(WatchedExpiry),
    /// No node has the commits before this sequence any more. The watch goes on with it.
    Lost(u64),
}

/// A stream of changes; it ends after an error, or with what is there if that was asked for.
///
/// An error is given out when a node refuses, or when no node could be reached for the client's deadline.
/// [`Watch::resume_at`] says where another one begins.
pub struct Watch {
    events: BoxStream<'static, Result<(WatchEvent, u64), Failure>>,
    next: Option<u64>,
    /// Before which commit nodes said that everything was told; 0 for none.
    told_before: Arc<AtomicU64>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Watch {
    pub(super) fn new(client: Client, namespace: String, filter: WatchFilter, from: WatchFrom) -> Self {
        let filter = match filter {
            WatchFilter::All => None,
            WatchFilter::Key(key) => Some(watch_request::Filter::Key(key)),
            WatchFilter::Prefix(prefix) => Some(watch_request::Filter::Prefix(prefix)),
        };
        let WatchFrom { sequence, previous, until_now, whole_log } = from;
        let request = WatchRequest { filter, from: sequence, previous, until_now, whole_log };
        let told_before = Arc::new(AtomicU64::new(0));
        let watching = Watching {
            client,
            namespace,
            request,
            open: None,
            parts: Vec::new(),
            stands: false,
            is_over: false,
            told_before: Arc::clone(&told_before),
        };
        let events = stream::unfold(watching, async |mut watching| {
            let event = watching.next().await?;
            Some((event, watching))
        });
        Self { events: events.boxed(), next: sequence, told_before }
    }

    /// The commit to begin with if the watch is to be taken up later: every commit before it was told. `None` while the watch
    /// that is to tell of what comes does not stand yet.
    pub fn resume_at(&self) -> Option<u64> {
        let told_before = Some(self.told_before.load(Ordering::Relaxed)).filter(|before| *before > 0);
        self.next.max(told_before)
    }
}

impl Stream for Watch {
    type Item = Result<WatchEvent, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_next_unpin(context).map(|event| {
            event.map(|event| {
                let (event, next) = event?;
                self.next = Some(next);
                Ok(event)
            })
        })
    }
}

struct Watching {
    client: Client,
    /// Empty for the store's own keyspace.
    namespace: String,
    /// What is asked of the next node; `from` is the commit that was not told yet.
    request: WatchRequest,
    open: Option<Streaming<WatchResponse>>,
    /// The parts of a commit that is not whole yet.
    parts: Vec<Change>,
    /// Whether a node has taken the watch up.
    stands: bool,
    is_over: bool,
    told_before: Arc<AtomicU64>,
}

impl Watching {
    async fn next(&mut self) -> Option<Result<(WatchEvent, u64), Failure>> {
        let mut backoff = Backoff::default();
        // It begins with the first failure: how long nothing happened before is no part of it.
        let mut given_up_at = None;
        loop {
            if self.is_over {
                return None;
            }
            let failure = match self.message().await {
                Ok(Some(message)) => {
                    (backoff, given_up_at) = (Backoff::default(), None);
                    if let Some(event) = message.event.and_then(|event| self.take(event)) {
                        return Some(Ok((event, self.request.from.unwrap_or_default())));
                    }
                    continue;
                }
                Ok(None) if self.request.until_now => {
                    self.is_over = true;
                    continue;
                }
                Ok(None) => Failure::new(FailureKind::Unavailable, "the node ended the watch"),
                Err(failure) => failure,
            };
            (self.open, self.parts) = (None, Vec::new());
            let until = *given_up_at.get_or_insert_with(|| Instant::now() + self.client.deadline);
            let goes_on = match failure.kind() {
                FailureKind::Pruned => match self.find_missing(until).await {
                    Missing::Elsewhere => true,
                    Missing::Nowhere => false,
                    Missing::Lost(oldest) => {
                        self.request.from = Some(oldest);
                        return Some(Ok((WatchEvent::Lost(oldest), oldest)));
                    }
                },
                _ => passes(&failure),
            };
            let pause = backoff.next();
            if !goes_on || Instant::now() + pause >= until {
                self.is_over = true;
                return Some(Err(failure));
            }
            sleep(pause).await;
        }
    }

    /// Where the next commit is, which the node that was asked does not have: it may be behind the others, or hold less of the past.
    async fn find_missing(&self, until: Instant) -> Missing {
        let Some(from) = self.request.from else { return Missing::Nowhere };
        let left = until.saturating_duration_since(Instant::now());
        let Ok(extent) = self.client.within(left).keys().extent().await else {
            // Nobody can tell at the moment.
            return Missing::Elsewhere;
        };
        let next = extent.sequence + 1;
        let oldest = extent.oldest_batch.unwrap_or(next);
        match from {
            _ if from > next => Missing::Nowhere,
            _ if from >= oldest => Missing::Elsewhere,
            _ if self.stands => Missing::Lost(oldest),
            _ => Missing::Nowhere,
        }
    }

    /// The next message of the node, which is found first if need be; `None` when it ended the stream.
    async fn message(&mut self) -> Result<Option<WatchResponse>, Failure> {
        let silent =
            |address: &str| Failure::new(FailureKind::Unavailable, format!("{address}: no answer in time"));
        if self.open.is_none() {
            let link = self.client.inner.directory.next();
            let mut node = link.keys();
            let watch = self.request.clone();
            let asked = timeout(SILENCE_MAX, async {
                match self.namespace.as_str() {
                    "" => node.watch(watch).await,
                    name => {
                        let namespace = name.to_owned();
                        node.watch_within(WatchWithinRequest { namespace, watch: Some(watch) }).await
                    }
                }
            });
            let answered = asked.await.map_err(|_| silent(link.address())).and_then(|answered| Ok(answered?));
            match answered {
                Ok(opened) => self.open = Some(opened.into_inner()),
                Err(failure) => {
                    if passes(&failure) {
                        link.rest();
                    }
                    return Err(failure);
                }
            }
        }
        let Some(open) = &mut self.open else { return Ok(None) };
        match timeout(SILENCE_MAX, open.message()).await {
            Ok(message) => Ok(message?),
            Err(_) => Err(silent("the node")),
        }
    }

    /// Takes in what a node told; the event that it is to whoever watches.
    fn take(&mut self, event: watch_response::Event) -> Option<WatchEvent> {
        use watch_response::Event;
        match event {
            Event::WatchingFrom(sequence) => {
                if self.stands {
                    return None;
                }
                self.stands = true;
                self.request.from = Some(sequence);
                Some(WatchEvent::Watching(sequence))
            }
            Event::Commit(WatchedCommit { sequence, time_ns, changes, is_continued }) => {
                self.parts.extend(changes);
                if is_continued {
                    return None;
                }
                self.request.from = Some(sequence + 1);
                let changes = std::mem::take(&mut self.parts);
                Some(WatchEvent::Commit(WatchedCommit { sequence, time_ns, changes, is_continued: false }))
            }
            Event::Expired(expired) => Some(WatchEvent::Expired(expired)),
            Event::ResumeAt(sequence) => {
                self.request.from = Some(sequence);
                Some(WatchEvent::Lost(sequence))
            }
            Event::ToldBefore(sequence) => {
                // Everything before it was given out by now: it is looked at when the next event is asked for.
                self.told_before.store(sequence, Ordering::Relaxed);
                self.request.from = self.request.from.max(Some(sequence));
                None
            }
        }
    }
}

/// What is to be made of a commit that a node does not have.
enum Missing {
    /// Others have it, and this one perhaps soon.
    Elsewhere,
    /// It is not there yet, or is asked for too late.
    Nowhere,
    /// It went while the watch was under way; the oldest one that is left.
    Lost(u64),
}

/// Whether another node, or the same one later, may take over what was asked.
pub(super) fn passes(failure: &Failure) -> bool {
    matches!(
        failure.kind(),
        FailureKind::NotLeader
            | FailureKind::Unavailable
            | FailureKind::TimedOut
            | FailureKind::Overloaded
            | FailureKind::Stopped
    )
}
