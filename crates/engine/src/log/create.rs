//! Making a store: invisible until it is whole.
//!
//! Order: every file is synced before the directory, and the identity, which makes a directory a store, comes last.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::catalog_file::{self, write_file};
use super::directory::{Directory, inspect_for};
use super::reserve::half;
use super::writer::PAGE_BYTES;
use crate::error::{Error, ErrorKind, Result};
use crate::format::catalog::{Catalog, SegmentRecord};
use crate::format::checksum::Nonce;
use crate::format::identity::{Features, FormatVersion, Identity, LogKind, MAGIC};
use crate::format::segment_header::{self, SegmentHeader, SegmentKind};
use crate::format::{align_up, names};
use crate::numbers::{FrameNumber, LogOffset, SegmentId, Sequence, Timestamp};
use crate::options::Alignment;
use crate::planted::{Bug, planted};
use crate::seams::{Access, Disk, Environment, File, LockMode, Map, uninterrupted};

/// What is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) kind: LogKind,
    pub(crate) alignment: Alignment,
}

/// Who the store at `path` is; it is made when there is none and it may be.
pub(crate) fn find_or_create(
    environment: &Environment,
    path: &Path,
    plan: Plan,
    may_create: bool,
) -> Result<Box<Identity>> {
    let disk = &*environment.disk;
    let name = plan.kind.name();
    match inspect_for(disk, path, plan.kind)? {
        Directory::Store(identity) => return Ok(identity),
        _ if !may_create => {
            let text = format!("there is no {name} at {}", path.display());
            return Err(Error::new(ErrorKind::StoreNotFound, text));
        }
        Directory::Missing => create_beside(environment, path, plan)?,
        Directory::Empty => create_inside(environment, path, plan)?,
    }
    match inspect_for(disk, path, plan.kind)? {
        Directory::Store(identity) => Ok(identity),
        _ => {
            let text = format!("{} was removed while it was made", path.display());
            Err(Error::new(ErrorKind::NotAStore, text))
        }
    }
}

/// Makes a store at `path`, where nothing is.
fn create_beside(environment: &Environment, path: &Path, plan: Plan) -> Result<()> {
    let disk = &*environment.disk;
    let name = path.file_name().ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidInput,
            format!("{} has no name for a store to be made under", path.display()),
        )
    })?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    if disk.kind(&parent).map_err(|e| Error::io("look at", &parent, &e))?.is_none() {
        return Err(Error::new(
            ErrorKind::StoreNotFound,
            format!("cannot make {}: the directory {} does not exist", path.display(), parent.display()),
        ));
    }
    let mut suffix = [0; 8];
    environment.random.fill(&mut suffix).map_err(|e| Error::io("draw a name for", path, &e))?;
    let sibling = parent.join(format!("{}{:016x}", names::CREATING_SIBLING, u64::from_le_bytes(suffix)));
    disk.create_dir(&sibling).map_err(|e| Error::io("create", &sibling, &e))?;
    let made = fill(environment, &sibling, plan).and_then(|()| {
        let target = parent.join(name);
        disk.rename(&sibling, &target).map_err(|e| Error::io("move the new store to", &target, &e))
    });
    if let Err(error) = made {
        // Whoever came first has the name; what was made for nothing goes again, as far as the disk lets it.
        remove_known(disk, &sibling);
        return match inspect_for(disk, path, plan.kind) {
            Ok(Directory::Store(_)) => Ok(()),
            _ => Err(error),
        };
    }
    if !planted(Bug::NoDirectorySync)
        && let Err(e) = uninterrupted(|| disk.sync_dir(&parent))
    {
        // A sync that succeeds after one that failed proves nothing, so the store must not be found under its name: a
        // later open would take it for made, and a power cut could take it away.
        let target = parent.join(name);
        if disk.rename(&target, &sibling).is_ok() {
            remove_known(disk, &sibling);
        }
        return Err(Error::io("sync the directory", &parent, &e));
    }
    Ok(())
}

/// Removes a directory that a store was being made in, as far as the disk lets it.
pub(crate) fn remove_known(disk: &dyn Disk, dir: &Path) {
    let Ok(listed) = disk.list(dir) else { return };
    for name in listed {
        if names::is_known(&name.to_string_lossy()) && disk.remove_file(&dir.join(&name)).is_err() {
            return;
        }
    }
    // Best effort: what stays is a directory with a telling name, and the error that led here is reported.
    drop(disk.remove_dir(dir));
}

