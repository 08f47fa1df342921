//! Reading checkpoints: which there are, and the bytes of one.
//!
//! Invariant: no byte of a chunk is handed out that was not held against its checksum since the store was opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::format::bytes::{is_zero, length_u64, u32_at};
use crate::format::checkpoint::{HEAD_BYTES, Head, Section, SectionKind, Table};
use crate::format::{checksum, names};
use crate::numbers::SegmentId;
use crate::planted::{Bug, planted};
use crate::seams::{Access, Disk, File, Map, PrivateMap};

/// The longest table that is read: that of a checkpoint of ten thousand million keys.
const TABLE_MAX: u64 = 1 << 30;

/// A checkpoint whose head and table are whole.
#[derive(Debug)]
pub(crate) struct CheckpointFile {
    pub(crate) path: PathBuf,
    pub(crate) head: Head,
    pub(crate) table: Table,
    /// Where chunks are read from; what is verified is what is mapped.
    map: Map,
    private: PrivateMap,
    /// For each section, a bit for each chunk that was verified.
    verified: Vec<Box<[AtomicU64]>>,
}

/// The checkpoints in a directory by their ids, newest first.
pub(crate) fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<(SegmentId, PathBuf)>> {
    let names = disk.list(dir).map_err(|e| Error::io("list", dir, &e))?;
    let mut found: Vec<(SegmentId, PathBuf)> = names
        .into_iter()
        .filter_map(|name| names::parse_checkpoint(name.to_str()?).map(|id| (id, dir.join(name))))
        .collect();
    found.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
    Ok(found)
}

/// The head of a file, if it is whole and that of a checkpoint of this store; with it the open file.
fn read_head(
    disk: &dyn Disk,
    path: &Path,
    store_id: [u8; 16],
) -> std::io::Result<Option<(Head, Box<dyn File>)>> {
    let file = match disk.open(path, Access::Read) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = [0; HEAD_BYTES];
    if file.read_full_at(&mut bytes, 0)? < HEAD_BYTES {
        return Ok(None);
    }
    let Some(head) = Head::decode(&bytes).filter(|head| head.store_id == store_id) else { return Ok(None) };
    let is_that_long = file.length()? == head.length && head.length - head.table_at <= TABLE_MAX;
    Ok(is_that_long.then_some((head, file)))
}

/// What is wrong with the checkpoints in a directory: file, offset, and what. None of it is lost, because the log has it all.
pub(crate) fn faults(
    disk: &dyn Disk,
    dir: &Path,
    store_id: [u8; 16],
) -> Result<Vec<(PathBuf, u64, &'static str)>> {
    const SECTION: &str =
        "a part of this checkpoint of the indexes fails its checksum; the next open reads the log instead";
    const HEAD: &str = "this checkpoint of the indexes is not whole; the next open reads the log instead";
    let mut faults = Vec::new();
    for (_, path) in list(disk, dir)? {
        let fault = match CheckpointFile::open(disk, &path, store_id)? {
            Some(file) => file.first_fault().map(|at| (at, SECTION)),
            // One that was replaced since the directory was listed is none of ours any more.
            None if disk.kind(&path).map_err(|e| Error::io("look at", &path, &e))?.is_none() => None,
            None => Some((0, HEAD)),
        };
        faults.extend(fault.map(|(at, what)| (path, at, what)));
    }
    Ok(faults)
}

impl CheckpointFile {
    /// Opens a checkpoint; `None` when it is not whole, as far as head and table go.
    pub(crate) fn open(disk: &dyn Disk, path: &Path, store_id: [u8; 16]) -> Result<Option<Self>> {
        let open = || {
            let Some((head, file)) = read_head(disk, path, store_id)? else { return Ok(None) };
            let length = usize::try_from(head.length - head.table_at).map_err(std::io::Error::other)?;
            let mut bytes = vec![0; length];
            if file.read_full_at(&mut bytes, head.table_at)? < length {
                return Ok(None);
            }
            let Some(table) = head.table(&bytes) else { return Ok(None) };
            let (map, private) = (file.map(head.length)?, file.map_private(head.length)?);
            Ok(Some((head, table, map, private)))
        };
        let opened = open().map_err(|e| Error::io("read", path, &e))?;
        Ok(opened.map(|(head, table, map, private)| {
            let words = |section: &Section| section.chunks.len().div_ceil(64);
            let bits = |section| (0..words(section)).map(|_| AtomicU64::new(0)).collect();
            let verified = table.sections.iter().map(bits).collect();
            Self { path: path.to_owned(), head, table, map, private, verified }
        }))
    }

