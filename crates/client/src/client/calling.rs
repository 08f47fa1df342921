//! One call, seen through: from node to node until it is answered or its deadline ends.
//!
//! Invariants: a read may be asked again at will. A write is sent again only under its number, with which nodes apply it once. When
//! the deadline ends with a write that may have arrived, the failure says that its outcome is not known, whatever the last
//! attempt said; when no attempt left this process, it says that nothing was done.

use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use tokio::time::{Instant, sleep, timeout_at};

use super::backoff::Backoff;
use super::handle::Client;
use super::line::Outbound;
use super::link::{Link, Unanswered};
use super::session::Open;
use crate::limits::CALL_BYTES_MAX;
use crate::wire::{Consistency, Failure, FailureKind, MembersResponse, RequestId, WriteRequest, call, reply};

/// Longest wait that a node can ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(1);

impl Client {
    /// The answer to a call.
    pub(super) async fn see_through(&self, mut kind: call::Kind) -> Result<reply::Kind, Failure> {
        let until = Instant::now() + self.deadline;
        let (is_write, open) = self.number(&mut kind);
        let bytes = checked_length(&kind)?;
        let is_eventual = consistency(&kind) == Some(Consistency::Eventual);
        let mut attempts = Attempts { is_write, ..Attempts::default() };
        loop {
            let link = match is_eventual {
                true => self.inner.directory.next(),
                false => self.inner.directory.leader_or_next(),
            };
            let answered = self.attempt(&link, &kind, bytes, until).await;
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

/// The attempts at one call.
#[derive(Debug, Default)]
struct Attempts {
    is_write: bool,
    /// Whether one of them may have arrived, and nothing is known of it.
    maybe_applied: bool,
    last: Option<Failure>,
    backoff: Backoff,
}

impl Attempts {
    /// The answer to the call, if this one is; `None` when another attempt is to be made.
    fn judge(&mut self, answered: Result<reply::Kind, Unanswered>) -> Option<Result<reply::Kind, Failure>> {
        let failure = match answered {
            Ok(reply::Kind::Failure(failure)) => {
                self.maybe_applied |= failure.outcome_unknown;
                if !failure.outcome_unknown && !is_passing(&failure) {
                    return Some(Err(self.settle(failure)));
                }
                failure
            }
            Ok(reply) => return Some(Ok(reply)),
            Err(Unanswered::NotSent(failure)) => {
                if !is_passing(&failure) {
                    return Some(Err(self.settle(failure)));
                }
                failure
            }
            Err(Unanswered::MaybeSent(failure)) => {
                self.maybe_applied = true;
                failure
            }
        };
        self.last = Some(failure);
        None
    }

    /// A refusal that another attempt would not change. It is of this attempt: an earlier one may have been applied before the
    /// node forgot it, or before the caller's right to it went.
    fn settle(&self, mut failure: Failure) -> Failure {
        let is_forgotten = matches!(
            failure.kind(),
            FailureKind::RequestForgotten | FailureKind::Mismatch | FailureKind::Unsupported
        );
        failure.outcome_unknown |= self.is_write && self.maybe_applied && is_forgotten;
        failure
    }

    /// The failure of a call whose time is over.
    fn give_up(self, deadline: Duration) -> Failure {
        let last = self.last.unwrap_or_default();
        let within = format!("no answer within {} ms; the last attempt: {last}", deadline.as_millis());
        if self.is_write && self.maybe_applied {
            return Failure { leader: last.leader, ..Failure::unknown_outcome(within) };
        }
        if self.maybe_applied {
            return Failure { leader: last.leader, ..Failure::new(FailureKind::TimedOut, within) };
        }
        let kind = last.kind();
        let failure = Failure { outcome_unknown: false, ..Failure::new(kind, within) };
        Failure { code: last.code, leader: last.leader, ..failure }.with_retry_after_ms(1_000)
    }
}

/// Whether another attempt, at another time or another node, may well be answered.
fn is_passing(failure: &Failure) -> bool {
    use pentad_traits::ErrorCode;
    let is_passing_code = [ErrorCode::RetryRequired, ErrorCode::LeaderChanged, ErrorCode::TermOutdated]
        .iter()
        .any(|code| failure.code == i32::from(*code));
    is_passing_code
        || matches!(
            failure.kind(),
            FailureKind::NotLeader
                | FailureKind::Unavailable
                | FailureKind::LeaseNotHeld
                | FailureKind::TimedOut
                | FailureKind::Overloaded
                | FailureKind::Stopped
        )
}

/// What a call has to see; `None` for a write.
fn consistency(kind: &call::Kind) -> Option<Consistency> {
    Some(match kind {
        call::Kind::Write(_) | call::Kind::PruneBatches(_) => return None,
        call::Kind::Get(request) => request.consistency(),
        call::Kind::GetMulti(request) => request.consistency(),
        call::Kind::Range(request) => request.consistency(),
        call::Kind::Describe(request) => request.consistency(),
        call::Kind::Extent(request) => request.consistency(),
        call::Kind::Batch(request) => request.consistency(),
    })
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

    fn attempts(is_write: bool) -> Attempts {
        Attempts { is_write, ..Attempts::default() }
    }

    fn failed(kind: FailureKind) -> Result<reply::Kind, Unanswered> {
        Ok(reply::Kind::Failure(Failure::new(kind, "")))
    }

    fn lost() -> Result<reply::Kind, Unanswered> {
        Err(Unanswered::MaybeSent(Failure::new(FailureKind::Unavailable, "")))
    }

    #[test]
    fn f19_a_write_that_may_have_arrived_is_never_reported_as_not_applied() {
        let mut attempts = attempts(true);
        assert!(attempts.judge(lost()).is_none());
        assert!(attempts.judge(failed(FailureKind::NotLeader)).is_none());
        let failure = attempts.give_up(Duration::from_secs(1));
        assert!(failure.outcome_unknown && failure.kind() == FailureKind::TimedOut);
    }

    #[test]
    fn f19_a_write_that_never_left_is_reported_as_not_applied() {
        let mut attempts = attempts(true);
        let not_sent = Unanswered::NotSent(Failure::new(FailureKind::Unavailable, "refused"));
        assert!(attempts.judge(Err(not_sent)).is_none());
        assert!(attempts.judge(failed(FailureKind::NotLeader)).is_none());
        let failure = attempts.give_up(Duration::from_secs(1));
        assert!(!failure.outcome_unknown && failure.kind() == FailureKind::NotLeader);
    }

    #[test]
    fn f19_a_request_that_was_forgotten_after_it_may_have_arrived_is_unknown() {
        for (first, is_unknown) in [(lost(), true), (failed(FailureKind::NotLeader), false)] {
            let mut attempts = attempts(true);
            assert!(attempts.judge(first).is_none());
            let answer = attempts.judge(failed(FailureKind::RequestForgotten)).expect("it is final");
            assert_eq!(answer.unwrap_err().outcome_unknown, is_unknown);
        }
        let mut attempts = attempts(true);
        assert!(attempts.judge(lost()).is_none());
        let refused = attempts.judge(failed(FailureKind::InvalidInput)).expect("it is final");
        assert!(
            !refused.unwrap_err().outcome_unknown,
            "the number makes it the answer of the first attempt too"
        );
    }

    #[test]
    fn a_read_that_is_not_answered_is_timed_out() {
        let mut attempts = attempts(false);
        assert!(attempts.judge(lost()).is_none());
        let failure = attempts.give_up(Duration::from_secs(1));
        assert!(!failure.outcome_unknown && failure.kind() == FailureKind::TimedOut);
    }

    #[test]
    fn f14_a_call_that_no_message_holds_is_refused_with_limit_and_size() {
        let keys = vec![bytes::Bytes::from(vec![0; 60_000]); 1_200];
        let get = crate::wire::GetMultiRequest { keys, ..Default::default() };
        let failure = checked_length(&call::Kind::GetMulti(get)).unwrap_err();
        assert!(failure.message.contains("66846720") && failure.message.contains("72004800"), "{failure}");
    }
}
