//! The one error type of a node: what happened, and what the caller can do about it.
//!
//! On the wire an error is a [`wire::Failure`]; this is the same with the names of kinds. An error that leaves open whether a write took
//! place says so ([`Error::is_outcome_unknown`]); every other one means that it did not.

use std::fmt;

use pentad_client::wire::{self, FailureKind};
use pentad_traits::ErrorCode;

use crate::requests::failure_of;

/// A result of a node.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, coarsely: each kind asks for one reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The arguments are not acceptable. Nothing was written. Fix them.
    InvalidInput,
    /// A limit would be exceeded. Nothing was written.
    LimitExceeded,
    /// A rename needs a key that is not there. Nothing was written.
    KeyNotFound,
    /// The value of a counter is not a number. Nothing was written.
    WrongType,
    /// The node does not lead and could not pass the call on. Ask the leader.
    NotLeader,
    /// There is no leader or no majority. Try again later.
    Unavailable,
    /// The time of the call was over. A read can be repeated; a write may have happened.
    TimedOut,
    /// The node has as many calls as it takes. Wait and retry.
    Overloaded,
    /// The node shuts down, or it failed and takes no more calls. Ask another one, and look at its log.
    Stopped,
    /// The node does not know what is asked of it: it is older than the caller.
    Unsupported,
    /// The request was settled by its client, or forgotten for want of room.
    RequestForgotten,
    /// What is asked for is no longer retained, or not there yet.
    Pruned,
    /// The disk is full. Free space.
    DiskFull,
    /// Bytes that were acknowledged fail their checksum or are missing. Remove the node from its cluster and add an empty one.
    Damaged,
    /// A read or write of a file, or a socket, failed. The message names it.
    Io,
    /// Cluster, group, store, member or address do not match. Nothing to retry: the message says what to change.
    Mismatch,
    /// The leader cannot be sure of its lease. Ask for a linearizable read.
    LeaseNotHeld,
    /// The change of the cluster is not possible now, or would not be safe. The message says what has to come first.
    Refused,
}

/// An error of a node.
///
/// It holds all that a failure on the wire does, so that nothing is lost on the way through a node: the code of `ClientApi`, and what
/// the caller has to do first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{failure}")]
pub struct Error {
    failure: Box<wire::Failure>,
}

impl Error {
    /// An error of `kind` that reads `text`.
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        let failure = wire::Failure::new(kind.on_the_wire(), text);
        Self {
            failure: Box::new(match kind {
                ErrorKind::Refused => failure.with_code(ErrorCode::StaleOperation),
                ErrorKind::NotLeader | ErrorKind::Unavailable | ErrorKind::Overloaded => {
                    failure.with_retry_after_ms(100)
                }
                _ => failure,
            }),
        }
    }

    /// What the operating system said while `doing` something.
    pub(crate) fn io(doing: impl fmt::Display, error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
            _ => ErrorKind::Io,
        };
        Self::new(kind, format!("cannot {doing}: {error}"))
    }

    /// The same, but a write may have happened all the same.
    pub(crate) fn with_unknown_outcome(mut self) -> Self {
        self.failure.outcome_unknown = true;
        self
    }

    /// The same, with who leads.
    pub(crate) fn with_leader(mut self, leader: Option<wire::LeaderHint>) -> Self {
        self.failure.leader = leader;
        self
    }

    /// What the caller can do.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::of(self.failure.kind())
    }

    /// Whether a write may have happened all the same, or may still.
    pub fn is_outcome_unknown(&self) -> bool {
        self.failure.outcome_unknown
    }

    /// Id and address of the leader, as far as the node knew.
    pub fn leader(&self) -> Option<(u32, &str)> {
        self.failure.leader.as_ref().map(|leader| (leader.id, leader.address.as_str()))
    }
}

