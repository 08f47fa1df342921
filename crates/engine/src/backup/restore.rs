//! Restoring: a store made of a backup.
//!
//! Invariants: the store gets its name when every byte of it was read back from its own files, held against its checksum, and is
//! durable; before that nothing is at its path. The repository is only read, and no name in it is believed: those of
//! files follow from numbers.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::report::RestoreReport;
use super::repository::{Backups, info};
use super::transfer::Transfer;
use crate::error::{Error, ErrorKind, Result};
use crate::format::backup::{BackupRecord, length_of};
use crate::format::identity::{Identity, IdentityFault, LogKind};
use crate::format::names;
use crate::log::catalog_file::{self, write_file};
use crate::log::create::{make_lock, remove_known};
use crate::log::failure::Failure;
use crate::seams::{LockMode, uninterrupted};
use crate::store::{Answer, Damage, Progress, VerifyReport, verify};

impl Backups {
    /// Makes a store at `to`, where nothing may be yet, of the backup with this `number`, or of the newest.
    ///
    /// Its sequences and its batch log go on from those of the backup; it has the store id of the original and an
    /// incarnation of its own. Every byte is verified before the store gets its name, and durable when this returns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] when the backup is not what was written: an earlier one may be; what is left of this one can be
    /// had by [`Backups::restore_damaged`]. [`ErrorKind::InvalidInput`] when something is at `to`;
    /// [`ErrorKind::StoreNotFound`] when there is no such backup; [`ErrorKind::Locked`] while a backup is being taken;
    /// [`ErrorKind::Cancelled`] when `progress` answered [`ControlFlow::Break`]; whatever keeps a file from being read or
    /// written. Nothing is at `to` then, unless it was the last sync that failed, that of the directory which `to` is in.
    pub fn restore<A: Answer>(
        &self,
        number: Option<u64>,
        to: impl AsRef<Path>,
        progress: &mut dyn FnMut(Progress) -> A,
    ) -> Result<RestoreReport> {
        let mut flow = |done| progress(done).flow();
        Restoration { backups: self, accepts_damage: false }.run(number, to.as_ref(), &mut flow)
    }

    /// The same, also of a backup that is damaged: what does not verify is in the report. Such a store can refuse to open;
    /// [`repair`](crate::repair) copies what is good of it.
    ///
    /// # Errors
    ///
    /// As [`Backups::restore`], but for damage. A segment that is missing or too short is still an error.
    pub fn restore_damaged<A: Answer>(
        &self,
        number: Option<u64>,
        to: impl AsRef<Path>,
        progress: &mut dyn FnMut(Progress) -> A,
    ) -> Result<RestoreReport> {
        let mut flow = |done| progress(done).flow();
        Restoration { backups: self, accepts_damage: true }.run(number, to.as_ref(), &mut flow)
    }
}

type OnProgress<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

struct Restoration<'a> {
    backups: &'a Backups,
    accepts_damage: bool,
}

