//! What a record log is opened with.

use std::path::Path;

use super::handle::RecordLog;
use crate::error::{Error, ErrorKind, Result};
use crate::seams::Environment;

/// Settings of a [`RecordLog`]; the defaults serve.
#[derive(Clone, Debug)]
pub struct RecordLogOptions {
    pub(super) segment_bytes: u64,
    pub(super) recent_bytes: u64,
    pub(super) create: bool,
    pub(super) environment: Environment,
}

impl Default for RecordLogOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            recent_bytes: 32 << 20,
            create: true,
            environment: Environment::real(),
        }
    }
}

impl RecordLogOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Length of a segment in bytes, 4 KiB to 1 GiB; 64 MiB if not set. Space comes back in segments.
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// How many bytes of the newest records stay in memory after they were written; 32 MiB if not set. What waits to be
    /// written is in memory besides.
    pub fn recent_bytes(mut self, bytes: u64) -> Self {
        self.recent_bytes = bytes;
        self
    }

    /// Whether a log is made where none is; it is if not set. Whoever knows that there was one must say no: a log that has gone
    /// must be missed.
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// The disk, clock and randomness to use, and whether the log runs a thread of its own. Without it everything happens on the
    /// thread of the caller, before the call returns.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Opens the record log at `path`; makes it if there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreNotFound`] when there is none and it is not to be made, or when the directory above does not
    /// exist; [`ErrorKind::NotAStore`] when something else is there; [`ErrorKind::Locked`] when it is open elsewhere;
    /// [`ErrorKind::Damaged`] when acknowledged records are gone or altered, with the file and the offset. In these cases
    /// nothing was changed.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<RecordLog> {
        if !(4 << 10..=1 << 30).contains(&self.segment_bytes) {
            let text = format!("segment_bytes is {}; it must be between 4 KiB and 1 GiB", self.segment_bytes);
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        RecordLog::open_with(path.as_ref(), self)
    }
}
