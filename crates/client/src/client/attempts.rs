//! The attempts at one call, and what they say together of what became of it.
//!
//! Invariant: when the deadline ends with a write that may have arrived, or another attempt at it is refused, the failure says that
//! its outcome is not known, unless the refusal is true of all attempts. When no attempt left this process, it says that nothing was
//! done.

use std::time::Duration;

use pentad_traits::ErrorCode;

use super::backoff::Backoff;
use super::link::Unanswered;
use crate::wire::{Failure, FailureKind, reply};

/// The attempts at one call.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    is_write: bool,
    /// Whether one of them may have arrived, and nothing is known of it.
    maybe_applied: bool,
    pub(super) last: Option<Failure>,
    pub(super) backoff: Backoff,
}

impl Attempts {
    /// None yet.
    pub(super) fn new(is_write: bool) -> Self {
        Self { is_write, ..Self::default() }
    }

    /// The answer to the call, if this one is; `None` when another attempt is to be made.
    pub(super) fn judge(
        &mut self,
        answered: Result<reply::Kind, Unanswered>,
    ) -> Option<Result<reply::Kind, Failure>> {
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
            Err(Unanswered::NotUnderstood(failure)) => {
                self.maybe_applied = true;
                return Some(Err(self.settle(failure)));
            }
        };
        self.last = Some(failure);
        None
    }

    /// A refusal that another attempt would not change. It is of this attempt alone: an earlier one may have been applied, unless
    /// what is refused is the write itself. Those refusals are made of the write and of what its entry in the log found, and an
    /// entry with the number of an applied one finds the first result; so they are true of all attempts. All others are of the
    /// node that was asked, or of this moment.
    fn settle(&self, mut failure: Failure) -> Failure {
        let is_of_the_write = matches!(
            failure.kind(),
            FailureKind::InvalidInput
                | FailureKind::LimitExceeded
                | FailureKind::KeyNotFound
                | FailureKind::WrongType
        );
        failure.outcome_unknown |= self.is_write && self.maybe_applied && !is_of_the_write;
        failure
    }

    /// The failure of a call whose time is over.
    pub(super) fn give_up(self, deadline: Duration) -> Failure {
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
pub(super) fn is_passing(failure: &Failure) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: FailureKind) -> Result<reply::Kind, Unanswered> {
        Ok(reply::Kind::Failure(Failure::new(kind, "")))
    }

    fn lost() -> Result<reply::Kind, Unanswered> {
        Err(Unanswered::MaybeSent(Failure::new(FailureKind::Unavailable, "")))
    }

    #[test]
    fn f19_a_write_that_may_have_arrived_is_never_reported_as_not_applied() {
        let mut attempts = Attempts::new(true);
        assert!(attempts.judge(lost()).is_none());
        assert!(attempts.judge(failed(FailureKind::NotLeader)).is_none());
        let failure = attempts.give_up(Duration::from_secs(1));
        assert!(failure.outcome_unknown && failure.kind() == FailureKind::TimedOut);
    }

    #[test]
    fn f19_a_write_that_never_left_is_reported_as_not_applied() {
        let mut attempts = Attempts::new(true);
        let not_sent = Unanswered::NotSent(Failure::new(FailureKind::Unavailable, "refused"));
        assert!(attempts.judge(Err(not_sent)).is_none());
        assert!(attempts.judge(failed(FailureKind::NotLeader)).is_none());
        let failure = attempts.give_up(Duration::from_secs(1));
        assert!(!failure.outcome_unknown && failure.kind() == FailureKind::NotLeader);
    }

    #[test]
    fn f19_a_request_that_was_forgotten_after_it_may_have_arrived_is_unknown() {
        for (first, is_unknown) in [(lost(), true), (failed(FailureKind::NotLeader), false)] {
            let mut attempts = Attempts::new(true);
            assert!(attempts.judge(first).is_none());
            let answer = attempts.judge(failed(FailureKind::RequestForgotten)).expect("it is final");
            assert_eq!(answer.unwrap_err().outcome_unknown, is_unknown);
        }
    }

    /// A repetition that met a full disk, or a node that had failed, was taken for the word on the attempt before it.
    #[test]
    fn f19_after_a_write_that_may_have_arrived_only_a_refusal_of_the_write_itself_is_believed() {
        let all = (0..).map_while(|number| FailureKind::try_from(number).ok());
        let mut finals = 0;
        for kind in all {
            let mut attempts = Attempts::new(true);
            assert!(attempts.judge(lost()).is_none());
            let Some(answer) = attempts.judge(failed(kind)) else { continue };
            let believed = [
                FailureKind::InvalidInput,
                FailureKind::LimitExceeded,
                FailureKind::KeyNotFound,
                FailureKind::WrongType,
            ];
            assert_eq!(answer.unwrap_err().outcome_unknown, !believed.contains(&kind), "{kind:?}");
            finals += 1;
        }
        assert!(finals > 8, "most refusals are final");
    }

    /// What a newer node answers to a write, it may have applied.
    #[test]
    fn f19_a_write_whose_answer_is_not_understood_is_of_unknown_outcome() {
        for is_write in [true, false] {
            let answer = Err(Unanswered::NotUnderstood(Failure::malformed("")));
            let failure = Attempts::new(is_write).judge(answer).expect("it is final").unwrap_err();
            assert_eq!(failure.outcome_unknown, is_write);
        }
    }

    #[test]
    fn a_read_that_is_not_answered_is_timed_out() {
        let mut attempts = Attempts::new(false);
        assert!(attempts.judge(lost()).is_none());
        let failure = attempts.give_up(Duration::from_secs(1));
        assert!(!failure.outcome_unknown && failure.kind() == FailureKind::TimedOut);
    }
}