impl Restoration<'_> {
    fn run(&self, number: Option<u64>, to: &Path, progress: &mut OnProgress<'_>) -> Result<RestoreReport> {
        let _lock = self.backups.lock(LockMode::Shared)?;
        let number = match number {
            Some(number) => number,
            None => self.newest()?,
        };
        let record = self.backups.record(number)?;
        let disk = self.backups.disk();
        let parent = self.free_parent(to)?;
        let mut suffix = [0; 8];
        let random = &self.backups.options.environment.random;
        random.fill(&mut suffix).map_err(|e| Error::io("draw a name for", to, &e))?;
        let name = format!("{}{:016x}", names::RESTORING_SIBLING, u64::from_le_bytes(suffix));
        let sibling = parent.join(name);
        let made = self.fill(&record, &sibling, progress).and_then(|verified| {
            if !self.accepts_damage && !verified.damage.is_empty() {
                return Err(self.damaged(&record, &verified.damage));
            }
            disk.rename(&sibling, to).map_err(|e| Error::io("move the new store to", to, &e))?;
            uninterrupted(|| disk.sync_dir(&parent))
                .map_err(|e| Error::io("sync the directory", &parent, &e))?;
            Ok(verified)
        });
        if made.is_err() {
            remove_known(disk, &sibling);
        }
        let VerifyReport { entries, damage, .. } = made?;
        let moved = |damage: Damage| {
            let file = damage.file.file_name().map_or_else(|| damage.file.clone(), |name| to.join(name));
            Damage { file, ..damage }
        };
        Ok(RestoreReport { backup: info(&record), entries, damage: damage.into_iter().map(moved).collect() })
    }

    fn newest(&self) -> Result<u64> {
        self.backups.numbers()?.last().copied().ok_or_else(|| {
            let text = format!("there is no backup in {} yet", self.backups.dir.display());
            Error::new(ErrorKind::StoreNotFound, text)
        })
    }

    /// The directory that `to` is to be made in, after checking that it can be.
    fn free_parent(&self, to: &Path) -> Result<PathBuf> {
        let disk = self.backups.disk();
        let refused = |why: &str| {
            let text = format!("cannot restore to {}: {why}", to.display());
            Err(Error::new(ErrorKind::InvalidInput, text))
        };
        if disk.kind(to).map_err(|e| Error::io("look at", to, &e))?.is_some() {
            return refused("something is there already; name a new directory");
        }
        if to.file_name().is_none() {
            return refused("the path ends in no name");
        }
        let parent = match to.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if disk.kind(parent).map_err(|e| Error::io("look at", parent, &e))?.is_none() {
            return refused("the directory that it is to be in does not exist");
        }
        let parent = disk.canonicalize(parent).map_err(|e| Error::io("resolve", parent, &e))?;
        if parent.starts_with(&self.backups.dir) {
            return refused("it is among the backups, which are not written to");
        }
        Ok(parent)
    }

    /// Makes the store in `dir`, the identity last, and reads all of it.
    fn fill(&self, record: &BackupRecord, dir: &Path, progress: &mut OnProgress<'_>) -> Result<VerifyReport> {
        let disk = self.backups.disk();
        disk.create_dir(dir).map_err(|e| Error::io("create", dir, &e))?;
        make_lock(disk, &dir.join(names::LOCK))?;
        // Everything is written once and read once.
        let total_bytes = record.bytes().saturating_mul(2);
        let mut transfer = Transfer {
            disk,
            progress: &mut *progress,
            done_bytes: 0,
            total_bytes,
            doing: format!("the restoration of backup {}", record.number),
        };
        for segment in &record.catalog.segments {
            let to = dir.join(names::segment(segment.id, segment.kind));
            transfer.copy(&self.backups.segment(segment), &to, length_of(segment))?;
        }
        let identity = self.identity(record)?;
        let mut catalog = record.catalog.clone();
        catalog.identity = identity.encode();
        catalog_file::replace(disk, dir, &catalog).map_err(Failure::into_error)?;
        write_file(disk, &dir.join(names::IDENTITY), &identity.encode(), true)?;
        uninterrupted(|| disk.sync_dir(dir)).map_err(|e| Error::io("sync the directory", dir, &e))?;
        let mut verifying = |done: Progress| {
            progress(Progress {
                done_bytes: (total_bytes / 2 + done.done_bytes).min(total_bytes),
                total_bytes,
            })
        };
        verify(dir, &self.backups.options, &mut verifying)
    }

    /// Who the new store is: the one of the backup, in another life.
    fn identity(&self, record: &BackupRecord) -> Result<Identity> {
        let path = self.backups.dir.join(names::backup(record.number));
        let identity = Identity::decode(&record.catalog.identity).map_err(|fault| match fault {
            IdentityFault::Version(_) | IdentityFault::Features(_) => {
                let text = format!(
                    "{} is the backup of a store of a newer version; use a newer Pentad",
                    path.display()
                );
                Error::new(ErrorKind::NotAStore, text)
            }
            IdentityFault::Foreign | IdentityFault::Damaged => {
                Error::damaged(&path, 0, "the identity of the store is not what was written")
            }
        })?;
        if identity.log_kind() != LogKind::Commits {
            return Err(Error::damaged(&path, 0, "it is not the record of a backup of a store"));
        }
        if identity.store_id != self.backups.store_id {
            return Err(Error::damaged(&path, 0, "it is the record of a backup of another store"));
        }
        let mut incarnation = [0; 16];
        let random = &self.backups.options.environment.random;
        random.fill(&mut incarnation).map_err(|e| Error::io("draw an incarnation for", &path, &e))?;
        Ok(Identity { incarnation, ..identity })
    }

    fn damaged(&self, record: &BackupRecord, damage: &[Damage]) -> Error {
        let first =
            damage.first().map(|damage| format!(", first at offset {}: {}", damage.offset, damage.what));
        let file = damage.first().and_then(|damage| damage.file.file_name()).unwrap_or_default();
        let text = format!(
            "backup {} in {} is damaged in {} place(s), in {}{}; an earlier backup may be whole",
            record.number,
            self.backups.dir.display(),
            damage.len(),
            file.display(),
            first.unwrap_or_default()
        );
        Error::new(ErrorKind::Damaged, text)
    }
}
