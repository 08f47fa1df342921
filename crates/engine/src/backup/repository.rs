//! A repository: the directory that holds the backups of one store.
//!
//! Invariants: a segment in `segments` is whole and durable under its name before a record refers to it; one that no record
//! refers to means nothing. Whoever adds or removes holds the lock on the mark exclusively, whoever reads shares it.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::report::BackupInfo;
use crate::error::{Error, ErrorKind, Result};
use crate::format::backup::{
    BackupFault, BackupRecord, REPOSITORY_LENGTH, decode_repository, encode_repository, length_of,
};
use crate::format::catalog::SegmentRecord;
use crate::format::names;
use crate::log::catalog_file::{read_file, write_file};
use crate::log::directory::{Directory, canonical, inspect};
use crate::numbers::Timestamp;
use crate::options::Options;
use crate::seams::{Disk, Lock, LockMode, PathKind, uninterrupted};

/// The backups of one store, in a directory of their own.
///
/// ```
/// use pentad_engine::{Backups, Store};
/// # let dir = tempfile::tempdir()?;
/// # let (data, backups, restored) = (dir.path().join("data"), dir.path().join("backups"), dir.path().join("restored"));
/// let store = Store::open(&data)?;
/// store.put("a", "1")?;
/// store.backup(&backups, &mut |_| ())?; // makes the directory; the next one brings only what is new
/// store.put("a", "2")?;
///
/// Backups::open(&backups)?.restore(None, &restored, &mut |_| ())?; // the newest, verified
/// assert_eq!(Store::open(&restored)?.get("a")?.as_deref(), Some(&b"1"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Backups {
    pub(super) dir: PathBuf,
    pub(super) store_id: [u8; 16],
    pub(super) options: Options,
}

/// What stands at the path of a repository.
enum Found {
    Nothing,
    Empty,
    Repository([u8; 16]),
}

