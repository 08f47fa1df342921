//! The raw rows of W2: what the disk does with a small write and a sync, without any store around it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, fallocate};

use crate::error::{Error, Result};

/// About one row of 16 and 100 bytes with what a log puts around it.
pub(super) const RECORD_BYTES: usize = 128;

/// How the file is prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It grows with every write.
    Growing,
    /// Its blocks and its length are there from the start, unwritten.
    Allocated,
    /// Its blocks were filled with zeros, and synced, before.
    Zeroed,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Growing, Self::Allocated, Self::Zeroed];

    /// As it stands in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Growing => "raw: append to a growing file, fdatasync",
            Self::Allocated => "raw: append into fallocated blocks, fdatasync",
            Self::Zeroed => "raw: overwrite zero-filled blocks, fdatasync",
        }
    }
}

/// A file that takes records one after the other.
#[derive(Debug)]
pub(crate) struct RawFile {
    path: PathBuf,
    file: File,
    tail: u64,
}

impl RawFile {
    /// Prepares a file with room for `bytes`.
    pub(crate) fn create(directory: &Path, kind: Kind, bytes: u64) -> Result<Self> {
        let path = directory.join(format!("raw-{kind:?}"));
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(true).open(&path);
        let file = file.map_err(Error::file(&path))?;
        match kind {
            Kind::Growing => {}
            Kind::Allocated => {
                let length = i64::try_from(bytes).map_err(|error| Error::Usage(error.to_string()))?;
                fallocate(&file, FallocateFlags::empty(), 0, length)
                    .map_err(|error| Error::file(&path)(error.into()))?;
            }
            Kind::Zeroed => {
                let zeros = vec![0; usize::try_from(bytes).map_err(|error| Error::Usage(error.to_string()))?];
                file.write_all_at(&zeros, 0).map_err(Error::file(&path))?;
            }
        }
        file.sync_all().map_err(Error::file(&path))?;
        Ok(Self { path, file, tail: 0 })
    }

    /// Writes `record` behind the one before it, and syncs.
    pub(crate) fn append(&mut self, record: &[u8]) -> Result<()> {
        self.file.write_all_at(record, self.tail).map_err(Error::file(&self.path))?;
        self.file.sync_data().map_err(Error::file(&self.path))?;
        self.tail += record.len() as u64;
        Ok(())
    }
}
