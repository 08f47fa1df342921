//! Why a program cannot go on with its store: an operation failed that the model says should have worked.

use std::fmt;
use std::io;

use pentad_engine::{Error, ErrorKind};

/// The failure. Whether it was to be expected is for the caller to judge, who knows what faults are in wait.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) kind: Option<ErrorKind>,
    pub(crate) text: String,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self { kind: Some(error.kind()), text: error.to_string() }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).map(Error::kind);
        let kind = inner.unwrap_or(match error.kind() {
            io::ErrorKind::StorageFull => ErrorKind::DiskFull,
            _ => ErrorKind::Io,
        });
        Self { kind: Some(kind), text: error.to_string() }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.text, self.kind)
    }
}
