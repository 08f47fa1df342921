//! What a path holds, before anything there is touched.

use std::io;
use std::path::{Path, PathBuf};

use super::catalog_file::{self, read_file};
use super::policy::{Policy, Skipped};
use crate::error::{Error, ErrorKind, Result};
use crate::format::bytes::is_zero;
use crate::format::identity::{self, FormatVersion, Identity, IdentityFault, LogKind, MAGIC};
use crate::format::names;
use crate::seams::{Disk, Lock, LockMode, PathKind};

/// What a path holds.
#[derive(Debug)]
pub(crate) enum Directory {
    /// Nothing is there.
    Missing,
    /// A directory that is empty, or in which making a store was interrupted.
    Empty,
    /// A store, or a record log, whichever was looked for.
    Store(Box<Identity>),
}

/// Looks at `path`; everything that is not a store of this version is an error that names what it is.
pub(crate) fn inspect(disk: &dyn Disk, path: &Path) -> Result<Directory> {
    inspect_for(disk, path, LogKind::Commits)
}

/// The same, where a store or a record log is looked for: the other one is an error too.
pub(crate) fn inspect_for(disk: &dyn Disk, path: &Path, wanted: LogKind) -> Result<Directory> {
    let name = wanted.name();
    let not_a_store = |what: &str| {
        Err(Error::new(ErrorKind::NotAStore, format!("{} is not a Pentad {name}: {what}", path.display())))
    };
    match disk.kind(path).map_err(|e| Error::io("look at", path, &e))? {
        None => return Ok(Directory::Missing),
        Some(PathKind::Directory) => {}
        Some(PathKind::File) => return not_a_store(&format!("it is a file; a {name} is a directory")),
        Some(PathKind::Other) => return not_a_store("it is neither a file nor a directory"),
    }
    let identity_path = path.join(names::IDENTITY);
    if let Some(bytes) = read_file(disk, &identity_path, identity::LENGTH as u64)? {
        return match Identity::decode(&bytes) {
            Ok(identity) if identity.log_kind() == wanted => Ok(Directory::Store(Box::new(identity))),
            Ok(_) if wanted == LogKind::Commits => {
                not_a_store("it holds the record log of a node of a cluster, which opens it itself")
            }
            Ok(_) => not_a_store("it is a store"),
            Err(IdentityFault::Foreign) => not_a_store("its `identity` file was written by another program"),
            Err(IdentityFault::Version(version)) => not_a_store(&format!(
                "its format version is {version} and this program reads versions up to {}; use a newer Pentad",
                FormatVersion::NEWEST.number()
            )),
            Err(IdentityFault::Features(bits)) => not_a_store(&format!(
                "it uses features that this program does not know (bits {bits:#x}); use a newer Pentad"
            )),
            Err(IdentityFault::Damaged) => {
                Err(Error::damaged(&identity_path, 0, "the identity fails its checksum"))
            }
        };
    }
    let names: Vec<String> = disk
        .list(path)
        .map_err(|e| Error::io("list", path, &e))?
        .into_iter()
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    if names.is_empty() {
        return Ok(Directory::Empty);
    }
    if let Some(foreign) = names.iter().find(|name| !names::is_known(name)) {
        return not_a_store(&format!(
            "the directory holds other things, such as {}",
            crate::escape_key(foreign.as_bytes())
        ));
    }
    match read_file(disk, &path.join(names::CREATING), MAGIC.len() as u64)? {
        Some(bytes) if bytes == MAGIC => Ok(Directory::Empty),
        // The name can outlive a crash without its content; then nothing else was made yet.
        Some(bytes) if names.len() == 1 && bytes.len() <= MAGIC.len() && is_zero(&bytes) => {
            Ok(Directory::Empty)
        }
        Some(_) => not_a_store("its `creating` file was written by another program"),
        None => not_a_store("it has no `identity` file"),
    }
}

/// Looks at `path` as [`inspect`] does; where the identity cannot be read, the copy in a catalog serves.
pub(crate) fn inspect_damaged(disk: &dyn Disk, path: &Path, policy: &mut Policy) -> Result<Directory> {
    let refusal = match inspect(disk, path) {
        Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotAStore) => error,
        known => return known,
    };
    if disk.kind(path).map_err(|e| Error::io("look at", path, &e))? != Some(PathKind::Directory) {
        return Err(refusal);
    }
    let identity_path = path.join(names::IDENTITY);
    let bytes = read_file(disk, &identity_path, identity::LENGTH as u64)?;
    // One that is whole and of a newer version, or asks for features that are not known, is not damaged.
    let is_whole = bytes.as_ref().is_some_and(|bytes| identity::checksum_holds(bytes));
    let Some(catalog) = catalog_file::load(disk, path)?.catalog.filter(|_| !is_whole) else {
        return Err(refusal);
    };
    let identity = Identity::decode(&catalog.identity).ok();
    let Some(identity) = identity.filter(|identity| identity.log_kind() == LogKind::Commits) else {
        return Err(refusal);
    };
    let what = match bytes {
        Some(_) => "the identity cannot be read; the copy in the catalog is used",
        None => "the identity is missing; the copy in the catalog is used",
    };
    policy.made_up_for(Skipped::at(identity_path, 0, what));
    Ok(Directory::Store(Box::new(identity)))
}

/// Takes the lock of a store.
pub(crate) fn take_lock(disk: &dyn Disk, dir: &Path, mode: LockMode) -> Result<Box<dyn Lock>> {
    let path = dir.join(names::LOCK);
    let lock = disk.lock(&path, mode).map_err(|e| match e.kind() {
        // It is made with the store and never removed; some copying programs leave empty files out.
        io::ErrorKind::NotFound => Error::damaged(
            &path,
            0,
            "the file is missing; if no process has the store open, an empty file of that name mends it",
        ),
        _ => Error::io("lock", &path, &e),
    })?;
    lock.ok_or_else(|| {
        let text =
            format!("{} is open in another process or by another handle; close it there", dir.display());
        Error::new(ErrorKind::Locked, text)
    })
}

/// Canonical form of a store's directory, for messages and for telling stores apart.
pub(crate) fn canonical(disk: &dyn Disk, path: &Path) -> Result<PathBuf> {
    disk.canonicalize(path).map_err(|e| Error::io("resolve", path, &e))
}
