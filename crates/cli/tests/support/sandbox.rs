//! A directory of its own for each test, and the real binary run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A directory that goes with the test.
pub(crate) struct Sandbox {
    directory: tempfile::TempDir,
}

impl Sandbox {
    /// An empty directory.
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// Its real path, or that of something in it.
    pub(crate) fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(inside)
    }

    /// `pentad` on the store `store` in the directory, not started yet; no input, outputs captured.
    pub(crate) fn pentad(&self, arguments: &[&str]) -> Command {
        self.pentad_on("store", arguments)
    }

    /// The same on another store.
    pub(crate) fn pentad_on(&self, store: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pentad"));
        command.current_dir(self.directory.path()).args(["--store", store]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}
