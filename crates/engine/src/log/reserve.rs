//! Blocks of disk kept back for work that makes room: without them a full disk could not even be emptied.
//!
//! The file has no content that counts, and may be missing or short. Invariant: only work that was refused for want of
//! room, and that makes room or opens or closes the store, is run without the reserve; what such work leaves of it is
//! held again before anyone else is let in. Which work that is, the callers of [`Reserve::relieve`] decide. Deletes do not
//! get the last quarter: they take room before they make any, and what gives it back must not find all used up. Streams are
//! written without asking here, so one that grows at that very moment can get some of it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use super::failure::Failure;
use super::writer::PAGE_BYTES;
use crate::error::{Error, ErrorKind};
use crate::format::names;
use crate::seams::lock::{Mutex, MutexGuard};
use crate::seams::{Access, Disk, uninterrupted};

/// The longest segment that is made of the reserve.
const SEGMENT_BYTES_MAX: u64 = 256 << 10;
/// How many such segments it has room for; the catalog's temporary copies come out of the same.
const SEGMENTS: u64 = 4;
/// What there is of it is given out in so many parts, so that the first to come does not take all.
const PARTS: u64 = 4;

/// The reserve of an open store.
#[derive(Debug)]
pub(crate) struct Reserve {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    path: PathBuf,
    /// How long an ordinary segment is.
    segment_bytes: u64,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    /// Length of the file.
    bytes: u64,
    /// Whether this process has asked for its blocks: a copied store may have a hole in their place.
    sure: bool,
}

/// What a piece of work may take of the disk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// How long a segment may be, unless what has to go into it needs more.
    pub(crate) segment_bytes: u64,
    /// It comes out of the reserve, and ordinary commits must not use it up.
    pub(crate) reserved: bool,
}

impl Reserve {
    /// The reserve of the store in `dir`, as an earlier process left it.
    pub(crate) fn find(disk: &Arc<dyn Disk>, dir: &Path, segment_bytes: u64) -> Self {
        let path = dir.join(names::RESERVE);
        // One that cannot be opened is none; taking it says no more about the disk than the next write will.
        let bytes = disk.open(&path, Access::Read).and_then(|file| file.length()).unwrap_or(0);
        let held = Mutex::new(Held { bytes, sure: false });
        Self { disk: Arc::clone(disk), dir: dir.to_owned(), path, segment_bytes, held }
    }

    /// How many bytes are held.
    pub(crate) fn bytes(&self) -> u64 {
        self.held().bytes
    }

    /// What ordinary work may take.
    pub(crate) fn ordinary(&self) -> Room {
        Room { segment_bytes: self.segment_bytes, reserved: false }
    }

    /// What work may take of so much reserve.
    fn reserved(&self, bytes: u64) -> Room {
        Room { segment_bytes: self.segment_bytes_max().min((bytes / PARTS).max(PAGE_BYTES)), reserved: true }
    }

    /// The longest segment that is made of this reserve.
    fn segment_bytes_max(&self) -> u64 {
        self.segment_bytes.min(SEGMENT_BYTES_MAX)
    }

    /// Takes as much of the reserve as there is room for. A store works without one, and a disk that fails here fails
    /// the next write too, so nobody is told.
    pub(crate) fn hold(&self) {
        self.take(&mut self.held());
    }

    /// Whether so much can be moved out of the way within the reserve, leaving some to whoever deletes meanwhile.
    pub(crate) fn covers(&self, bytes: u64) -> bool {
        bytes <= self.moved_bytes_max()
    }

    /// How much can be moved so.
    pub(crate) fn moved_bytes_max(&self) -> u64 {
        self.segment_bytes_max() * SEGMENTS / 2
    }

    /// Runs `work` that gives room back, or opens or closes the store; when it is refused because the disk is full, once
    /// more without the reserve. Work that is refused must have left nothing behind.
    pub(crate) fn relieve<T>(&self, work: impl FnMut(Room) -> Result<T, Failure>) -> Result<T, Failure> {
        self.relieve_down_to(0, work)
    }

    /// The same for deletes, without the last of the reserve.
    pub(crate) fn relieve_deletes<T>(
        &self,
        work: impl FnMut(Room) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.relieve_down_to(self.segment_bytes_max(), work)
    }

    fn relieve_down_to<T>(
        &self,
        kept: u64,
        mut work: impl FnMut(Room) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let refused = match work(self.ordinary()) {
            Err(Failure::Refused(error)) if error.kind() == ErrorKind::DiskFull => error,
            result => return result,
        };
        // Kept locked, so that what is given up is not taken again before it is used.
        let mut held = self.held();
        if held.bytes <= kept {
            return Err(Failure::Refused(refused));
        }
        let room = self.reserved(held.bytes);
        self.give_up(&mut held, kept)
            .map_err(|e| Failure::Refused(Error::io("give up the reserve", &self.path, &e)))?;
        let result = work(room);
        self.take(&mut held);
        result
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees the blocks but for `kept` bytes; synced, because a journal may keep them until then.
    fn give_up(&self, held: &mut Held, kept: u64) -> io::Result<()> {
        held.bytes = kept;
        let file = self.disk.open(&self.path, Access::Write)?;
        file.set_length(kept)?;
        file.sync_whole()
    }

    /// Takes the whole reserve or, if there is too little room, a part of a segment less, and so on.
    fn take(&self, held: &mut Held) {
        let whole = self.segment_bytes_max() * SEGMENTS;
        let step = self.reserved(self.segment_bytes_max()).segment_bytes;
        if held.sure && held.bytes >= whole {
            return;
        }
        let mut wanted = whole.max(held.bytes);
        while wanted > 0 && (wanted > held.bytes || !held.sure) {
            match self.extend(wanted, held) {
                Ok(()) => {
                    *held = Held { bytes: wanted, sure: true };
                    return;
                }
                Err(e) if matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                    wanted = if wanted > step { wanted - step } else { half(wanted) };
                }
                Err(_) => return,
            }
        }
    }

    /// Makes the file `wanted` bytes long; as it was when that fails.
    fn extend(&self, wanted: u64, held: &Held) -> io::Result<()> {
        let file = match self.disk.open(&self.path, Access::Write) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let new = self.disk.open(&self.path, Access::CreateNew)?;
                uninterrupted(|| self.disk.sync_dir(&self.dir))?;
                new
            }
            opened => opened?,
        };
        let longer = || {
            file.allocate(wanted)?;
            if wanted > held.bytes { file.sync_whole() } else { Ok(()) }
        };
        if let Err(error) = longer() {
            // A part may have been reserved before the disk was full.
            file.set_length(held.bytes)?;
            return Err(error);
        }
        Ok(())
    }
}

/// Half of a length, in whole pages; 0 when it was one.
pub(crate) fn half(length: u64) -> u64 {
    length / 2 / PAGE_BYTES * PAGE_BYTES
}
