//! Making failures: the kind decides the code, so that the two never disagree.

use std::fmt;

use pentad_traits::ErrorCode;

use crate::wire::{Failure, FailureKind, LeaderHint};

impl Failure {
    /// A failure of `kind`, with a text for an operator.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { code: code_of(kind).into(), message: message.into(), kind: kind.into(), ..Self::default() }
    }

    /// The arguments are not acceptable.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(FailureKind::InvalidInput, message)
    }

    /// The other side sent what no version of the protocol has.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::InvalidResponse.into(), message: message.into(), ..Self::default() }
    }

    /// The time was over, or the connection gone, and nobody can say whether the write took place.
    pub fn unknown_outcome(message: impl Into<String>) -> Self {
        Self { outcome_unknown: true, ..Self::new(FailureKind::TimedOut, message) }
    }

    /// The same with another code.
    #[must_use]
    pub fn with_code(mut self, code: ErrorCode) -> Self {
        self.code = code.into();
        self
    }

    /// The same with what is known of the leader.
    #[must_use]
    pub fn with_leader(mut self, leader: Option<LeaderHint>) -> Self {
        self.leader = leader;
        self
    }

    /// The same with when to try again.
    #[must_use]
    pub fn with_retry_after_ms(mut self, milliseconds: u64) -> Self {
        self.retry_after_ms = Some(milliseconds);
        self
    }

    /// The same with what the caller has to do first.
    #[must_use]
    pub fn with_action(mut self, action: impl Into<String>) -> Self {
        self.required_action = Some(action.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.outcome_unknown {
            f.write_str("; whether the write took place is not known")?;
        }
        if let Some(action) = &self.required_action {
            write!(f, "; {action}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// The code of `ClientApi` that a kind has unless the failure says otherwise.
fn code_of(kind: FailureKind) -> ErrorCode {
    match kind {
        FailureKind::Unspecified => ErrorCode::General,
        FailureKind::InvalidInput | FailureKind::LimitExceeded | FailureKind::WrongType => {
            ErrorCode::InvalidRequest
        }
        FailureKind::KeyNotFound => ErrorCode::KeyNotExist,
        FailureKind::NotLeader => ErrorCode::NotLeader,
        FailureKind::Unavailable => ErrorCode::ClusterUnavailable,
        FailureKind::Pruned => ErrorCode::StaleOperation,
        FailureKind::DiskFull => ErrorCode::DiskFull,
        FailureKind::Damaged => ErrorCode::DataCorruption,
        FailureKind::Io => ErrorCode::StorageIoError,
        FailureKind::Mismatch | FailureKind::Unsupported => ErrorCode::VersionMismatch,
        FailureKind::LeaseNotHeld | FailureKind::Stopped => ErrorCode::RetryRequired,
        FailureKind::TimedOut | FailureKind::RequestForgotten => ErrorCode::ConnectionTimeout,
        FailureKind::Overloaded => ErrorCode::RateLimited,
    }
}