/// Makes a store in `path`, an empty directory or one in which that was interrupted before. Whoever does the same at the
/// same time is kept out by the lock, and a store that he has made meanwhile is left as it is.
fn create_inside(environment: &Environment, path: &Path, plan: Plan) -> Result<()> {
    let disk = &*environment.disk;
    let note = path.join(names::CREATING);
    write_note(disk, &note)?;
    sync_dir(disk, path)?;
    let lock_path = path.join(names::LOCK);
    make_lock(disk, &lock_path)?;
    let lock = disk.lock(&lock_path, LockMode::Exclusive).map_err(|e| Error::io("lock", &lock_path, &e))?;
    let Some(_lock) = lock else {
        let text = format!("a store is being made or used in {} by someone else", path.display());
        return Err(Error::new(ErrorKind::Locked, text));
    };
    // What was seen before the lock was taken may be long over.
    if let Directory::Empty = inspect_for(disk, path, plan.kind)? {
        fill(environment, path, plan)?;
    }
    disk.remove_file(&note).map_err(|e| Error::io("remove", &note, &e))?;
    sync_dir(disk, path)
}

/// Makes the name of a store's directory durable: whoever made it may not have come to that.
pub(crate) fn sync_name(disk: &dyn Disk, path: &Path) -> Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    if planted(Bug::NoDirectorySync) {
        return Ok(());
    }
    match uninterrupted(|| disk.sync_dir(parent)) {
        // Not ours to open, and so not ours to have made.
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced.map_err(|e| Error::io("sync the directory", parent, &e)),
    }
}

/// Writes the note that a store is being made. One that is there already is never taken away: the other files count as a
/// store's only beside it.
fn write_note(disk: &dyn Disk, path: &Path) -> Result<()> {
    let write = || {
        let file = match disk.open(path, Access::CreateNew) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => disk.open(path, Access::Write)?,
            opened => opened?,
        };
        file.write_all_at(&MAGIC, 0)?;
        file.sync_whole()
    };
    write().map_err(|e| Error::io("write", path, &e))
}

/// Makes the lock's file. One that is there stays, because someone may hold the lock on it.
pub(crate) fn make_lock(disk: &dyn Disk, path: &Path) -> Result<()> {
    match disk.open(path, Access::CreateNew).and_then(|file| file.sync_whole()) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(Error::io("create", path, &e)),
        _ => Ok(()),
    }
}

/// Writes all files of an empty store, the identity last.
fn fill(environment: &Environment, dir: &Path, plan: Plan) -> Result<()> {
    let disk = &*environment.disk;
    let mut random = [[0; 16]; 3];
    for bytes in &mut random {
        environment.random.fill(bytes).map_err(|e| Error::io("draw an identity for", dir, &e))?;
    }
    let [store_id, incarnation, secret] = random;
    let identity = Identity {
        alignment: plan.alignment,
        store_id,
        incarnation,
        cluster_id: [0; 16],
        created_ns: environment.clock.wall_ns(),
        secret,
        version: FormatVersion::of(plan.kind),
        features: Features::of(plan.kind),
    };
    for name in disk.list(dir).map_err(|e| Error::io("list", dir, &e))? {
        let name = name.to_string_lossy();
        if ![names::CREATING, names::LOCK].contains(&&*name) && names::is_known(&name) {
            let path = dir.join(&*name);
            disk.remove_file(&path).map_err(|e| Error::io("remove", &path, &e))?;
        }
    }
    make_lock(disk, &dir.join(names::LOCK))?;
    let catalog = Catalog {
        generation: 1,
        identity: identity.encode(),
        epoch: 0,
        closed: true,
        last_frame: FrameNumber(0),
        last_sequence: Sequence(0),
        time: Timestamp(0),
        mark: FrameNumber(0),
        active_end: 0,
        // The first of what is numbered: of commits, or of records.
        floor: Sequence(u64::from(plan.kind == LogKind::Commits)),
        next_segment: SegmentId(1),
        history: Sequence(1),
        segments: Vec::new(),
    };
    catalog_file::replace(disk, dir, &catalog).map_err(super::failure::Failure::into_error)?;
    let temporary = dir.join(names::IDENTITY_NEW);
    write_file(disk, &temporary, &identity.encode(), !planted(Bug::NoSyncBeforeRename))?;
    let path = dir.join(names::IDENTITY);
    disk.rename(&temporary, &path).map_err(|e| Error::io("write", &path, &e))?;
    sync_dir(disk, dir)
}

