//! Values of unknown length: written into a segment of their own before any commit knows of them.
//!
//! Invariant: the file is whole and durable, name included, before [`StagedStream`] exists; until a commit refers
//! to it, dropping it removes the file, and a crash leaves an orphan that the next open removes.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use crate::error::{Error, Result};
use crate::format::catalog::{Sealed, SegmentRecord};
use crate::format::checksum::{self, Nonce};
use crate::format::names;
use crate::format::segment_header::{self, SegmentHeader, SegmentKind, stream_file_length};
use crate::format::{CHUNK_BYTES, CHUNK_SIZE, UNIT, align_up};
use crate::log::catalog_file::CatalogFile;
use crate::log::create::{discard, new_nonce};
use crate::log::writer::Shared;
use crate::numbers::{FrameNumber, LogOffset, SegmentId};
use crate::planted::{Bug, planted};
use crate::seams::{Access, Disk, File, uninterrupted};

/// Writes a value of any length, holding 64 KiB of it at a time and 4 bytes for each 64 KiB written.
///
/// Other writers are not held up. Nothing is visible until a batch puts what [`StreamWriter::finish`] returns;
/// dropped before that, it leaves nothing behind.
pub struct StreamWriter {
    file: Box<dyn File>,
    guard: Unlisted,
    id: SegmentId,
    nonce: Nonce,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    catalog: Arc<CatalogFile>,
    /// The piece that is not written yet.
    chunk: Vec<u8>,
    written: u64,
    table: Vec<u8>,
    whole: crc32fast::Hasher,
    /// After a failed write the file does not hold what was handed in.
    failed: bool,
}

impl fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWriter")
            .field("id", &self.id)
            .field("length", &self.length())
            .finish_non_exhaustive()
    }
}

/// A file that the catalog does not name yet; dropping this removes it.
#[derive(Debug)]
struct Unlisted {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    listed: AtomicBool,
}

impl Drop for Unlisted {
    fn drop(&mut self) {
        if !self.listed.load(Ordering::Acquire) {
            discard(&self.disk, &self.path);
        }
    }
}

impl StreamWriter {
    pub(crate) fn create(shared: &Shared) -> Result<Self> {
        let id = shared.take_segment_id();
        let path = shared.dir.join(names::segment(id, SegmentKind::Stream));
        let disk = &shared.environment.disk;
        let nonce = new_nonce(&shared.environment, &path)?;
        let header = SegmentHeader {
            kind: SegmentKind::Stream,
            id,
            nonce,
            store_id: shared.identity.store_id,
            base: LogOffset(0),
            first_frame: FrameNumber(0),
        };
        let file = disk.open(&path, Access::CreateNew).map_err(|e| Error::io("create", &path, &e))?;
        let guard = Unlisted { disk: Arc::clone(disk), path, listed: AtomicBool::new(false) };
        file.write_all_at(&header.encode(), 0).map_err(|e| Error::io("write to", &guard.path, &e))?;
        Ok(Self {
            file,
            guard,
            id,
            nonce,
            disk: Arc::clone(disk),
            dir: shared.dir.clone(),
            catalog: Arc::clone(&shared.catalog),
            chunk: Vec::with_capacity(CHUNK_SIZE),
            written: 0,
            table: Vec::new(),
            whole: crc32fast::Hasher::new(),
            failed: false,
        })
    }

    /// Bytes written so far.
    pub fn length(&self) -> u64 {
        self.written + self.chunk.len() as u64
    }

