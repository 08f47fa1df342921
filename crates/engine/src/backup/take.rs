//! Taking a backup of an open store.
//!
//! Order: the moment, the files, the directory of the files, the record, the directory of the records. Commits go on
//! all the while; compaction, which removes files, waits.

use std::path::Path;
use std::sync::PoisonError;

use super::moment::Moment;
use super::report::BackupReport;
use super::repository::{Backups, info};
use super::transfer::{Transfer, Way};
use crate::error::{Error, ErrorKind, Result};
use crate::format::backup::{BackupRecord, length_of};
use crate::format::{NUMBERS_END, names};
use crate::log::catalog_file::write_file;
use crate::planted::{Bug, planted};
use crate::seams::LockMode;
use crate::store::core::Core;
use crate::store::{Answer, Progress, Store};

impl Store {
    /// Takes a backup into the directory `to`, which is made when it is missing and may hold earlier backups of the same
    /// store: then only what is new since is brought. The backup holds every commit that was visible when this was
    /// called, and none in part; it is durable when this returns. Writes go on meanwhile; compaction waits.
    ///
    /// On the file system of the store its sealed files are not copied but get a second name. Such a backup outlives what
    /// befalls the store's directory, not what befalls the disk.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when `to` is inside the store or holds the backups of another one,
    /// [`ErrorKind::NotAStore`] when it holds something else, [`ErrorKind::Locked`] while someone else uses it,
    /// [`ErrorKind::Damaged`] for a store that was opened as far as it can be read, [`ErrorKind::Cancelled`] when `progress`
    /// answered [`ControlFlow::Break`](std::ops::ControlFlow::Break); whatever keeps a file from being read or written.
    /// No backup was made then, and earlier ones are as they were.
    pub fn backup<A: Answer>(
        &self,
        to: impl AsRef<Path>,
        progress: &mut dyn FnMut(Progress) -> A,
    ) -> Result<BackupReport> {
        self.backup_noting(to, || (), progress)
    }

    /// [`Store::backup`], calling `note` in the moment that the backup is of: between two commits, so that what it reads of the
    /// system entries is what the backup holds. Commits wait until it returns, so it must be short and must not
    /// write to the store. It is not called when the backup fails before that moment.
    ///
    /// # Errors
    ///
    /// As [`Store::backup`].
    pub fn backup_noting<A: Answer>(
        &self,
        to: impl AsRef<Path>,
        note: impl FnOnce(),
        progress: &mut dyn FnMut(Progress) -> A,
    ) -> Result<BackupReport> {
        let core = self.core();
        core.check_open()?;
        // The disk as it is: that a directory elsewhere cannot be synced does not concern the store.
        let backups = open_outside(core, to.as_ref())?;
        let _lock = backups.lock(LockMode::Exclusive)?;
        let mut flow = |done| progress(done).flow();
        take(core, &backups, note, &mut flow)
    }
}

/// The repository at `to`, which is not in the store.
fn open_outside(core: &Core, to: &Path) -> Result<Backups> {
    let disk = &core.options.environment.disk;
    let mut around = Some(to);
    while let Some(path) = around {
        let here = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        if disk.kind(here).map_err(|e| Error::io("look at", here, &e))?.is_some() {
            if disk.canonicalize(here).map_err(|e| Error::io("resolve", here, &e))?.starts_with(&core.dir) {
                let text = format!("{} is inside the store; backups go elsewhere", to.display());
                return Err(Error::new(ErrorKind::InvalidInput, text));
            }
            break;
        }
        around = path.parent();
    }
    Backups::open_or_create(to, core.identity.store_id, &core.options)
}

fn take(
    core: &Core,
    backups: &Backups,
    note: impl FnOnce(),
    progress: &mut dyn FnMut(Progress) -> std::ops::ControlFlow<()>,
) -> Result<BackupReport> {
    let _compacting = core.compacting.lock().unwrap_or_else(PoisonError::into_inner);
    let number = backups.numbers()?.last().map_or(1, |last| last + 1);
    if number >= NUMBERS_END {
        let text = format!("{} holds a backup with a number that none reaches", backups.dir.display());
        return Err(Error::new(ErrorKind::LimitExceeded, text));
    }
    let Moment { catalog, active } = core.moment(note)?;
    let taken_ns = core.environment.clock.wall_ns();
    let record = BackupRecord { number, taken_ns, catalog };
    let disk = backups.disk();
    let mut transfer = Transfer {
        disk,
        progress,
        done_bytes: 0,
        total_bytes: record.bytes(),
        doing: format!("the backup of {}", core.dir.display()),
    };
    let mut report = BackupReport { backup: info(&record), copied: 0, copied_bytes: 0, linked: 0, reused: 0 };
    for segment in &record.catalog.segments {
        let from = core.dir.join(names::segment(segment.id, segment.kind));
        // What is still written to must not share its blocks.
        let may_link = Some(segment.id) != active;
        match transfer.bring(&from, &backups.segment(segment), length_of(segment), may_link)? {
            Way::Reused => report.reused += 1,
            Way::Linked => report.linked += 1,
            Way::Copied => {
                report.copied += 1;
                report.copied_bytes += length_of(segment);
            }
        }
    }
    if !planted(Bug::BackupRecordFirst) {
        backups.sync(&backups.segments())?;
    }
    write_record(backups, &record)?;
    Ok(report)
}

/// Makes the backup one, after all that it is made of.
fn write_record(backups: &Backups, record: &BackupRecord) -> Result<()> {
    let name = names::backup(record.number);
    let (path, temporary) = (backups.dir.join(&name), backups.dir.join(name + names::UNFINISHED));
    write_file(backups.disk(), &temporary, &record.encode(), true)?;
    backups.disk().rename(&temporary, &path).map_err(|e| Error::io("write", &path, &e))?;
    backups.sync(&backups.dir)
}
