//! The way to one node: a connection that is made when it is needed, and made again when it is lost.
//!
//! Invariant: a call is sent at most once here; whether it may have arrived is part of the answer.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout};
use tonic::transport::Channel;

use super::address::endpoint;
use super::backoff::Backoff;
use super::line::{Line, Lost, Outbound};
use crate::limits::MESSAGE_BYTES_MAX;
use crate::wire::cluster_client::ClusterClient;
use crate::wire::keys_client::KeysClient;
use crate::wire::{Failure, FailureKind, reply};

/// How long the opening of a stream may take, the connection included.
const OPEN: Duration = Duration::from_secs(3);

/// The way to one node.
pub(super) struct Link {
    address: String,
    channel: Channel,
    line: Mutex<Option<Arc<Line>>>,
    /// Held by whoever opens a line, so that one is opened at a time.
    opening: tokio::sync::Mutex<()>,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    backoff: Backoff,
    rests_until: Option<Instant>,
}

/// Why a call on a link has no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// It was not sent, or the node did nothing of it.
    NotSent(Failure),
    /// It may have arrived.
    MaybeSent(Failure),
    /// It was answered, and the answer is not understood: asking again would not change that.
    NotUnderstood(Failure),
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Link {
    /// The way to the node at `address`. Nothing is connected yet.
    pub(super) fn new(address: &str) -> Result<Self, Failure> {
        Ok(Self {
            address: address.to_owned(),
            channel: endpoint(address)?.connect_lazy(),
            line: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            health: Mutex::default(),
        })
    }

    /// Where the node is.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Whether it failed a moment ago, and others are to be asked first.
    pub(super) fn is_resting(&self) -> bool {
        locked(&self.health).rests_until.is_some_and(|until| until > Instant::now())
    }

    /// Takes note that it failed.
    pub(super) fn rest(&self) {
        let mut health = locked(&self.health);
        let pause = health.backoff.next();
        health.rests_until = Some(Instant::now() + pause);
    }

    fn answered(&self) {
        let mut health = locked(&self.health);
        if health.rests_until.is_some() {
            *health = Health::default();
        }
    }

    /// The methods that are not on the stream.
    pub(super) fn cluster(&self) -> ClusterClient<Channel> {
        ClusterClient::new(self.channel.clone())
    }

    /// The methods of keys that are not on the stream.
    pub(super) fn keys(&self) -> KeysClient<Channel> {
        KeysClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The node's answer to a call, waited for as long as its timeout.
    pub(super) async fn call(&self, call: Outbound, cluster_id: Bytes) -> Result<reply::Kind, Unanswered> {
        let until = Instant::now() + call.timeout;
        let mut call = call;
        let answered = loop {
            let line = self.line(cluster_id.clone(), until).await.map_err(|failure| {
                self.rest();
                Unanswered::NotSent(failure)
            })?;
            match line.send(call) {
                Ok(answered) => break answered,
                // It was lost just now; the next one is opened anew.
                Err(refused) => call = *refused,
            }
        };
        match tokio::time::timeout_at(until, answered).await {
            Ok(Ok(Ok(Some(reply)))) => {
                self.answered();
                Ok(reply)
            }
            Ok(Ok(Ok(None))) => {
                let text = "it answered with a kind of reply that is not known; is the node newer?";
                Err(Unanswered::NotUnderstood(Failure::malformed(format!("{}: {text}", self.address))))
            }
            Ok(Ok(Err(Lost::Refused(failure)))) => {
                self.rest();
                let message = format!("{}: {}", self.address, failure.message);
                Err(Unanswered::NotSent(Failure { message, ..failure }))
            }
            Ok(Ok(Err(Lost::Broken(why)))) => {
                self.rest();
                Err(Unanswered::MaybeSent(self.failure(FailureKind::Unavailable, &why)))
            }
            Ok(Err(_)) => {
                self.rest();
                Err(Unanswered::MaybeSent(self.failure(FailureKind::Unavailable, "the connection was lost")))
            }
            Err(_) => {
                self.rest();
                Err(Unanswered::MaybeSent(self.failure(FailureKind::TimedOut, "no answer in time")))
            }
        }
    }

    /// The line that is open, or a new one.
    async fn line(&self, cluster_id: Bytes, until: Instant) -> Result<Arc<Line>, Failure> {
        if let Some(line) = self.open_line() {
            return Ok(line);
        }
        let within = until.saturating_duration_since(Instant::now()).min(OPEN);
        let opened = timeout(within, async {
            let _one_at_a_time = self.opening.lock().await;
            if let Some(line) = self.open_line() {
                return Ok::<_, Failure>(line);
            }
            let line = Arc::new(Line::open(self.channel.clone(), cluster_id).await?);
            *locked(&self.line) = Some(Arc::clone(&line));
            Ok(line)
        });
        match opened.await {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(failure)) => {
                let text = format!("{}: {}", self.address, failure.message);
                Err(Failure { message: text, ..failure })
            }
            Err(_) => Err(self.failure(FailureKind::Unavailable, "it does not take connections")),
        }
    }

    fn open_line(&self) -> Option<Arc<Line>> {
        locked(&self.line).as_ref().filter(|line| line.is_open()).cloned()
    }

    fn failure(&self, kind: FailureKind, what: &str) -> Failure {
        Failure::new(kind, format!("{}: {what}", self.address))
    }
}

/// What a panic left behind is whole: no change here is made in steps.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
