//! The data directory of a node.
//!
//! | name | |
//! | --- | --- |
//! | `node` | who the node is |
//! | `lock` | locked by the process that runs it |
//! | `groups/0/` | its Raft group: log, store, snapshots |
//!
//! Invariant: nothing is made in a directory that holds something else.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::raft::sync_dir;

/// A directory that this process alone runs a node in.
#[derive(Debug)]
pub(super) struct DataDirectory {
    path: PathBuf,
    /// Goes with the process, or with this.
    _lock: File,
}

const NAMES: [&str; 4] = ["node", "node.new", "lock", "groups"];

impl DataDirectory {
    /// Takes the directory at `path`, which is made (for its owner alone) when it is missing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] when another process runs a node in it, [`ErrorKind::Mismatch`] when it holds something else.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let is_new = !path.exists();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| Error::io(format!("create {}", path.display()), &error))?;
        if is_new && let Some(parent) = path.parent() {
            // What the node acknowledges is only there when its directory is.
            sync_dir(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })?;
        }
        let listed =
            fs::read_dir(path).map_err(|error| Error::io(format!("list {}", path.display()), &error))?;
        for entry in listed.flatten() {
            let name = entry.file_name();
            if !NAMES.iter().any(|known| name == *known) {
                let text = format!(
                    "{} holds {}, which is none of a node's; name an empty directory, or the one of a node",
                    path.display(),
                    name.display()
                );
                return Err(Error::new(ErrorKind::Mismatch, text));
            }
        }
        let lock = path.join("lock");
        let failed = |error: std::io::Error| Error::io(format!("lock {}", lock.display()), &error);
        let file = OpenOptions::new().create(true).write(true).truncate(false).open(&lock).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: file }),
            Err(TryLockError::WouldBlock) => {
                let text = format!("another process runs the node in {}", path.display());
                Err(Error::new(ErrorKind::Refused, text))
            }
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn identity(&self) -> PathBuf {
        self.path.join("node")
    }

    pub(super) fn group(&self) -> PathBuf {
        self.path.join("groups").join("0")
    }
}