fn sync_dir(disk: &dyn Disk, dir: &Path) -> Result<()> {
    if planted(Bug::NoDirectorySync) {
        return Ok(());
    }
    uninterrupted(|| disk.sync_dir(dir)).map_err(|e| Error::io("sync the directory", dir, &e))
}

/// A new segment file: header written, blocks reserved, durable but for the catalog's knowledge of it.
#[derive(Debug)]
pub(crate) struct NewSegment {
    pub(crate) record: SegmentRecord,
    pub(crate) file: Box<dyn File>,
    pub(crate) map: Map,
}

/// What a new segment is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentPlan {
    pub(crate) kind: SegmentKind,
    pub(crate) id: SegmentId,
    pub(crate) base: LogOffset,
    pub(crate) first_frame: FrameNumber,
    /// Whole length of the file, reserved at once; less on a disk that has too little room.
    pub(crate) length: u64,
    /// The length below which it is of no use.
    pub(crate) least: u64,
}

/// The lengths of a new segment with room for `bytes` behind the header: `wanted` if that is enough and can be had,
/// and the least.
pub(crate) fn segment_lengths(bytes: u64, wanted: u64) -> (u64, u64) {
    let least = align_up(segment_header::LENGTH + bytes, PAGE_BYTES);
    (align_up(wanted, PAGE_BYTES).max(least), least)
}

/// Makes the file of a log or compacted segment, of half the length and so on while the disk has too little room. When it
/// fails nothing is left behind.
pub(crate) fn create_segment(
    environment: &Environment,
    dir: &Path,
    store_id: [u8; 16],
    plan: &SegmentPlan,
) -> Result<NewSegment> {
    let mut plan = *plan;
    loop {
        match create_whole_segment(environment, dir, store_id, &plan) {
            Err(error) if error.kind() == ErrorKind::DiskFull && plan.length > plan.least => {
                plan.length = half(plan.length).max(plan.least);
            }
            result => return result,
        }
    }
}

fn create_whole_segment(
    environment: &Environment,
    dir: &Path,
    store_id: [u8; 16],
    plan: &SegmentPlan,
) -> Result<NewSegment> {
    let disk = &environment.disk;
    let path = dir.join(names::segment(plan.id, plan.kind));
    let nonce = new_nonce(environment, &path)?;
    let header = SegmentHeader {
        kind: plan.kind,
        id: plan.id,
        nonce,
        store_id,
        base: plan.base,
        first_frame: plan.first_frame,
    };
    let make = || {
        let file = disk.open(&path, Access::CreateNew)?;
        file.allocate(plan.length)?;
        file.write_all_at(&header.encode(), 0)?;
        file.sync_whole()?;
        if !planted(Bug::NoDirectorySync) {
            uninterrupted(|| disk.sync_dir(dir))?;
        }
        let map = file.map(plan.length)?;
        Ok((file, map))
    };
    match make() {
        Ok((file, map)) => {
            let record = SegmentRecord {
                id: plan.id,
                kind: plan.kind,
                nonce,
                base: plan.base,
                first_frame: plan.first_frame,
                sealed: None,
                payload_checksum: 0,
                payload_length: 0,
            };
            Ok(NewSegment { record, file, map })
        }
        Err(e) => {
            discard(disk, &path);
            Err(Error::io("create", &path, &e))
        }
    }
}

/// A random nonce for the segment at `path`.
pub(crate) fn new_nonce(environment: &Environment, path: &Path) -> Result<Nonce> {
    let mut nonce = [0; 16];
    environment.random.fill(&mut nonce).map_err(|e| Error::io("draw a nonce for", path, &e))?;
    Ok(nonce)
}

/// Removes a file that the catalog does not name. If it cannot be removed now, the next open does it.
pub(crate) fn discard(disk: &Arc<dyn Disk>, path: &Path) {
    drop(disk.remove_file(path));
}