impl Backups {
    /// The backups in the directory `dir`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreNotFound`] when there are none, [`ErrorKind::NotAStore`] when something else is there or they were
    /// made by a newer version.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(dir.as_ref(), &Options::new())
    }

    /// The same, with the environment of `options`.
    pub(crate) fn open_with(dir: &Path, options: &Options) -> Result<Self> {
        let disk = &*options.environment.disk;
        match find(disk, dir)? {
            Found::Repository(store_id) => {
                Ok(Self { dir: canonical(disk, dir)?, store_id, options: options.clone() })
            }
            Found::Nothing | Found::Empty => {
                let text = format!("there are no backups at {}", dir.display());
                Err(Error::new(ErrorKind::StoreNotFound, text))
            }
        }
    }

    /// The backups of the store `store_id` in the directory `dir`, which is made when it is missing.
    pub(super) fn open_or_create(dir: &Path, store_id: [u8; 16], options: &Options) -> Result<Self> {
        let disk = &*options.environment.disk;
        let found = match find(disk, dir)? {
            Found::Repository(found) => found,
            Found::Nothing => {
                disk.create_dir(dir).map_err(|e| Error::io("create", dir, &e))?;
                create(disk, dir, store_id)?;
                store_id
            }
            Found::Empty => {
                create(disk, dir, store_id)?;
                store_id
            }
        };
        if found != store_id {
            let text =
                format!("{} holds the backups of another store; name another directory", dir.display());
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        Ok(Self { dir: canonical(disk, dir)?, store_id, options: options.clone() })
    }

    /// The backups, oldest first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] when the record of one cannot be read; the others can be restored all the same.
    pub fn list(&self) -> Result<Vec<BackupInfo>> {
        let _lock = self.lock(LockMode::Shared)?;
        self.numbers()?.into_iter().map(|number| Ok(info(&self.record(number)?))).collect()
    }

    /// Gives up all but the newest `count` backups, and removes what only they needed; returns how many that were.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Locked`] while the repository is in use; [`ErrorKind::Damaged`] when the record of a backup that stays
    /// cannot be read, because it is not known then what it needs.
    pub fn keep_newest(&self, count: usize) -> Result<usize> {
        let _lock = self.lock(LockMode::Exclusive)?;
        let numbers = self.numbers()?;
        let given_up = numbers.len().saturating_sub(count);
        for &number in &numbers[given_up..] {
            self.record(number)?;
        }
        for &number in &numbers[..given_up] {
            let path = self.dir.join(names::backup(number));
            self.disk().remove_file(&path).map_err(|e| Error::io("remove", &path, &e))?;
        }
        // A record that comes back after a power cut must find its segments.
        self.sync(&self.dir)?;
        self.remove_unused()?;
        Ok(given_up)
    }

    /// Removes the files in `segments` that no record names.
    pub(super) fn remove_unused(&self) -> Result<()> {
        let mut used = BTreeSet::new();
        for number in self.numbers()? {
            used.extend(self.record(number)?.catalog.segments.iter().map(names::backed_up));
        }
        let dir = self.segments();
        let names = self.disk().list(&dir).map_err(|e| Error::io("list", &dir, &e))?;
        for name in names.into_iter().filter_map(|name| name.into_string().ok()) {
            if names::is_backed_up(&name) && !used.contains(&name) {
                let path = dir.join(name);
                self.disk().remove_file(&path).map_err(|e| Error::io("remove", &path, &e))?;
            }
        }
        Ok(())
    }

    /// The numbers of the backups, ascending.
    pub(super) fn numbers(&self) -> Result<Vec<u64>> {
        let names = self.disk().list(&self.dir).map_err(|e| Error::io("list", &self.dir, &e))?;
        let names = names.into_iter().filter_map(|name| name.into_string().ok());
        let mut numbers: Vec<u64> = names.filter_map(|name| names::parse_backup(&name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The record of a backup.
    pub(super) fn record(&self, number: u64) -> Result<BackupRecord> {
        let path = self.dir.join(names::backup(number));
        let missing = || {
            let text = format!("there is no backup {number} in {}", self.dir.display());
            Error::new(ErrorKind::StoreNotFound, text)
        };
        let head = read_file(self.disk(), &path, BackupRecord::HEAD_BYTES)?.ok_or_else(missing)?;
        let bytes = match BackupRecord::claimed_length(&head) {
            Some(claimed) => read_file(self.disk(), &path, claimed)?.ok_or_else(missing)?,
            None => head,
        };
        match BackupRecord::decode(&bytes) {
            Ok(record) if record.number == number => Ok(record),
            Err(BackupFault::Version(version)) => Err(newer(&path, version)),
            Ok(_) | Err(BackupFault::Foreign | BackupFault::Damaged) => {
                Err(Error::damaged(&path, 0, "the record of the backup is not what was written"))
            }
        }
    }

    /// Where the segments are.
    pub(super) fn segments(&self) -> PathBuf {
        self.dir.join(names::BACKED_UP)
    }

    /// Where a segment of a record is.
    pub(super) fn segment(&self, record: &SegmentRecord) -> PathBuf {
        self.segments().join(names::backed_up(record))
    }

    pub(super) fn disk(&self) -> &dyn Disk {
        &*self.options.environment.disk
    }

    pub(super) fn lock(&self, mode: LockMode) -> Result<Box<dyn Lock>> {
        let path = self.dir.join(names::REPOSITORY);
        let lock = self.disk().lock(&path, mode).map_err(|e| Error::io("lock", &path, &e))?;
        lock.ok_or_else(|| {
            let text =
                format!("{} is in use by another backup or restoration; wait for it", self.dir.display());
            Error::new(ErrorKind::Locked, text)
        })
    }

    pub(super) fn sync(&self, dir: &Path) -> Result<()> {
        uninterrupted(|| self.disk().sync_dir(dir)).map_err(|e| Error::io("sync the directory", dir, &e))
    }
}

/// What is told of a backup.
pub(super) fn info(record: &BackupRecord) -> BackupInfo {
    BackupInfo {
        number: record.number,
        sequence: record.catalog.last_sequence,
        oldest: record.catalog.floor,
        taken: Timestamp(record.taken_ns),
        files: record.catalog.segments.len() as u64,
        bytes: record.catalog.segments.iter().map(length_of).sum(),
    }
}

/// Looks at `dir`; what is neither a repository nor empty is an error that says what it is.
fn find(disk: &dyn Disk, dir: &Path) -> Result<Found> {
    let refused = |what: &str| {
        let text = format!("{} is no directory of backups: {what}", dir.display());
        Err(Error::new(ErrorKind::NotAStore, text))
    };
    match disk.kind(dir).map_err(|e| Error::io("look at", dir, &e))? {
        None => return Ok(Found::Nothing),
        Some(PathKind::Directory) => {}
        Some(PathKind::File | PathKind::Other) => return refused("it is a file"),
    }
    let path = dir.join(names::REPOSITORY);
    let Some(bytes) = read_file(disk, &path, REPOSITORY_LENGTH as u64)? else {
        if let Ok(Directory::Store(_)) = inspect(disk, dir) {
            return refused("it is a store");
        }
        let listed = disk.list(dir).map_err(|e| Error::io("list", dir, &e))?;
        // What a creation that was cut off can have left.
        let is_ours = |name: &io::Result<String>| {
            name.as_ref().is_ok_and(|name| [names::BACKED_UP, names::REPOSITORY_NEW].contains(&name.as_str()))
        };
        let names =
            listed.into_iter().map(|name| name.into_string().map_err(|_| io::ErrorKind::InvalidData.into()));
        return match names.into_iter().find(|name| !is_ours(name)) {
            None => Ok(Found::Empty),
            Some(_) => refused("it holds other things"),
        };
    };
    match decode_repository(&bytes) {
        Ok(store_id) => Ok(Found::Repository(store_id)),
        Err(BackupFault::Foreign) => refused("its `repository` file was written by another program"),
        Err(BackupFault::Version(version)) => Err(newer(&path, version)),
        Err(BackupFault::Damaged) => {
            Err(Error::damaged(&path, 0, "the mark of the repository fails its checksum"))
        }
    }
}

/// Makes a repository in `dir`, which is empty but for what an earlier try left. Its mark comes last.
fn create(disk: &dyn Disk, dir: &Path, store_id: [u8; 16]) -> Result<()> {
    let segments = dir.join(names::BACKED_UP);
    match disk.create_dir(&segments) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(Error::io("create", &segments, &e)),
        _ => {}
    }
    let sync = |dir: &Path| {
        uninterrupted(|| disk.sync_dir(dir)).map_err(|e| Error::io("sync the directory", dir, &e))
    };
    sync(dir)?;
    let temporary = dir.join(names::REPOSITORY_NEW);
    write_file(disk, &temporary, &encode_repository(store_id), true)?;
    let path = dir.join(names::REPOSITORY);
    disk.rename(&temporary, &path).map_err(|e| Error::io("write", &path, &e))?;
    sync(dir)?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
        _ => sync(Path::new(".")),
    }
}

fn newer(path: &Path, version: u32) -> Error {
    let text = format!(
        "{} has format version {version} and this program reads version {}; use a newer Pentad",
        path.display(),
        crate::format::VERSION
    );
    Error::new(ErrorKind::NotAStore, text)
}