    /// Makes the value durable; it becomes visible with the commit of a batch that puts it. Blocks for the sync.
    ///
    /// # Errors
    ///
    /// When the disk is full or fails; nothing is left behind then.
    pub fn finish(mut self) -> Result<StagedStream> {
        let length = self.length();
        let io = |path: &PathBuf| {
            let path = path.clone();
            move |e: io::Error| Error::io("write to", &path, &e)
        };
        if self.failed {
            return Err(Error::io(
                "write to",
                &self.guard.path,
                &io::Error::other("an earlier write failed"),
            ));
        }
        if !self.chunk.is_empty() {
            self.write_chunk().map_err(io(&self.guard.path))?;
        }
        let end = segment_header::LENGTH + length;
        let table_at = align_up(end, UNIT);
        let mut rest = vec![0; usize::try_from(table_at - end).expect("padding is short")];
        rest.extend_from_slice(&self.table);
        self.file.write_all_at(&rest, end).map_err(io(&self.guard.path))?;
        if !planted(Bug::StreamNotSynced) {
            self.file.sync_whole().map_err(|e| Error::io("sync", &self.guard.path, &e))?;
        }
        if !planted(Bug::NoDirectorySync) {
            uninterrupted(|| self.disk.sync_dir(&self.dir))
                .map_err(|e| Error::io("sync the directory", &self.dir, &e))?;
        }
        let record = SegmentRecord {
            id: self.id,
            kind: SegmentKind::Stream,
            nonce: self.nonce,
            base: LogOffset(0),
            first_frame: FrameNumber(0),
            sealed: Some(Sealed { length: stream_file_length(length), ..Sealed::default() }),
            payload_checksum: self.whole.finalize(),
            payload_length: length,
        };
        Ok(StagedStream {
            staged: Arc::new(Staged {
                record,
                catalog: self.catalog,
                guard: self.guard,
                lease: Arc::new(()),
            }),
        })
    }

    fn write_chunk(&mut self) -> io::Result<()> {
        self.failed = true;
        self.file.write_all_at(&self.chunk, segment_header::LENGTH + self.written)?;
        self.failed = false;
        let sum = checksum::plain(&self.chunk);
        self.table.extend_from_slice(&sum.to_le_bytes());
        self.whole.combine(&crc32fast::Hasher::new_with_initial_len(sum, self.chunk.len() as u64));
        self.written += self.chunk.len() as u64;
        self.chunk.clear();
        Ok(())
    }
}

impl io::Write for StreamWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.failed {
            return Err(io::Error::other("an earlier write of this stream failed"));
        }
        if self.chunk.len() as u64 == CHUNK_BYTES {
            self.write_chunk().map_err(|e| Error::io("write to", &self.guard.path, &e))?;
        }
        let room = CHUNK_SIZE - self.chunk.len();
        let taken = room.min(buffer.len());
        self.chunk.extend_from_slice(&buffer[..taken]);
        Ok(taken)
    }

    /// Does nothing: pieces are written when they are full, and made durable by [`StreamWriter::finish`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A durable value that no commit refers to yet; [`Batch::put`](crate::Batch::put) takes it. Clones are one value; when the
/// last goes without a commit the file is removed.
#[derive(Clone, Debug)]
pub struct StagedStream {
    staged: Arc<Staged>,
}

#[derive(Debug)]
struct Staged {
    record: SegmentRecord,
    /// The catalog of the open store that it was written to: another open of that store has removed the file.
    catalog: Arc<CatalogFile>,
    guard: Unlisted,
    /// Keeps compaction from removing the segment while another commit may still put it.
    lease: Arc<()>,
}

impl StagedStream {
    /// Length of the value in bytes.
    pub fn length(&self) -> u64 {
        self.staged.record.payload_length
    }

    pub(crate) fn record(&self) -> &SegmentRecord {
        &self.staged.record
    }

    /// Whether it was staged in the open store with this catalog.
    pub(crate) fn belongs_to(&self, catalog: &Arc<CatalogFile>) -> bool {
        Arc::ptr_eq(&self.staged.catalog, catalog)
    }

    /// What tells for how long a commit may still refer to it.
    pub(crate) fn lease(&self) -> Weak<()> {
        Arc::downgrade(&self.staged.lease)
    }

    /// Whether a commit has put it into the catalog.
    pub(crate) fn is_listed(&self) -> bool {
        self.staged.guard.listed.load(Ordering::Acquire)
    }

    /// The catalog names it now: the file stays.
    pub(crate) fn set_listed(&self) {
        self.staged.guard.listed.store(true, Ordering::Release);
    }
}
