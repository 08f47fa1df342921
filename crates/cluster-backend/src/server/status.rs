//! Errors as gRPC statuses, and back.

use pentad_client::Failure;
use tonic::Status;

use crate::error::Error;

/// The status of a call that failed; its details hold all of it.
pub(crate) fn status_of(error: Error) -> Status {
    Failure::from(error).into()
}

/// The error that a status tells of.
pub(crate) fn error_of(status: &Status) -> Error {
    Failure::from(status.clone()).into()
}
