//! A disk that does not forget a failed sync of a directory.
//!
//! Invariant: after a sync of a directory has failed, no later one of the same directory succeeds while the store is open, and
//! the store is poisoned. The operating system may have given up the names that the failed one was to make durable and report
//! success from then on, so a success would prove nothing for names that were created before. Whoever needed the sync
//! gets its error; that nothing is written afterwards is seen to here, so that no caller can forget it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use rustix::io::Errno;

use super::{Access, Disk, File, Lock, LockMode, PathKind};
use crate::error::Error;
use crate::seams::lock::{Mutex, OnceLock};

/// Another disk, with a memory for failed syncs of directories.
#[derive(Debug)]
pub(crate) struct RememberingDisk {
    disk: Arc<dyn Disk>,
    /// The kind of each failure, and what the operating system called it.
    failed: Mutex<BTreeMap<PathBuf, (io::ErrorKind, String)>>,
    /// Why the store takes no more writes.
    poisoned: Arc<OnceLock<Error>>,
}

impl RememberingDisk {
    /// `poisoned` is set by the first failure, unless it is set already.
    pub(crate) fn new(disk: Arc<dyn Disk>, poisoned: Arc<OnceLock<Error>>) -> Self {
        Self { disk, failed: Mutex::default(), poisoned }
    }
}

/// Whether a sync got as far as giving something up. One that was interrupted did not, nor one for which no descriptor was
/// left to open the directory with.
fn was_tried(error: &io::Error) -> bool {
    let never_begun = [Errno::INTR, Errno::MFILE, Errno::NFILE];
    error.kind() != io::ErrorKind::Interrupted
        && Errno::from_io_error(error).is_none_or(|e| !never_begun.contains(&e))
}

impl Disk for RememberingDisk {
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((kind, cause)) = failed.get(dir) {
            let text = format!("an earlier sync of this directory failed ({cause}); open the store again");
            return Err(io::Error::new(*kind, text));
        }
        let result = self.disk.sync_dir(dir);
        if let Err(error) = &result
            && was_tried(error)
        {
            failed.insert(dir.to_path_buf(), (error.kind(), error.to_string()));
            self.poisoned.get_or_init(|| Error::io("sync the directory", dir, error));
        }
        result
    }

    fn kind(&self, path: &Path) -> io::Result<Option<PathKind>> {
        self.disk.kind(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        self.disk.list(dir)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.disk.canonicalize(path)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir(dir)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn File>> {
        self.disk.open(path, access)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.link(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_file(path)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.remove_dir(dir)
    }

    fn lock(&self, path: &Path, mode: LockMode) -> io::Result<Option<Box<dyn Lock>>> {
        self.disk.lock(path, mode)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;
    use std::sync::Arc;

    use rustix::io::Errno;

    use super::{RememberingDisk, was_tried};
    use crate::seams::Disk;
    use crate::seams::lock::OnceLock;
    use crate::seams::sim::{Fault, Op, SimDisk};

    #[test]
    fn f07_a_failed_sync_of_a_directory_stays_failed() {
        let sim = SimDisk::new(1);
        sim.create_dir(Path::new("/store")).unwrap();
        sim.create_dir(Path::new("/other")).unwrap();
        let poisoned = Arc::new(OnceLock::new());
        let disk = RememberingDisk::new(Arc::new(sim.clone()), Arc::clone(&poisoned));
        disk.sync_dir(Path::new("/store")).unwrap();
        assert!(poisoned.get().is_none());
        sim.inject(Fault::error(Op::SyncDir, 1, io::ErrorKind::Other));
        assert!(disk.sync_dir(Path::new("/store")).is_err());
        assert!(poisoned.get().is_some_and(|error| error.to_string().contains("/store")), "{poisoned:?}");
        let again = disk.sync_dir(Path::new("/store")).unwrap_err();
        assert!(again.to_string().contains("an earlier sync"), "{again}");
        disk.sync_dir(Path::new("/other")).unwrap();
        sim.sync_dir(Path::new("/store")).expect("the disk below has forgotten: that is the point");
    }

    /// The message of the later failure used to name only the kind of the first, which for an error of the device is
    /// `uncategorized`.
    #[test]
    fn f07_a_later_refusal_says_what_the_first_failure_was() {
        let sim = SimDisk::new(1);
        sim.create_dir(Path::new("/store")).unwrap();
        let disk = RememberingDisk::new(Arc::new(sim.clone()), Arc::new(OnceLock::new()));
        sim.inject(Fault::error(Op::SyncDir, 1, io::ErrorKind::StorageFull));
        let first = disk.sync_dir(Path::new("/store")).unwrap_err().to_string();
        let again = disk.sync_dir(Path::new("/store")).unwrap_err().to_string();
        assert!(again.contains(&first), "{again}, after {first}");
    }

    /// A process that had no descriptor left for one moment could not write to its store any more.
    #[test]
    fn f25_a_sync_that_could_not_begin_for_want_of_descriptors_has_not_failed() {
        for begun in [Errno::IO, Errno::NOSPC] {
            assert!(was_tried(&begun.into()), "{begun}");
        }
        for never_begun in [Errno::MFILE, Errno::NFILE, Errno::INTR] {
            assert!(!was_tried(&never_begun.into()), "{never_begun}");
        }
    }
}
