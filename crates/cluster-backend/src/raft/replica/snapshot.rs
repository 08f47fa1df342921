//! A snapshot on the disk: a backup of the store, and of which entry it is.
//!
//! Invariants: a snapshot under its name is whole and durable. What came from another node is verified, byte by byte, and opened,
//! before anything is replaced by it.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pentad_client::wire;
use pentad_engine::{Backups, Store};
use prost::Message;

use super::directory::{GroupDirectory, names_in, open_store, remove, replace, sync_dir};
use super::machine::{Machine, meta_of};
use crate::error::{Error, ErrorKind, Result};
use crate::raft::convert::Wire;
use crate::raft::types::SnapshotMeta;

const META: &str = "meta";
const FILES: &str = "files";
/// What the name of one that is being written ends in.
const UNFINISHED: &str = ".part";

/// A whole snapshot. Its files stay as long as someone holds it.
#[derive(Debug)]
pub(crate) struct SnapshotFiles {
    pub(crate) meta: SnapshotMeta,
    pub(crate) name: String,
    dir: PathBuf,
    /// Whether the files go with the last holder.
    is_retired: AtomicBool,
}

impl SnapshotFiles {
    /// Takes a snapshot of a state machine's store while entries are applied to it. Its log up to there may be given up then: the
    /// backup makes the store durable up to its moment, so it does not fall back behind it. `note` is called in that moment;
    /// when `is_wanted` says no, taking ends early.
    pub(super) fn take(
        store: &Store,
        group: &GroupDirectory,
        note: impl FnOnce(),
        is_wanted: impl Fn() -> bool,
    ) -> Result<Arc<Self>> {
        let number = crate::random::number()?;
        let unfinished = group.snapshots().join(format!("{number:016x}{UNFINISHED}"));
        let made = Self::write(store, &unfinished, note, is_wanted).and_then(|meta| {
            let index = meta.last_log_id.map_or(0, |id| id.index);
            let name = format!("{index:016x}-{number:016x}");
            let dir = group.snapshots().join(&name);
            let renamed = fs::rename(&unfinished, &dir);
            renamed.map_err(|error| Error::io(format!("name the snapshot {}", dir.display()), &error))?;
            sync_dir(&group.snapshots())?;
            Ok(Arc::new(Self { meta, name, dir, is_retired: AtomicBool::new(false) }))
        });
        if made.is_err() {
            remove(&unfinished);
        }
        made
    }

    fn write(
        store: &Store,
        dir: &Path,
        note: impl FnOnce(),
        is_wanted: impl Fn() -> bool,
    ) -> Result<SnapshotMeta> {
        fs::create_dir(dir).map_err(|error| Error::io(format!("create {}", dir.display()), &error))?;
        let mut meta = None;
        let in_the_moment = || {
            meta = Some(meta_of(store));
            note();
        };
        let goes_on = |_| if is_wanted() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        store.backup_noting(dir.join(FILES), in_the_moment, &mut { goes_on })?;
        let meta = meta.unwrap_or_else(|| meta_of(store))?;
        replace(&dir.join(META), &meta.to_wire().encode_to_vec())?;
        Ok(meta)
    }

    /// The newest snapshot of the group; the others, and unfinished ones, are removed.
    pub(super) fn newest(group: &GroupDirectory) -> Result<Option<Arc<Self>>> {
        let mut newest: Option<Arc<Self>> = None;
        for name in names_in(&group.snapshots())? {
            let dir = group.snapshots().join(&name);
            if name.ends_with(UNFINISHED) {
                remove(&dir);
                continue;
            }
            match Self::load(&dir, &name) {
                Ok(snapshot)
                    if newest
                        .as_ref()
                        .is_none_or(|newest| newest.meta.last_log_id < snapshot.meta.last_log_id) =>
                {
                    if let Some(older) = newest.replace(Arc::new(snapshot)) {
                        older.retire();
                    }
                }
                _ => remove(&dir),
            }
        }
        Ok(newest)
    }

    /// Takes a snapshot from another node up among the own ones.
    pub(super) fn adopt(group: &GroupDirectory, files: Arc<Self>) -> Result<Arc<Self>> {
        if files.dir.starts_with(group.snapshots()) {
            return Ok(files);
        }
        let dir = group.snapshots().join(&files.name);
        let renamed = fs::rename(&files.dir, &dir);
        renamed.map_err(|error| Error::io(format!("name the snapshot {}", dir.display()), &error))?;
        sync_dir(&group.snapshots())?;
        Ok(Arc::new(Self::load(&dir, &files.name)?))
    }

