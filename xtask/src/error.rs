//! The one error type of the tasks. Every variant says what was done and on what, so that `main` only has to print it.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// The result of a task.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a task did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A program could not be started at all: is it installed?
    #[error("`{command}` could not be started: {source}")]
    Start { command: String, source: io::Error },
    /// A program ran and said no; its own output stands above.
    #[error("`{command}` ended with {status}")]
    Failed { command: String, status: ExitStatus },
    /// A program that was asked for an answer said no.
    #[error("`{command}` ended with {status}: {output}")]
    Answer { command: String, status: ExitStatus, output: String },
    /// A program did not end in time and was stopped.
    #[error("`{command}` did not end within {seconds} s and was stopped")]
    Overdue { command: String, seconds: u64 },
    /// The output of a program could not be read or passed on.
    #[error("the output of `{command}` could not be passed on: {source}")]
    Output { command: String, source: io::Error },
    /// A test run matched no test, so it proves nothing.
    #[error("`{command}` ran no test at all, so it proved nothing: were the tests renamed or removed?")]
    NoTest { command: String },
    /// A defect was planted on purpose and went unreported, so a run without a report would prove nothing.
    #[error("the defect in `{test}` was not reported by the {tool} sanitizer")]
    Unnoticed { test: &'static str, tool: &'static str },
    /// A check of our own found something; the findings were printed one a line.
    #[error("{check}: {count} finding(s), listed above")]
    Findings { check: &'static str, count: usize },
    /// `cargo metadata` could not be had.
    #[error("cargo metadata: {0}")]
    Metadata(#[from] cargo_metadata::Error),
    /// `cargo metadata` left out what it was asked for.
    #[error("cargo metadata gave no {0}")]
    MetadataLacks(&'static str),
    /// A file could not be read, or a directory not be made.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// A manifest is not TOML.
    #[error("{path}: {message}")]
    Manifest { path: String, message: String },
    /// Something that the machine would have to have is not there.
    #[error("{what} is missing: {mend}")]
    Missing { what: String, mend: String },
    /// There is no fuzz target of this name.
    #[error("there is no fuzz target `{name}`; there are {known}")]
    NoTarget { name: String, known: String },
    /// A fuzz target failed on an input, which was kept.
    #[error(
        "the fuzz target `{target}` failed on {file}, as shown above\n  to run it again: cargo xtask fuzz {target} --input {file}\n  \
         when it is mended: copy the file into fuzz/corpus/{target}, and write its story as a test of its own"
    )]
    FuzzFinding { target: String, file: String },
    /// A check of `ci` failed; what failed and how to mend it was printed.
    #[error("the check `{step}` failed, {left} check(s) after it were not run")]
    Step { step: &'static str, left: usize },
}