impl ErrorKind {
    fn on_the_wire(self) -> FailureKind {
        match self {
            Self::InvalidInput => FailureKind::InvalidInput,
            Self::LimitExceeded => FailureKind::LimitExceeded,
            Self::KeyNotFound => FailureKind::KeyNotFound,
            Self::WrongType => FailureKind::WrongType,
            Self::NotLeader => FailureKind::NotLeader,
            Self::Unavailable => FailureKind::Unavailable,
            Self::TimedOut => FailureKind::TimedOut,
            Self::Overloaded => FailureKind::Overloaded,
            Self::Stopped => FailureKind::Stopped,
            Self::Unsupported => FailureKind::Unsupported,
            Self::RequestForgotten => FailureKind::RequestForgotten,
            Self::Pruned => FailureKind::Pruned,
            Self::DiskFull => FailureKind::DiskFull,
            Self::Damaged => FailureKind::Damaged,
            Self::Io => FailureKind::Io,
            Self::Mismatch => FailureKind::Mismatch,
            Self::LeaseNotHeld => FailureKind::LeaseNotHeld,
            Self::Refused => FailureKind::Unspecified,
        }
    }

    fn of(failure: FailureKind) -> Self {
        match failure {
            FailureKind::InvalidInput => Self::InvalidInput,
            FailureKind::LimitExceeded => Self::LimitExceeded,
            FailureKind::KeyNotFound => Self::KeyNotFound,
            FailureKind::WrongType => Self::WrongType,
            FailureKind::NotLeader => Self::NotLeader,
            FailureKind::Unavailable => Self::Unavailable,
            FailureKind::TimedOut => Self::TimedOut,
            FailureKind::Overloaded => Self::Overloaded,
            FailureKind::Stopped => Self::Stopped,
            FailureKind::Unsupported => Self::Unsupported,
            FailureKind::RequestForgotten => Self::RequestForgotten,
            FailureKind::Pruned => Self::Pruned,
            FailureKind::DiskFull => Self::DiskFull,
            FailureKind::Damaged => Self::Damaged,
            FailureKind::Io => Self::Io,
            FailureKind::Mismatch => Self::Mismatch,
            FailureKind::LeaseNotHeld => Self::LeaseNotHeld,
            FailureKind::Unspecified => Self::Refused,
        }
    }
}

impl From<Error> for wire::Failure {
    fn from(error: Error) -> Self {
        *error.failure
    }
}

impl From<wire::Failure> for Error {
    fn from(failure: wire::Failure) -> Self {
        Self { failure: Box::new(failure) }
    }
}

impl From<pentad_engine::Error> for Error {
    fn from(error: pentad_engine::Error) -> Self {
        failure_of(&error).into()
    }
}

impl From<Error> for String {
    fn from(error: Error) -> Self {
        error.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_back_from_the_wire() {
        let kinds = [
            ErrorKind::InvalidInput,
            ErrorKind::LimitExceeded,
            ErrorKind::KeyNotFound,
            ErrorKind::WrongType,
            ErrorKind::NotLeader,
            ErrorKind::Unavailable,
            ErrorKind::TimedOut,
            ErrorKind::Overloaded,
            ErrorKind::Stopped,
            ErrorKind::Unsupported,
            ErrorKind::RequestForgotten,
            ErrorKind::Pruned,
            ErrorKind::DiskFull,
            ErrorKind::Damaged,
            ErrorKind::Io,
            ErrorKind::Mismatch,
            ErrorKind::LeaseNotHeld,
            ErrorKind::Refused,
        ];
        for kind in kinds {
            let hint = wire::LeaderHint { id: 2, address: "b:1".into() };
            let error = Error::new(kind, "what happened").with_leader(Some(hint)).with_unknown_outcome();
            assert_eq!(error.kind(), kind);
            assert_eq!(Error::from(wire::Failure::from(error.clone())), error);
        }
    }

    /// The code went on the way through the node, and with it the difference between a disk that fails and one that may not be read.
    #[test]
    fn what_a_failure_says_beyond_its_kind_passes_through() {
        let failure = wire::Failure::new(FailureKind::Io, "cannot read")
            .with_code(ErrorCode::StoragePermissionDenied)
            .with_action("give the node the right to");
        assert_eq!(wire::Failure::from(Error::from(failure.clone())), failure);
        let newer = wire::Failure { kind: 99, ..failure };
        assert_eq!(wire::Failure::from(Error::from(newer.clone())), newer);
    }
}
