//! One call, seen through: from node to node until it is answered or its deadline ends.
//!
//! Invariants: a read may be asked again at will. A write is sent again only under its number, with which nodes apply it once.
//! What its attempts say together is for `attempts.rs`.

use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use tokio::time::{Instant, sleep, timeout_at};

use super::attempts::{Attempts, is_passing};
use super::backoff::Backoff;
use super::handle::Client;
use super::line::Outbound;
use super::link::{Link, Unanswered};
use super::session::Open;
use crate::limits::CALL_BYTES_MAX;
use crate::wire::{
    Consistency, Failure, FailureKind, MembersResponse, RequestId, WithinRequest, WriteRequest, call, reply,
    within_request,
};

/// Longest wait that a node can ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(1);

impl Client {
    /// The answer to a call.
    pub(super) async fn see_through(&self, mut kind: call::Kind) -> Result<reply::Kind, Failure> {
        let until = Instant::now() + self.deadline;
        let (is_write, open) = self.number(&mut kind);
        let bytes = checked_length(&kind)?;
        let is_eventual = consistency(&kind) == Some(Consistency::Eventual);
        let mut attempts = Attempts::new(is_write);
        loop {
            let link = match is_eventual {
                true => self.inner.directory.next(),
                false => self.inner.directory.leader_or_next(),
            };
            let answered = self.attempt(&link, &kind, bytes, until).await;
            let answered = answered.and_then(|reply| fitting(&kind, reply));
            if let Some(answer) = attempts.judge(answered) {
                drop(open);
                return answer;
            }
            let pause = self.learn(&mut attempts, &link);
            if Instant::now() + pause >= until {
                return Err(attempts.give_up(self.deadline));
            }
            sleep(pause).await;
        }
    }

    /// Gives a write its number, unless its caller did.
    fn number(&self, kind: &mut call::Kind) -> (bool, Option<Open<'_>>) {
        let request: &mut Option<RequestId> = match kind {
            call::Kind::Write(write) => &mut write.request,
            call::Kind::PruneBatches(prune) => &mut prune.request,
            _ => return (false, None),
        };
        if request.is_some() {
            return (true, None);
        }
        let open = self.inner.session.begin();
        *request = Some(open.id.clone());
        (true, Some(open))
    }

    async fn attempt(
        &self,
        link: &Link,
        kind: &call::Kind,
        bytes: usize,
        until: Instant,
    ) -> Result<reply::Kind, Unanswered> {
        let permits =
            u32::try_from(bytes).unwrap_or(u32::MAX).clamp(1, self.inner.settings.in_flight_bytes_max);
        let acquired = timeout_at(until, Arc::clone(&self.inner.in_flight).acquire_many_owned(permits)).await;
        let Ok(Ok(permit)) = acquired else {
            let text = "as many bytes of calls are under way as may be; the nodes do not keep up";
            return Err(Unanswered::NotSent(Failure::new(FailureKind::Overloaded, text)));
        };
        let left = until.saturating_duration_since(Instant::now());
        let timeout = left.min(self.inner.settings.attempt);
        let call = Outbound { kind: kind.clone(), timeout, bytes, permit };
        link.call(call, self.inner.directory.cluster_id()).await
    }

    /// Takes in what a failed attempt says of the cluster; how long to wait before the next one.
    fn learn(&self, attempts: &mut Attempts, link: &Link) -> Duration {
        let Some(last) = &attempts.last else { return Duration::ZERO };
        let is_news = last.leader.is_some() && self.inner.directory.learn_leader(last.leader.as_ref());
        if is_news {
            // Whoever leads now is asked at once.
            return Duration::ZERO;
        }
        if matches!(last.kind(), FailureKind::Stopped | FailureKind::Overloaded) {
            link.rest();
        }
        self.inner.look_for_leader();
        let asked_for = last.retry_after_ms.map_or(Duration::ZERO, Duration::from_millis);
        // A hint of how long to wait is for those who have one node only.
        let is_alone = self.inner.directory.links().len() == 1;
        let pause = attempts.backoff.next();
        if is_alone { pause.max(asked_for.min(RETRY_AFTER_MAX)) } else { pause }
    }

