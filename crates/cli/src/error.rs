//! What can go wrong in a command, sorted by who has to do what about it.
//!
//! Each kind is one answer of `exit.rs`. The texts are whole messages for an operator: what, where, and where it is
//! known, what to do next.

use std::io;
use std::path::Path;

use pentad_client::FailureKind;
use pentad_engine::{Error, ErrorKind};

/// The result of everything in this crate that can fail in front of a user.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command makes no sense as given.
    #[error("{0}")]
    Usage(String),
    /// A row of the input does not have the form that its format asks for.
    #[error("{0}")]
    Input(String),
    /// What is to be exported does not fit the format or the target.
    #[error("{0}")]
    Refused(String),
    /// The key is not there.
    #[error("{0}")]
    Absent(String),
    /// A condition does not hold.
    #[error("{0}")]
    Unmet(String),
    /// The engine refused.
    #[error("{}", with_hint(.0))]
    Store(#[from] Error),
    /// A node of the cluster refused, or none answered.
    #[error("{}", with_remote_hint(.0))]
    Remote(#[from] pentad_client::Failure),
    /// The engine refused, because there is no store where one is to be read or changed.
    #[error("{0}; `import` and `put` create a store, the other verbs never do")]
    NoStore(Error),
    /// A node of a cluster refused, or could not be reached.
    #[error("{0}")]
    Cluster(String),
    /// The operating system refused.
    #[error("{doing}: {error}")]
    Io {
        /// What was tried, with the file: "cannot read data.tsv".
        doing: String,
        /// What the operating system said.
        error: io::Error,
    },
    /// `verify` found damage, or something damaged was left out.
    #[error("{0}")]
    Damage(String),
    /// Ctrl-C, SIGTERM or SIGHUP.
    #[error("interrupted")]
    Interrupted,
    /// Whoever read standard output has stopped reading.
    #[error("standard output was closed")]
    ClosedPipe,
    /// It failed part of the way.
    #[error("{cause}\npentad: {state}")]
    Partial {
        /// Why.
        cause: Box<Failure>,
        /// What is done and what is not.
        state: String,
    },
}

impl Failure {
    /// The operating system's answer to `doing` something with a file.
    pub(crate) fn io(doing: &str, path: &Path, error: io::Error) -> Self {
        Self::Io { doing: format!("cannot {doing} {}", path.display()), error }
    }

    /// What an error of reading the value of a key means; the key as it is shown.
    pub(crate) fn value(key: &str, error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::InvalidData {
            Self::Damage(format!("cannot read the value of {key}: {error}"))
        } else {
            Self::Io { doing: format!("cannot read the value of {key}"), error }
        }
    }

    /// Whether stored bytes are not what was written.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Damage(_) => true,
            Self::Store(error) => error.kind() == ErrorKind::Damaged,
            Self::Remote(failure) => failure.kind() == FailureKind::Damaged,
            _ => false,
        }
    }

    /// Whether what failed may have been done all the same.
    pub(crate) fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Remote(failure) => failure.outcome_unknown,
            // Opening the store again finds out what reached the disk.
            Self::Store(error) => error.kind() == ErrorKind::Poisoned,
            Self::Partial { cause, .. } => cause.is_outcome_unknown(),
            _ => false,
        }
    }

    /// This failure, with what was done before it.
    pub(crate) fn after(self, state: String) -> Self {
        Self::Partial { cause: Box::new(self), state }
    }
}

impl From<pentad_cluster_backend::Error> for Failure {
    fn from(error: pentad_cluster_backend::Error) -> Self {
        match error.kind() {
            pentad_cluster_backend::ErrorKind::InvalidInput => Self::Usage(error.to_string()),
            _ => Self::Cluster(error.to_string()),
        }
    }
}

/// What a failure to open a store means to a verb that does not create one.
pub(crate) fn not_there(error: Error) -> Failure {
    if error.kind() == ErrorKind::StoreNotFound { Failure::NoStore(error) } else { Failure::Store(error) }
}

/// The engine's text, and for the kinds that a user meets at the command line, the next step.
fn with_hint(error: &Error) -> String {
    let hint = match error.kind() {
        ErrorKind::Locked => "one process can write to a store at a time; wait for the other one or stop it",
        ErrorKind::Damaged if !error.to_string().contains("`pentad repair`") => {
            "`pentad verify` lists what is damaged, `pentad repair` copies the rest into a new store"
        }
        ErrorKind::Poisoned => "run the command again: opening finds out what reached the disk",
        ErrorKind::DiskFull => "free some space and run the command again",
        _ => return error.to_string(),
    };
    format!("{error}; {hint}")
}

/// The node's text, and for the kinds that a user meets at the command line, the next step.
fn with_remote_hint(failure: &pentad_client::Failure) -> String {
    let hint = match failure.kind() {
        _ if failure.required_action.is_some() => return failure.to_string(),
        _ if failure.outcome_unknown => "look at what is there before you repeat it",
        FailureKind::Unavailable | FailureKind::TimedOut => {
            "are the nodes running, a majority of them, and can they be reached from here?"
        }
        FailureKind::Overloaded => "wait a moment and run the command again",
        _ => return failure.to_string(),
    };
    format!("{failure}; {hint}")
}
