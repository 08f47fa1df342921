//! Receiving a snapshot.
//!
//! Invariants: nothing that a sender names is believed: names are ours or refused, lengths are bounded by what was announced, every
//! chunk follows the one before it. What arrived stays when the sender goes, so that the next attempt goes on from there.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pentad_client::wire;

use super::convert::Wire;
use super::replica::{GroupDirectory, SnapshotData, sync_tree};
use super::types::SnapshotMeta;
use crate::error::{Error, ErrorKind, Result};

const FILES_MAX: usize = 100_000;
const NAME_BYTES_MAX: usize = 200;

/// A snapshot that is on its way.
pub(super) struct Incoming {
    group: Arc<GroupDirectory>,
    dir: PathBuf,
    name: String,
    meta: SnapshotMeta,
    files: Vec<wire::SnapshotFile>,
    open: Option<(usize, File, u64)>,
}

impl Incoming {
    /// Begins, or goes on with, the snapshot that a sender announces. What is left of others is removed.
    pub(super) fn open(
        group: Arc<GroupDirectory>,
        meta: wire::SnapshotMeta,
        files: Vec<wire::SnapshotFile>,
    ) -> Result<Self> {
        let name = meta.snapshot_id.clone();
        if !is_name(&name) {
            return Err(refused("the snapshot has no name of ours"));
        }
        if files.is_empty() || files.len() > FILES_MAX {
            return Err(refused("a snapshot is made of one file at least, and of fewer than these"));
        }
        for file in &files {
            let parts: Vec<&str> = file.name.split('/').collect();
            if parts.len() > 2 || !parts.iter().all(|part| is_name(part)) {
                return Err(refused("a file of the snapshot has a name that is not allowed"));
            }
        }
        let meta = SnapshotMeta::from_wire(meta).map_err(|error| refused(error.0))?;
        group.remove_incoming_but(&name)?;
        let dir = group.incoming().join(&name);
        let made = fs::create_dir_all(dir.join("files"));
        made.map_err(|error| Error::io(format!("create {}", dir.display()), &error))?;
        Ok(Self { group, dir, name, meta, files, open: None })
    }

    /// Bytes that are there of each file.
    pub(super) fn state(&self) -> Vec<u64> {
        let length = |file: &wire::SnapshotFile| {
            let found = fs::metadata(self.path(file)).map_or(0, |found| found.len());
            // A longer file than announced is none of this snapshot: it is written again.
            if found > file.bytes { 0 } else { found }
        };
        self.files.iter().map(length).collect()
    }

    fn path(&self, file: &wire::SnapshotFile) -> PathBuf {
        self.dir.join("files").join(&file.name)
    }

    /// Writes one chunk.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when it is not the one that comes next, or not what was sent.
    pub(super) fn write(&mut self, chunk: &wire::SnapshotData) -> Result<()> {
        if crc32fast::hash(&chunk.bytes) != chunk.checksum {
            return Err(refused("a chunk of the snapshot does not have its checksum"));
        }
        let number = usize::try_from(chunk.file).unwrap_or(usize::MAX);
        let file =
            self.files.get(number).ok_or_else(|| refused("a chunk belongs to no file of the snapshot"))?;
        let end = chunk.offset.checked_add(chunk.bytes.len() as u64);
        if end.is_none_or(|end| end > file.bytes) {
            return Err(refused("a chunk lies behind the end of its file"));
        }
        let path = self.path(file);
        let failed = |error: std::io::Error| Error::io(format!("write {}", path.display()), &error);
        if self.open.as_ref().is_none_or(|(open, ..)| *open != number) {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(failed)?;
            }
            let opened =
                OpenOptions::new().create(true).write(true).truncate(false).open(&path).map_err(failed)?;
            let length = opened.metadata().map_err(failed)?.len();
            let length = if length > file.bytes { 0 } else { length };
            opened.set_len(length).map_err(failed)?;
            self.open = Some((number, opened, length));
        }
        let Some((_, opened, length)) = &mut self.open else {
            return Err(refused("no file is open"));
        };
        if chunk.offset != *length {
            return Err(refused("a chunk does not follow the one before it"));
        }
        opened.seek(SeekFrom::Start(*length)).map_err(failed)?;
        opened.write_all(&chunk.bytes).map_err(failed)?;
        *length += chunk.bytes.len() as u64;
        Ok(())
    }

    /// Checks that all is there and is what was sent, makes it durable, and ready to be installed. What is not as it should be is
    /// removed, so that the next attempt begins anew.
    pub(super) fn finish(mut self, checksum: u32) -> Result<SnapshotData> {
        self.open = None;
        let prepared = self
            .check(checksum)
            // It becomes one of this node's own snapshots, and those are whole under their names, also after a power cut.
            .and_then(|()| sync_tree(&self.dir.join("files")))
            .and_then(|()| SnapshotData::prepare(&self.group, &self.dir, &self.name, self.meta.clone()));
        if prepared.is_err() {
            // Whatever is left is removed with the next snapshot.
            drop(fs::remove_dir_all(&self.dir));
        }
        prepared
    }

    fn check(&self, checksum: u32) -> Result<()> {
        let mut hasher = crc32fast::Hasher::new();
        for file in &self.files {
            let path = self.path(file);
            let failed = |error: std::io::Error| Error::io(format!("read {}", path.display()), &error);
            if file.bytes == 0 {
                make_empty(&path).map_err(failed)?;
            }
            let mut reader = File::open(&path).map_err(failed)?;
            let mut buffer = vec![0; 1 << 20];
            let mut total = 0;
            loop {
                let read = reader.read(&mut buffer).map_err(failed)?;
                if read == 0 {
                    break;
                }
                hasher.update(&buffer[..read]);
                total += read as u64;
            }
            if total != file.bytes {
                return Err(refused("a file of the snapshot did not arrive whole"));
            }
        }
        if hasher.finalize() != checksum {
            return Err(refused("the snapshot is not what was sent"));
        }
        Ok(())
    }
}

/// No chunk makes a file that has no bytes.
fn make_empty(path: &Path) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    OpenOptions::new().create(true).write(true).truncate(true).open(path).map(drop)
}

/// Whether a part of a path is one that no file system gives a meaning of its own.
fn is_name(part: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !part.is_empty() && part.len() <= NAME_BYTES_MAX && !part.starts_with('.') && part.bytes().all(is_plain)
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f22_names_that_lead_elsewhere_are_refused() {
        assert!(is_name("00000000000000a1-0f.segment"));
        for name in ["", ".", "..", ".hidden", "a/b", "a\\b", "\0", "ä"] {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
