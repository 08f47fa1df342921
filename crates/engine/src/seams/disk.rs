//! The disk as the engine sees it: the few operations that it uses, and what each promises.
//!
//! The promises are the ones of a POSIX file system as `docs/format.md` assumes them, no more: a write is durable
//! only after [`File::sync`], a name only after [`Disk::sync_dir`], and what was not synced may reach the medium in
//! any order, in part, or not at all.

use std::ffi::OsString;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};

use super::{Map, PrivateMap};

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A device, socket, FIFO or anything else that the store never makes.
    Other,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Existing file, reading only.
    Read,
    /// Existing file, reading and writing.
    Write,
    /// A new file for reading and writing, mode 0600; `AlreadyExists` when the name is taken.
    CreateNew,
}

/// Whether a lock admits other holders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// Any number of holders, none of them exclusive.
    Shared,
    /// The only holder.
    Exclusive,
}

/// A held lock; dropping it, or the death of the process, releases it.
pub trait Lock: Debug + Send + Sync {}

/// A file system.
pub trait Disk: Debug + Send + Sync + 'static {
    /// What stands at `path` (links followed), or `None` when nothing does.
    fn kind(&self, path: &Path) -> io::Result<Option<PathKind>>;
    /// The names in a directory, in no particular order.
    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>>;
    /// The absolute path with links resolved; the path must exist.
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf>;
    /// Creates one directory, mode 0700; `AlreadyExists` when the name is taken.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Opens a file.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn File>>;
    /// Renames atomically; a file at `to` is replaced, a directory only when it is empty. Durable after both
    /// directories are synced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name, in a directory of the same file system. `Unsupported` where there are no such names, as
    /// this default says; then nothing has happened.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let text = format!("{} cannot be linked to {}", from.display(), to.display());
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }
    /// Removes a name; maps and open files of it stay usable.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes a lock on an existing file without waiting; `None` when another holder, in this process or another,
    /// excludes it.
    fn lock(&self, path: &Path, mode: LockMode) -> io::Result<Option<Box<dyn Lock>>>;
}

/// An open file. All methods may be called from several threads.
pub trait File: Debug + Send + Sync {
    /// Reads into `buffer` from `offset`; returns how many bytes, 0 at the end. May be short or interrupted.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes from `buffer` at `offset`; returns how many bytes. May be short or interrupted.
    fn write_at(&self, buffer: &[u8], offset: u64) -> io::Result<usize>;
    /// Sets the length to `length` (never less than now) with blocks reserved for it where the file system can.
    fn allocate(&self, length: u64) -> io::Result<()>;
    /// Sets the length; bytes past it are gone, new ones are zero.
    fn set_length(&self, length: u64) -> io::Result<()>;
    /// The length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Makes content and length durable (`fdatasync`).
    fn sync(&self) -> io::Result<()>;
    /// Maps the first `length` bytes for reading. Writes through [`File::write_at`] show in the map.
    fn map(&self, length: u64) -> io::Result<Map>;
    /// Maps the first `length` bytes of a file that nobody writes any more; what is changed in the map stays in this
    /// process. Where there are no such maps, the bytes are read into memory.
    fn map_private(&self, length: u64) -> io::Result<PrivateMap> {
        PrivateMap::read(length, |buffer, offset| uninterrupted(|| self.read_at(buffer, offset)))
    }
}

/// A call that is interrupted so often in a row is broken, not unlucky.
const INTERRUPTIONS_MAX: u32 = 64;

/// Repeats a call that a signal interrupted.
pub(crate) fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..INTERRUPTIONS_MAX {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
    call()
}

impl dyn File + '_ {
    /// [`File::sync`] through interruptions. An interrupted sync has not failed: nothing was given up, so unlike a
    /// failed one it may be repeated.
    pub fn sync_whole(&self) -> io::Result<()> {
        uninterrupted(|| self.sync())
    }

    /// Writes all of `buffer` at `offset`, through short writes and interruptions.
    pub fn write_all_at(&self, mut buffer: &[u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match uninterrupted(|| self.write_at(buffer, offset)) {
                Ok(0) => return Err(io::Error::new(io::ErrorKind::WriteZero, "the file took no more bytes")),
                Ok(n) => {
                    buffer = &buffer[n..];
                    offset += n as u64;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Fills `buffer` from `offset` as far as the file goes, through short reads and interruptions; returns how
    /// many bytes were read.
    pub fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match uninterrupted(|| self.read_at(&mut buffer[done..], offset + done as u64)) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(e) => return Err(e),
            }
        }
        Ok(done)
    }
}
