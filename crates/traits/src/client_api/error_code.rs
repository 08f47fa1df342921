//! `ErrorCode`: the numbers behind [`ClientApiError`](crate::ClientApiError), which travel between programs.
//!
//! The invariant: a number keeps its meaning for ever.

use std::error::Error;
use std::fmt;

/// What happened, as a number. The thousands give the class: 1 network, 2 protocol, 3 storage, 4 request, 5 watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum ErrorCode {
    /// Nothing went wrong.
    Success = 0,
    /// No answer in time. The outcome of a write is not known.
    ConnectionTimeout = 1001,
    /// The address cannot be parsed or resolved. Fix it.
    InvalidAddress = 1002,
    /// Another node became the leader while the request was under way. Ask again; the outcome of a write is not
    /// known.
    LeaderChanged = 1003,
    /// The node could not join the cluster.
    JoinError = 1004,
    /// The answer could not be decoded.
    InvalidResponse = 2001,
    /// The two sides speak different versions.
    VersionMismatch = 2002,
    /// No room on the disk. Nothing was written; free space and retry.
    DiskFull = 3001,
    /// Stored bytes fail their checksum. Verify the store.
    DataCorruption = 3002,
    /// The disk failed to read or write, or the store took no more writes after such a failure.
    StorageIoError = 3003,
    /// The operating system denied access to the files of the store.
    StoragePermissionDenied = 3004,
    /// The operation needs a key that is not there.
    KeyNotExist = 3005,
    /// The node is not the leader and could not pass the request on.
    NotLeader = 4001,
    /// The request was based on a state that is gone.
    StaleOperation = 4002,
    /// The arguments are not acceptable. Fix them.
    InvalidRequest = 4003,
    /// Too many requests. Wait and retry.
    RateLimited = 4004,
    /// There is no majority to answer. Nothing was accepted.
    ClusterUnavailable = 4005,
    /// The write was not accepted into the log.
    ProposeFailed = 4006,
    /// The request belongs to an earlier term.
    TermOutdated = 4007,
    /// The request was not handled for a passing reason. Retry.
    RetryRequired = 4008,
    /// The watcher read too slowly and missed changes. Read again and watch from there.
    WatchBufferOverflow = 5001,
    /// No code fits; the message says what happened.
    General = 8888,
    /// The error came from a place that gives no codes.
    Uncategorized = 9999,
}

/// A number that the enum it was to become does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownNumber {
    /// The enum, as a person would call it.
    pub what: &'static str,
    /// The number.
    pub number: i32,
}

impl fmt::Display for UnknownNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a known {}", self.number, self.what)
    }
}

impl Error for UnknownNumber {}

impl TryFrom<i32> for ErrorCode {
    type Error = UnknownNumber;

    fn try_from(number: i32) -> Result<Self, UnknownNumber> {
        Ok(match number {
            0 => Self::Success,
            1001 => Self::ConnectionTimeout,
            1002 => Self::InvalidAddress,
            1003 => Self::LeaderChanged,
            1004 => Self::JoinError,
            2001 => Self::InvalidResponse,
            2002 => Self::VersionMismatch,
            3001 => Self::DiskFull,
            3002 => Self::DataCorruption,
            3003 => Self::StorageIoError,
            3004 => Self::StoragePermissionDenied,
            3005 => Self::KeyNotExist,
            4001 => Self::NotLeader,
            4002 => Self::StaleOperation,
            4003 => Self::InvalidRequest,
            4004 => Self::RateLimited,
            4005 => Self::ClusterUnavailable,
            4006 => Self::ProposeFailed,
            4007 => Self::TermOutdated,
            4008 => Self::RetryRequired,
            5001 => Self::WatchBufferOverflow,
            8888 => Self::General,
            9999 => Self::Uncategorized,
            _ => return Err(UnknownNumber { what: "error code", number }),
        })
    }
}

impl From<ErrorCode> for i32 {
    fn from(code: ErrorCode) -> Self {
        code as Self
    }
}

impl fmt::Display for ErrorCode {
    /// Name and number, as in `NotLeader (4001)`; names are those of the variants, which the protocol documents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?} ({})", i32::from(*self))
    }
}
