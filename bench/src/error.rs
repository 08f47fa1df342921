//! The one error type of the program. Every variant says what was done and to what, so that `main` only has to print it.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// What everything here answers with.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a run ended without figures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// An engine refused or failed.
    #[error("{engine}: {doing}: {reason}")]
    Engine { engine: &'static str, doing: &'static str, reason: String },
    /// A file of the program itself, not of an engine.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// The operating system did not answer a question about this process or machine.
    #[error("{what}: {reason}")]
    System { what: &'static str, reason: String },
    /// An engine gave another answer than it had to: fewer rows, or rows that do not add up.
    #[error("wrong answer: {0}")]
    WrongAnswer(String),
    /// The arguments do not go together, or name what is not there.
    #[error("{0}")]
    Usage(String),
    /// Not enough room for the data of the run.
    #[error(
        "{} has {free} MiB free and this run needs about {needed} MiB; name another directory with --dir, or run \
         fewer --sizes or --engines",
        path.display()
    )]
    Space { path: PathBuf, free: u64, needed: u64 },
    /// The process of one engine ended without a result; what it said stands above.
    #[error("the process for {engine} ({stage}, {data}) ended with {status}")]
    Child { engine: &'static str, stage: String, data: String, status: String },
    /// A result that does not parse.
    #[error("{what}: {source}")]
    Json { what: String, source: serde_json::Error },
}

impl Error {
    /// For `map_err` on what was done to the file or directory at `path`.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

/// Turns the error types of all engines into ours.
pub(crate) trait During<T> {
    /// Names the engine and what was asked of it.
    fn during(self, engine: &'static str, doing: &'static str) -> Result<T>;
}

impl<T, E: Display> During<T> for std::result::Result<T, E> {
    fn during(self, engine: &'static str, doing: &'static str) -> Result<T> {
        self.map_err(|error| Error::Engine { engine, doing, reason: error.to_string() })
    }
}