    fn load(dir: &Path, name: &str) -> Result<Self> {
        let path = dir.join(META);
        let bytes = fs::read(&path).map_err(|error| Error::io(format!("read {}", path.display()), &error))?;
        let damaged = |what: &str| Error::new(ErrorKind::Damaged, format!("{}: {what}", path.display()));
        let message = wire::SnapshotMeta::decode(bytes.as_slice()).map_err(|_| damaged("not a snapshot"))?;
        let meta = SnapshotMeta::from_wire(message).map_err(|error| damaged(error.0))?;
        let (name, dir) = (name.to_owned(), dir.to_owned());
        Ok(Self { meta, name, dir, is_retired: AtomicBool::new(false) })
    }

    /// Lets the files go with the last holder.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, Ordering::Relaxed);
    }

    /// Names, relative to [`SnapshotFiles::path`] and with `/`, and lengths of the files, in a fixed order.
    pub(crate) fn files(&self) -> Result<Vec<wire::SnapshotFile>> {
        let root = self.path();
        let mut files = Vec::new();
        for name in names_in(&root)? {
            if root.join(&name).is_dir() {
                for inner in names_in(&root.join(&name))? {
                    files.push(format!("{name}/{inner}"));
                }
            } else {
                files.push(name);
            }
        }
        let sized = files.into_iter().map(|name| {
            let path = root.join(&name);
            let found = fs::metadata(&path);
            let bytes =
                found.map_err(|error| Error::io(format!("look at {}", path.display()), &error))?.len();
            Ok(wire::SnapshotFile { name, bytes })
        });
        sized.collect()
    }

    /// Where the files are.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.join(FILES)
    }
}

impl Drop for SnapshotFiles {
    fn drop(&mut self) {
        if self.is_retired.load(Ordering::Relaxed) {
            remove(&self.dir);
        }
    }
}

/// What openraft hands around as a snapshot: one of ours to send, or one that came and is ready to be installed.
pub(crate) struct SnapshotData {
    pub(crate) files: Arc<SnapshotFiles>,
    pub(super) prepared: Option<Prepared>,
}

impl SnapshotData {
    pub(super) fn of(files: Arc<SnapshotFiles>) -> Self {
        Self { files, prepared: None }
    }

    /// A snapshot from another node whose files are all in `dir`, below `files`: verified, and opened as the store that it will
    /// be.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] when it is not what was taken, or not of the entry that it says. Nothing has changed then.
    pub(crate) fn prepare(
        group: &Arc<GroupDirectory>,
        dir: &Path,
        name: &str,
        meta: SnapshotMeta,
    ) -> Result<Self> {
        replace(&dir.join(META), &meta.to_wire().encode_to_vec())?;
        let prepared = Prepared::make(group, &dir.join(FILES), &meta)?;
        let is_retired = AtomicBool::new(false);
        let files = SnapshotFiles { meta, name: name.to_owned(), dir: dir.to_owned(), is_retired };
        Ok(Self { files: Arc::new(files), prepared: Some(prepared) })
    }

    /// The same, with what it takes to install it.
    pub(super) fn into_prepared(self, group: &Arc<GroupDirectory>) -> Result<(Arc<SnapshotFiles>, Prepared)> {
        let Self { files, prepared } = self;
        let prepared = match prepared {
            Some(prepared) => prepared,
            None => Prepared::make(group, &files.path(), &files.meta)?,
        };
        Ok((files, prepared))
    }
}

/// A store that can take the place of the present one.
pub(super) struct Prepared {
    machine: Option<Machine>,
    path: PathBuf,
}

impl Prepared {
    fn make(group: &Arc<GroupDirectory>, files: &Path, meta: &SnapshotMeta) -> Result<Self> {
        let path = group.new_store();
        Backups::open(files)?.restore(None, &path, &mut |_| ())?;
        let mut prepared = Self { machine: None, path };
        let machine = Machine::load(open_store(&prepared.path, false, group.retention)?)?;
        if machine.applied() != meta.last_log_id || *machine.membership() != meta.last_membership {
            let text = "the snapshot is of another entry, or has other members, than its sender says";
            return Err(Error::new(ErrorKind::Damaged, text));
        }
        prepared.machine = Some(machine);
        Ok(prepared)
    }

    /// The state machine, and where its store is. It is the caller's from here on.
    pub(super) fn take(mut self) -> Option<(Machine, PathBuf)> {
        Some((self.machine.take()?, std::mem::take(&mut self.path)))
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            drop(self.machine.take());
            remove(&self.path);
        }
    }
}
