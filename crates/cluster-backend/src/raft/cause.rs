//! Why storage failed, as openraft hands it on.
//!
//! Invariant: an error says that bytes are lost only when whoever found it said so. A disk that is full, a file that cannot be opened
//! or a read that fails says nothing of what is on the disk: a node that meets one starts again when that is over, and need not
//! leave its cluster.

use std::error::Error as StdError;
use std::io;

use openraft::errors::{ErrorSource, Fatal};

use super::types::Types;
use crate::error::{Error, ErrorKind};

/// What openraft carries along as the source of a storage error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Cause {
    text: String,
    kind: ErrorKind,
}

impl ErrorSource for Cause {
    fn from_error<E: StdError + 'static>(error: &E) -> Self {
        Self { text: error.to_string(), kind: kind_of(error) }
    }

    /// What openraft finds by itself when it starts: entries that are missing or do not fit together.
    fn from_string(message: impl ToString) -> Self {
        Self { text: message.to_string(), kind: ErrorKind::Damaged }
    }
}

/// What the first cause that can be told apart asks for.
fn kind_of(error: &(dyn StdError + 'static)) -> ErrorKind {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<Error>() {
            return error.kind();
        }
        if let Some(error) = error.downcast_ref::<pentad_engine::Error>() {
            return Error::from(error.clone()).kind();
        }
        let Some(error_of_io) = error.downcast_ref::<io::Error>() else {
            next = error.source();
            continue;
        };
        match (error_of_io.kind(), error_of_io.get_ref()) {
            (io::ErrorKind::InvalidData, _) => return ErrorKind::Damaged,
            (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, _) => return ErrorKind::DiskFull,
            // What it was made of is not among its sources, but theirs are.
            (_, Some(inner)) => next = Some(inner),
            (_, None) => return ErrorKind::Io,
        }
    }
    ErrorKind::Io
}

/// Why a group could not be started.
pub(super) fn start_error(error: &Fatal<Types>) -> Error {
    let cause = error.source().and_then(|source| source.downcast_ref::<Cause>());
    let kind = match error {
        Fatal::StorageError(_) => cause.map_or(ErrorKind::Io, |cause| cause.kind),
        Fatal::Panicked | Fatal::Stopped => ErrorKind::Stopped,
    };
    Error::new(kind, format!("cannot start the Raft group: {error}"))
}

#[cfg(test)]
mod tests {
    use openraft::StorageError;

    use super::*;

    fn started_with(cause: Cause) -> Error {
        start_error(&Fatal::StorageError(StorageError::read_logs(cause)))
    }

    /// A node that could not open a file, because there were no descriptors left, was told that it must not vote again and has to be
    /// removed. Nothing of it was lost.
    #[test]
    fn f20_f25_only_what_is_lost_is_damage_when_a_node_starts() {
        let plain = |kind: io::ErrorKind| Cause::from_error(&io::Error::from(kind));
        let wrapped = |error: Error| Cause::from_error(&io::Error::other(error));
        let no_descriptors = io::Error::from_raw_os_error(24);
        let cases = [
            (plain(io::ErrorKind::InvalidData), ErrorKind::Damaged),
            (Cause::from_error(&io::Error::new(io::ErrorKind::InvalidData, "a vote")), ErrorKind::Damaged),
            (wrapped(Error::new(ErrorKind::Damaged, "a snapshot")), ErrorKind::Damaged),
            (Cause::from_string("entries are missing"), ErrorKind::Damaged),
            (Cause::from_error(&no_descriptors), ErrorKind::Io),
            (Cause::from_error(&io::Error::other(no_descriptors)), ErrorKind::Io),
            (plain(io::ErrorKind::Other), ErrorKind::Io),
            (plain(io::ErrorKind::StorageFull), ErrorKind::DiskFull),
            (wrapped(Error::io("read a file", &io::Error::from_raw_os_error(5))), ErrorKind::Io),
            (wrapped(Error::new(ErrorKind::Stopped, "closed")), ErrorKind::Stopped),
        ];
        for (cause, kind) in cases {
            let text = cause.text.clone();
            let error = started_with(cause);
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(&text), "{error}");
        }
    }
}