    /// Members and leader, from whichever node says them first.
    pub(super) async fn ask_for_members(&self) -> Result<MembersResponse, Failure> {
        let until = Instant::now() + self.deadline;
        let mut backoff = Backoff::default();
        loop {
            let link = self.inner.directory.leader_or_next();
            let failure = match super::connecting::members(&link).await {
                Ok(members) => {
                    self.inner.directory.learn_members(&members);
                    return Ok(members);
                }
                Err(failure) => failure,
            };
            link.rest();
            let pause = backoff.next();
            if !is_passing(&failure) || Instant::now() + pause >= until {
                return Err(failure);
            }
            sleep(pause).await;
        }
    }
}

/// The reply, if it is of the kind of its call.
fn fitting(call: &call::Kind, reply: reply::Kind) -> Result<reply::Kind, Unanswered> {
    let fits = matches!(
        (call, &reply),
        (_, reply::Kind::Failure(_))
            | (call::Kind::Write(_), reply::Kind::Write(_))
            | (call::Kind::Get(_), reply::Kind::Get(_))
            | (call::Kind::GetMulti(_), reply::Kind::GetMulti(_))
            | (call::Kind::Range(_), reply::Kind::Range(_))
            | (call::Kind::Describe(_), reply::Kind::Describe(_))
            | (call::Kind::Extent(_), reply::Kind::Extent(_))
            | (call::Kind::Batch(_), reply::Kind::Batch(_))
            | (call::Kind::PruneBatches(_), reply::Kind::PruneBatches(_))
            | (call::Kind::Namespaces(_), reply::Kind::Namespaces(_))
    ) || matches!(
        (call, &reply),
        (call::Kind::Within(WithinRequest { kind: Some(kind), .. }), reply) if is_read_by(kind, reply)
    );
    let text = "the reply is of another kind than the call";
    if fits { Ok(reply) } else { Err(Unanswered::NotUnderstood(Failure::malformed(text))) }
}

/// Whether a reply is of the kind of this read of a namespace.
fn is_read_by(kind: &within_request::Kind, reply: &reply::Kind) -> bool {
    use within_request::Kind;
    matches!(
        (kind, reply),
        (Kind::Get(_), reply::Kind::Get(_))
            | (Kind::GetMulti(_), reply::Kind::GetMulti(_))
            | (Kind::Range(_), reply::Kind::Range(_))
            | (Kind::Describe(_), reply::Kind::Describe(_))
            | (Kind::Extent(_), reply::Kind::Extent(_))
            | (Kind::Batch(_), reply::Kind::Batch(_))
    )
}

/// What a call has to see; `None` for a write.
fn consistency(kind: &call::Kind) -> Option<Consistency> {
    match kind {
        call::Kind::Write(_) | call::Kind::PruneBatches(_) => None,
        read => Some(read.consistency()),
    }
}

/// The length of a call, which one message must hold.
fn checked_length(kind: &call::Kind) -> Result<usize, Failure> {
    if let call::Kind::Write(WriteRequest { write: Some(write), .. }) = kind {
        write.check_limits()?;
    }
    let bytes = match kind {
        call::Kind::Write(request) => request.encoded_len(),
        call::Kind::Get(request) => request.encoded_len(),
        call::Kind::GetMulti(request) => request.encoded_len(),
        call::Kind::Range(request) => request.encoded_len(),
        call::Kind::Describe(request) => request.encoded_len(),
        call::Kind::Extent(request) => request.encoded_len(),
        call::Kind::Batch(request) => request.encoded_len(),
        call::Kind::PruneBatches(request) => request.encoded_len(),
        call::Kind::Within(request) => request.encoded_len(),
        call::Kind::Namespaces(request) => request.encoded_len(),
    };
    if bytes > CALL_BYTES_MAX {
        return Err(Failure::invalid(format!(
            "the call has {bytes} bytes, and {CALL_BYTES_MAX} is the limit"
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_of_another_kind_than_its_call_is_not_understood() {
        let write = call::Kind::Write(WriteRequest::default());
        assert!(fitting(&write, reply::Kind::Write(Default::default())).is_ok());
        let other = fitting(&write, reply::Kind::Get(Default::default()));
        assert!(matches!(other, Err(Unanswered::NotUnderstood(_))));
    }

    #[test]
    fn f14_a_call_that_no_message_holds_is_refused_with_limit_and_size() {
        let keys = vec![bytes::Bytes::from(vec![0; 60_000]); 1_200];
        let get = crate::wire::GetMultiRequest { keys, ..Default::default() };
        let failure = checked_length(&call::Kind::GetMulti(get)).unwrap_err();
        assert!(failure.message.contains("66846720") && failure.message.contains("72004800"), "{failure}");
    }
}
