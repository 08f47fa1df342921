//! Two ways for a write to fail: before anything happened, or after.

use crate::error::{Error, ErrorKind};

/// Why something was not written.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// Nothing on the disk counts that was not there before: this request fails, the next may succeed.
    Refused(Error),
    /// What reached the disk is not known: the store must take no more writes.
    Fatal(Error),
}

impl Failure {
    /// The error to report.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Fatal(error) => error.with_kind(ErrorKind::Poisoned),
        }
    }
}
