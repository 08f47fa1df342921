//! Writing a checkpoint: sections one behind the other, then the table, then the head, under a name that counts for nothing.
//!
//! Invariant: the file gets its name only when all of it is durable; when anything fails before that, nothing of it is left.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::bytes::length_u64;
use crate::format::checkpoint::{ALIGN, Chunk, HEAD_BYTES, Head, Section, SectionKind, Table};
use crate::format::{CHUNK_SIZE, align_up, checksum, names};
use crate::planted::{Bug, planted};
use crate::seams::{Access, Disk, File, uninterrupted};

/// Bytes that are written at once.
const WRITE_BYTES: usize = 256 << 10;

/// A checkpoint that is being written.
#[derive(Debug)]
pub(crate) struct CheckpointWriter {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file: Box<dyn File>,
    /// What was not written yet, and where it goes.
    buffer: Vec<u8>,
    buffer_at: u64,
    /// The end of the last whole chunk.
    chunk_at: usize,
    pub(crate) table: Table,
}

impl CheckpointWriter {
    /// Begins one in place of any that was not finished.
    pub(crate) fn new(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Self> {
        let path = dir.join(names::CHECKPOINT_NEW);
        let create = || {
            match disk.remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            disk.open(&path, Access::CreateNew)
        };
        Ok(Self {
            file: create().map_err(|e| Error::io("create", &path, &e))?,
            disk: Arc::clone(disk),
            dir: dir.to_owned(),
            buffer: Vec::with_capacity(WRITE_BYTES + CHUNK_SIZE),
            buffer_at: length_u64(HEAD_BYTES),
            chunk_at: 0,
            table: Table::default(),
        })
    }

    fn path(&self) -> PathBuf {
        self.dir.join(names::CHECKPOINT_NEW)
    }

    /// Begins a section; what is put from now on goes there.
    pub(crate) fn begin(&mut self, kind: SectionKind, shape: [u64; 3]) {
        let at = self.buffer_at + length_u64(self.buffer.len());
        let padding = usize::try_from(align_up(at, ALIGN) - at).expect("fewer than 64 bytes");
        self.buffer.resize(self.buffer.len() + padding, 0);
        self.chunk_at = self.buffer.len();
        let offset = align_up(at, ALIGN);
        self.table.sections.push(Section { kind, offset, length: 0, shape, chunks: Vec::new() });
    }

    /// Puts bytes into the section, in chunks of 64 KiB.
    pub(crate) fn put(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let room = CHUNK_SIZE - (self.buffer.len() - self.chunk_at);
            let (part, rest) = bytes.split_at(room.min(bytes.len()));
            self.buffer.extend_from_slice(part);
            bytes = rest;
            if self.buffer.len() - self.chunk_at == CHUNK_SIZE {
                self.end_chunk()?;
            }
        }
        Ok(())
    }

    /// Ends the chunk that was begun, if one was.
    pub(crate) fn end_chunk(&mut self) -> Result<()> {
        let chunk = &self.buffer[self.chunk_at..];
        if !chunk.is_empty() {
            let length = u32::try_from(chunk.len()).expect("a chunk is short");
            let sum = checksum::plain(chunk);
            if let Some(section) = self.table.sections.last_mut() {
                section.length += u64::from(length);
                section.chunks.push(Chunk { length, sum });
            }
        }
        self.chunk_at = self.buffer.len();
        if self.buffer.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    /// Lets `fill` put a chunk of its own behind what is there.
    pub(crate) fn chunk(&mut self, fill: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        fill(&mut self.buffer);
        self.end_chunk()
    }

    fn flush(&mut self) -> Result<()> {
        let written = self.file.write_all_at(&self.buffer, self.buffer_at);
        written.map_err(|e| Error::io("write to", &self.path(), &e))?;
        self.buffer_at += length_u64(self.buffer.len());
        self.buffer.clear();
        self.chunk_at = 0;
        Ok(())
    }

    /// Writes table and head, and makes all of it durable. Returns its length.
    pub(crate) fn finish(&mut self, head: Head) -> Result<u64> {
        self.flush()?;
        let (head, table) = Head { table_at: self.buffer_at, ..head }.seal(&self.table);
        let write = || {
            self.file.write_all_at(&table, head.table_at)?;
            self.file.write_all_at(&head.encode(), 0)?;
            self.file.sync_whole()
        };
        write().map_err(|e| Error::io("write to", &self.path(), &e))?;
        Ok(head.length)
    }

    /// Gives it its name, durably.
    pub(crate) fn name(self, head: &Head) -> Result<PathBuf> {
        let path = self.dir.join(names::checkpoint(head.id));
        self.disk.rename(&self.path(), &path).map_err(|e| Error::io("name", &path, &e))?;
        if !planted(Bug::NoDirectorySync) {
            uninterrupted(|| self.disk.sync_dir(&self.dir))
                .map_err(|e| Error::io("sync the directory", &self.dir, &e))?;
        }
        Ok(path)
    }
}

/// Removes what was not finished, as far as the disk lets it: an open for writing does the same.
pub(crate) fn discard_unfinished(disk: &dyn Disk, dir: &Path) {
    drop(disk.remove_file(&dir.join(names::CHECKPOINT_NEW)));
}
