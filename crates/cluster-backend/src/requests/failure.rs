//! From the engine's error to a failure: the kind decides, the text stays.

use std::io;

use pentad_client::{ErrorCode, Failure, FailureKind};
use pentad_engine::{Error, ErrorKind};

/// The failure that an error of the engine is to a caller.
pub(crate) fn failure_of(error: &Error) -> Failure {
    let kind = match error.kind() {
        ErrorKind::InvalidInput => FailureKind::InvalidInput,
        ErrorKind::KeyNotFound => FailureKind::KeyNotFound,
        ErrorKind::LimitExceeded => FailureKind::LimitExceeded,
        ErrorKind::WrongType => FailureKind::WrongType,
        ErrorKind::NotRetained => FailureKind::Pruned,
        ErrorKind::DiskFull => FailureKind::DiskFull,
        ErrorKind::Damaged | ErrorKind::NotAStore | ErrorKind::StoreNotFound => FailureKind::Damaged,
        ErrorKind::Closed | ErrorKind::Poisoned | ErrorKind::ReadOnly | ErrorKind::Cancelled => {
            FailureKind::Stopped
        }
        ErrorKind::Conflict => FailureKind::Unavailable,
        ErrorKind::Locked => FailureKind::Unspecified,
        _ => FailureKind::Io,
    };
    let failure = Failure::new(kind, error.to_string());
    match (error.kind(), error.io_kind()) {
        (ErrorKind::Io, Some(io::ErrorKind::PermissionDenied)) => {
            failure.with_code(ErrorCode::StoragePermissionDenied)
        }
        (ErrorKind::Poisoned, _) => failure.with_code(ErrorCode::StorageIoError),
        _ => failure,
    }
}
