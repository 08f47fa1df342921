//! The catalog on disk: two copies, each replaced as a whole.
//!
//! Invariant: when an update returns, both copies are durable, so a caller may rely on what it announced and remove
//! what it dropped. The memory's catalog is never ahead of the disk's.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use super::failure::Failure;
use crate::error::{Error, Result};
use crate::format::catalog::Catalog;
use crate::format::names;
use crate::planted::{Bug, planted};
use crate::seams::lock::{Mutex, MutexGuard};
use crate::seams::{Access, Disk, uninterrupted};

/// The catalog of an open store.
#[derive(Debug)]
pub(crate) struct CatalogFile {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    current: Mutex<Catalog>,
}

/// What the two copies say.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The valid copy of the highest generation.
    pub(crate) catalog: Option<Catalog>,
    /// The copies that exist and are not whole.
    pub(crate) damaged: Vec<PathBuf>,
    /// The copies that do not exist.
    pub(crate) missing: Vec<PathBuf>,
}

impl Loaded {
    /// Whether both copies are there and whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.damaged.is_empty() && self.missing.is_empty()
    }

    /// The copies that cannot be used, and why.
    pub(crate) fn faults(&self) -> impl Iterator<Item = (PathBuf, &'static str)> {
        const DAMAGED: &str = "this copy of the catalog fails its checksum; the other one is used";
        const MISSING: &str = "this copy of the catalog is missing; the other one is used";
        let damaged = self.damaged.iter().map(|path| (path.clone(), DAMAGED));
        damaged.chain(self.missing.iter().map(|path| (path.clone(), MISSING)))
    }
}

/// Reads both copies.
pub(crate) fn load(disk: &dyn Disk, dir: &Path) -> Result<Loaded> {
    let mut loaded = Loaded { catalog: None, damaged: Vec::new(), missing: Vec::new() };
    for name in names::CATALOGS {
        let path = dir.join(name);
        let Some(head) = read_file(disk, &path, Catalog::HEAD_BYTES)? else {
            loaded.missing.push(path);
            continue;
        };
        let bytes = match Catalog::claimed_length(&head) {
            Some(claimed) => read_file(disk, &path, claimed)?.unwrap_or_default(),
            None => head,
        };
        match Catalog::decode(&bytes) {
            None => loaded.damaged.push(path),
            Some(copy) => {
                let newer = |best: &Catalog| {
                    if planted(Bug::CatalogOldGeneration) {
                        copy.generation < best.generation
                    } else {
                        copy.generation > best.generation
                    }
                };
                if loaded.catalog.as_ref().is_none_or(newer) {
                    loaded.catalog = Some(copy);
                }
            }
        }
    }
    Ok(loaded)
}

/// A whole file, or `None` when it does not exist. Of one that is longer than `most` bytes only one byte more than these is
/// read: it may be anybody's.
pub(crate) fn read_file(disk: &dyn Disk, path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    let read = || {
        let file = match disk.open(path, Access::Read) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let length = file.length()?.min(most.saturating_add(1));
        let length = usize::try_from(length).map_err(std::io::Error::other)?;
        let mut bytes = vec![0; length];
        let read = file.read_full_at(&mut bytes, 0)?;
        bytes.truncate(read);
        Ok(Some(bytes))
    };
    read().map_err(|e| Error::io("read", path, &e))
}

/// Writes a new file and makes its content durable; the name is up to the caller.
pub(crate) fn write_file(disk: &dyn Disk, path: &Path, bytes: &[u8], sync: bool) -> Result<()> {
    let write = || {
        match disk.remove_file(path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let file = disk.open(path, Access::CreateNew)?;
        file.write_all_at(bytes, 0)?;
        if sync { file.sync_whole() } else { Ok(()) }
    };
    write().map_err(|e| Error::io("write", path, &e))
}

impl CatalogFile {
    /// The catalog of the store in `dir`, as it was loaded.
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: PathBuf, catalog: Catalog) -> Self {
        Self { disk, dir, current: Mutex::new(catalog) }
    }

    /// The catalog as it is on the disk.
    pub(crate) fn current(&self) -> MutexGuard<'_, Catalog> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a next generation with `change` applied, to both copies.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Catalog)) -> std::result::Result<(), Failure> {
        let mut current = self.current();
        let mut next = current.clone();
        change(&mut next);
        next.generation += 1;
        replace(&*self.disk, &self.dir, &next)?;
        *current = next;
        Ok(())
    }
}

/// Replaces both copies by `catalog`. It is refused only while neither copy has been touched.
pub(crate) fn replace(disk: &dyn Disk, dir: &Path, catalog: &Catalog) -> std::result::Result<(), Failure> {
    let bytes = catalog.encode();
    debug_assert_eq!(
        Catalog::decode(&bytes).as_ref(),
        Some(catalog),
        "a catalog that would not be read back"
    );
    let sync = !planted(Bug::NoSyncBeforeRename);
    let temporaries = names::CATALOGS_NEW.map(|name| dir.join(name));
    // Both before either is moved: a disk that fills up must not stop this half-way.
    if let Err(error) = temporaries.iter().try_for_each(|temporary| write_file(disk, temporary, &bytes, sync))
    {
        temporaries.iter().for_each(|temporary| drop(disk.remove_file(temporary)));
        return Err(Failure::Refused(error));
    }
    for (temporary, name) in temporaries.iter().zip(names::CATALOGS) {
        let path = dir.join(name);
        disk.rename(temporary, &path).map_err(|e| Failure::Fatal(Error::io("replace", &path, &e)))?;
        if !planted(Bug::NoDirectorySync) {
            uninterrupted(|| disk.sync_dir(dir))
                .map_err(|e| Failure::Fatal(Error::io("sync the directory", dir, &e)))?;
        }
    }
    Ok(())
}