    /// What is changed in memory alone, for windows and addresses. Only verified chunks may be looked at there.
    pub(crate) fn private(&self) -> &PrivateMap {
        &self.private
    }

    /// The numbers of the sections of a kind, in their order.
    pub(crate) fn of_kind(&self, kind: SectionKind) -> impl Iterator<Item = usize> {
        (0..self.table.sections.len()).filter(move |section| self.table.sections[*section].kind == kind)
    }

    /// Chunk `chunk` of a section, which stands at `offset`; `None` when it is damaged.
    fn chunk_at(&self, section: usize, chunk: usize, offset: u64) -> Option<&[u8]> {
        let known = self.table.sections.get(section)?.chunks.get(chunk)?;
        let bytes = self.map.slice(offset, u64::from(known.length))?;
        let word = self.verified[section].get(chunk / 64)?;
        let bit = 1 << (chunk % 64);
        // Relaxed: the bit guards no other memory; the bytes that it speaks of do not change.
        if word.load(Ordering::Relaxed) & bit == 0 {
            if checksum::plain(bytes) != known.sum && !planted(Bug::ChunkSumsIgnored) {
                return None;
            }
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Some(bytes)
    }

    /// The bytes of a section from `start` on, which is where a chunk begins or lies in one; `None` when one is damaged.
    pub(crate) fn bytes(&self, section: usize, start: u64) -> Option<&[u8]> {
        let Section { offset, length, chunks, .. } = self.table.sections.get(section)?;
        let mut at = 0;
        for (number, chunk) in chunks.iter().enumerate() {
            if at + u64::from(chunk.length) > start {
                self.chunk_at(section, number, offset + at)?;
            }
            at += u64::from(chunk.length);
        }
        self.map.slice(offset + start, length.checked_sub(start)?)
    }

    /// The words of a section in pairs; `None` when it is damaged, or has half a pair.
    pub(crate) fn pairs(&self, section: usize) -> Option<Vec<[u64; 2]>> {
        let bytes = self.bytes(section, 0)?;
        let (pairs, rest) = bytes.as_chunks::<16>();
        let word = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or_default();
        rest.is_empty().then(|| pairs.iter().map(|pair| [word(&pair[..8]), word(&pair[8..])]).collect())
    }

    /// The 32-bit words of a section.
    pub(crate) fn halves(&self, section: usize) -> Option<Vec<u32>> {
        let bytes = self.bytes(section, 0)?;
        bytes.len().is_multiple_of(4).then(|| bytes.chunks_exact(4).map(|half| u32_at(half, 0)).collect())
    }

    /// Whether every byte is what was written.
    pub(crate) fn holds(&self) -> bool {
        self.first_fault().is_none()
    }

    /// Where the first chunk stands that is not what was written, or the first byte between the sections.
    fn first_fault(&self) -> Option<u64> {
        let mut end = length_u64(HEAD_BYTES);
        for (number, section) in self.table.sections.iter().enumerate() {
            if !self.map.slice(end, section.offset - end).is_some_and(is_zero) {
                return Some(end);
            }
            end = section.offset;
            for (chunk, known) in section.chunks.iter().enumerate() {
                if self.chunk_at(number, chunk, end).is_none() {
                    return Some(end);
                }
                end += u64::from(known.length);
            }
        }
        let between = self.head.table_at.checked_sub(end).and_then(|length| self.map.slice(end, length));
        if between.is_some_and(is_zero) { None } else { Some(end) }
    }

    /// The chunks of the first section of slots, to be asked for by their numbers.
    pub(crate) fn chunks(self: &Arc<Self>, kind: SectionKind) -> Option<Chunks> {
        let section = self.of_kind(kind).next()?;
        let mut at = self.table.sections[section].offset;
        let offsets = self.table.sections[section].chunks.iter().map(|chunk| {
            let offset = at;
            at += u64::from(chunk.length);
            offset
        });
        Some(Chunks { offsets: offsets.collect(), section, file: Arc::clone(self) })
    }

    /// Bytes of the file.
    pub(crate) fn length(&self) -> u64 {
        self.head.length.max(length_u64(HEAD_BYTES))
    }
}

/// The chunks of a section, whatever their lengths.
#[derive(Debug)]
pub(crate) struct Chunks {
    file: Arc<CheckpointFile>,
    section: usize,
    offsets: Vec<u64>,
}

impl Chunks {
    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        length_u64(self.offsets.len())
    }

    /// One of them; `None` when it is damaged.
    pub(crate) fn get(&self, number: u64) -> Option<&[u8]> {
        let number = usize::try_from(number).ok()?;
        self.file.chunk_at(self.section, number, *self.offsets.get(number)?)
    }
}
