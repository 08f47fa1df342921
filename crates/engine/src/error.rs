//! The engine's one error type: what happened, where, and which kind of answer it calls for.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A result of the engine.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, coarsely: each kind asks for one reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The arguments are not acceptable (too long, contradictory). Nothing was written. Fix the input.
    InvalidInput,
    /// The key that the operation needs is not there. Nothing was written.
    KeyNotFound,
    /// There is no store at the path and creating one was not asked for.
    StoreNotFound,
    /// The path holds something that is not a Pentad store, or a store that this version cannot read. Nothing was
    /// changed.
    NotAStore,
    /// Another handle or process has the store open. Close it, or wait.
    Locked,
    /// The store was opened for reading only.
    ReadOnly,
    /// The store, or this handle's store, was closed. Open it again.
    Closed,
    /// The disk or a quota is full. Nothing was written; free space and retry.
    DiskFull,
    /// A read or write failed in a way that may pass (permissions, too many open files). Nothing was made visible.
    Io,
    /// An earlier write or sync failed, so the store takes no more writes; reads go on. Close it and open it again:
    /// recovery finds out what reached the disk.
    Poisoned,
    /// Bytes that were acknowledged fail their checksum or are missing. Verify the store, repair it into a new one or
    /// restore a backup.
    Damaged,
    /// A value existed, but what it needs was given up by retention, a limit or an option. Read something newer.
    NotRetained,
    /// A limit that the options set, or one of the format, would be exceeded. Nothing was written.
    LimitExceeded,
    /// Another commit has changed what a transaction read. Nothing was written; run the transaction again.
    Conflict,
    /// The caller's own progress callback stopped the work. Nothing was changed.
    Cancelled,
    /// The stored value is not of the form that the operation needs (a counter that is not a number). Nothing was
    /// written.
    WrongType,
}

/// An error of the engine.
///
/// It is cheap to clone: all the commits of a failed group share one.
#[derive(Clone, thiserror::Error)]
#[error("{}", self.inner.text)]
pub struct Error {
    inner: Arc<Inner>,
}

struct Inner {
    kind: ErrorKind,
    text: String,
    io: Option<io::ErrorKind>,
}

impl Error {
    /// An error of `kind` that reads `text`.
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { inner: Arc::new(Inner { kind, text: text.into(), io: None }) }
    }

    /// What the operating system said while `doing` something with `path`.
    pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
            _ => ErrorKind::Io,
        };
        let text = format!("cannot {doing} {}: {error}", path.display());
        Self { inner: Arc::new(Inner { kind, text, io: Some(error.kind()) }) }
    }

    /// The same error with the answer that it calls for changed, as when an I/O error poisons the store.
    pub(crate) fn with_kind(&self, kind: ErrorKind) -> Self {
        Self { inner: Arc::new(Inner { kind, text: self.inner.text.clone(), io: self.inner.io }) }
    }

    /// Bytes of a file that are not what they were.
    pub(crate) fn damaged(file: &Path, offset: u64, what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Damaged, format!("{} is damaged at offset {offset}: {what}", file.display()))
    }

    /// The kind, which says what to do.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The kind of the operating system's error behind this one, if there was one.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        self.inner.io
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("kind", &self.inner.kind).field("text", &self.inner.text).finish()
    }
}

impl From<Error> for io::Error {
    /// The closest [`io::ErrorKind`], with the whole text.
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::WrongType => io::ErrorKind::InvalidInput,
            ErrorKind::KeyNotFound | ErrorKind::StoreNotFound | ErrorKind::NotRetained => {
                io::ErrorKind::NotFound
            }
            ErrorKind::NotAStore | ErrorKind::Damaged => io::ErrorKind::InvalidData,
            ErrorKind::Locked => io::ErrorKind::WouldBlock,
            ErrorKind::ReadOnly => io::ErrorKind::ReadOnlyFilesystem,
            ErrorKind::Closed => io::ErrorKind::NotConnected,
            ErrorKind::DiskFull => io::ErrorKind::StorageFull,
            ErrorKind::LimitExceeded => io::ErrorKind::QuotaExceeded,
            ErrorKind::Conflict | ErrorKind::Cancelled => io::ErrorKind::Other,
            ErrorKind::Io | ErrorKind::Poisoned => error.io_kind().unwrap_or(io::ErrorKind::Other),
        };
        Self::new(kind, error)
    }
}

/// A key or other user bytes in a message: printable ASCII as it is, the rest as `\xNN`, at most 64 bytes of it.
pub fn escape_key(key: &[u8]) -> String {
    const SHOWN: usize = 64;
    let mut text = String::with_capacity(key.len().min(SHOWN) + 8);
    text.push('"');
    for &byte in key.iter().take(SHOWN) {
        match byte {
            b'\\' | b'"' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            0x20..=0x7e => text.push(char::from(byte)),
            _ => {
                use fmt::Write as _;
                write!(text, "\\x{byte:02x}").expect("writing to a string");
            }
        }
    }
    text.push('"');
    if key.len() > SHOWN {
        use fmt::Write as _;
        write!(text, " … ({} bytes)", key.len()).expect("writing to a string");
    }
    text
}
