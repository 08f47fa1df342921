//! The directory of a Raft group: its log, its stores, and its snapshots.
//!
//! | name | |
//! | --- | --- |
//! | `log/` | the Raft log |
//! | `store-NNNN/` | stores; only one of them counts |
//! | `current` | the name of that one |
//! | `snapshots/` | the newest snapshot, for others |
//! | `incoming/` | what has arrived of one from another node |
//!
//! Invariants: `current` names a store that is whole and durable, and is replaced by a rename. A store that it does not name
//! means nothing and is removed when the node starts.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pentad_engine::seams::{Environment, StoppedClock};
use pentad_engine::{Durability, Options, Retention, Store};

use crate::error::{Error, ErrorKind, Result};

const STORE: &str = "store-";
const CURRENT: &str = "current";

/// Where a group keeps its files.
#[derive(Debug)]
pub(crate) struct GroupDirectory {
    path: PathBuf,
    /// How much of the batch log its stores retain.
    pub(super) retention: Retention,
    next_store: AtomicU64,
}

impl GroupDirectory {
    /// The directory at `path`, which is made when it is missing, and is durable then, with the two that it is in.
    pub(crate) fn open(path: PathBuf, retention: Retention) -> Result<Arc<Self>> {
        for dir in [path.clone(), path.join("snapshots"), path.join("incoming")] {
            fs::create_dir_all(&dir)
                .map_err(|error| Error::io(format!("create {}", dir.display()), &error))?;
        }
        for dir in path.ancestors().take(3).filter(|dir| !dir.as_os_str().is_empty()) {
            sync_dir(dir)?;
        }
        let mut last = 0;
        for name in names_in(&path)? {
            last = last.max(store_number(&name).unwrap_or(0));
        }
        Ok(Arc::new(Self { path, retention, next_store: AtomicU64::new(last + 1) }))
    }

    /// Where the Raft log is.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Where snapshots for others are.
    pub(in crate::raft) fn snapshots(&self) -> PathBuf {
        self.path.join("snapshots")
    }

    /// Where snapshots from others arrive.
    pub(in crate::raft) fn incoming(&self) -> PathBuf {
        self.path.join("incoming")
    }

    /// A name for another store, which nothing has yet.
    pub(super) fn new_store(&self) -> PathBuf {
        let number = self.next_store.fetch_add(1, Ordering::Relaxed);
        self.path.join(format!("{STORE}{number:04}"))
    }

    /// Opens the store that counts, makes the first one if none does, and removes the others.
    pub(super) fn open_current(&self) -> Result<Store> {
        let pointer = self.path.join(CURRENT);
        let path = match fs::read_to_string(&pointer) {
            Ok(name) => {
                let name = name.trim_end();
                if store_number(name).is_none() {
                    let text = format!("{} does not name a store", pointer.display());
                    return Err(Error::new(ErrorKind::Damaged, text));
                }
                self.path.join(name)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.new_store(),
            Err(error) => return Err(Error::io(format!("read {}", pointer.display()), &error)),
        };
        let is_new = !pointer.exists();
        let store = open_store(&path, is_new, self.retention)?;
        if is_new {
            self.set_current(&path)?;
        }
        self.remove_others(&path)?;
        Ok(store)
    }

    /// Makes the store at `path`, which is durable, the one that counts.
    pub(super) fn set_current(&self, path: &Path) -> Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        replace(&self.path.join(CURRENT), format!("{name}\n").as_bytes())
    }

    /// Removes what has arrived of snapshots, but for one of this name.
    pub(in crate::raft) fn remove_incoming_but(&self, kept: &str) -> Result<()> {
        for name in names_in(&self.incoming())? {
            if name != kept {
                remove(&self.incoming().join(name));
            }
        }
        Ok(())
    }

    fn remove_others(&self, current: &Path) -> Result<()> {
        for name in names_in(&self.path)? {
            let path = self.path.join(&name);
            // An unfinished restoration has a name that ends in one of a store.
            let is_store = name.contains(STORE) || name.starts_with('.');
            if is_store && path != *current && path.is_dir() {
                remove(&path);
            }
        }
        Ok(())
    }
}

/// Opens a store as a state machine needs it: its time moves by entries alone, and the Raft log makes up for what a power
/// cut takes.
pub(super) fn open_store(path: &Path, create: bool, retention: Retention) -> Result<Store> {
    let environment = Environment { clock: Arc::new(StoppedClock::new()), ..Environment::real() };
    let options = Options::new().durability(Durability::Os).create(create).retention(retention);
    Ok(options.environment(environment).open(path)?)
}

/// Writes a small file so that it is there whole, old or new, whatever happens; durable when this returns.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error: io::Error| Error::io(format!("write {}", path.display()), &error);
    let temporary = path.with_extension("new");
    let mut file = fs::File::create(&temporary).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&temporary, path).map_err(failed)?;
    sync_dir(path.parent().unwrap_or(Path::new(".")))
}

pub(crate) fn sync_dir(path: &Path) -> Result<()> {
    let synced = fs::File::open(path).and_then(|dir| dir.sync_all());
    synced.map_err(|error| Error::io(format!("sync the directory {}", path.display()), &error))
}

/// Makes a directory durable with all that is in it, whoever wrote it.
pub(in crate::raft) fn sync_tree(path: &Path) -> Result<()> {
    for name in names_in(path)? {
        let inner = path.join(name);
        if inner.is_dir() {
            sync_tree(&inner)?;
            continue;
        }
        let synced = fs::File::open(&inner).and_then(|file| file.sync_all());
        synced.map_err(|error| Error::io(format!("sync {}", inner.display()), &error))?;
    }
    sync_dir(path)
}

/// Removes a directory that means nothing any more. If that fails, it is removed when the node starts again.
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_dir_all(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "cannot remove a directory that is not needed any more");
    }
}

pub(super) fn names_in(path: &Path) -> Result<Vec<String>> {
    let failed = |error: io::Error| Error::io(format!("list {}", path.display()), &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        if let Ok(name) = entry.map_err(failed)?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn store_number(name: &str) -> Option<u64> {
    name.strip_prefix(STORE)?.parse().ok()
}
