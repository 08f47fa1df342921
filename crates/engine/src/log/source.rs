//! Where a scan reads from: a map, or a file by `pread`.

use std::io;

use crate::format::bytes::length_u64;
use crate::seams::{File, Map};

/// Bytes by offset.
pub(crate) trait Source {
    /// The bytes from `offset`: `length` of them, or fewer at the end.
    fn slice(&mut self, offset: u64, length: u64) -> io::Result<&[u8]>;
}

/// The first `end` bytes of a map.
#[derive(Debug)]
pub(crate) struct MapSource<'a> {
    pub(crate) map: &'a Map,
    pub(crate) end: u64,
}

impl Source for MapSource<'_> {
    fn slice(&mut self, offset: u64, length: u64) -> io::Result<&[u8]> {
        let length = length.min(self.end.saturating_sub(offset));
        Ok(self.map.slice(offset, length).unwrap_or_default())
    }
}

/// A file, read through a buffer.
#[derive(Debug)]
pub(crate) struct FileSource<'a> {
    file: &'a dyn File,
    buffer: Vec<u8>,
    /// The offset of the buffer's first byte in the file.
    start: u64,
}

/// Least bytes read at once: more than a scan asks for at a time.
const READ_BYTES: u64 = 1 << 20;

impl<'a> FileSource<'a> {
    pub(crate) fn new(file: &'a dyn File) -> Self {
        Self { file, buffer: Vec::new(), start: 0 }
    }
}

impl Source for FileSource<'_> {
    fn slice(&mut self, offset: u64, length: u64) -> io::Result<&[u8]> {
        let end = self.start + length_u64(self.buffer.len());
        if offset < self.start || offset + length > end {
            // A window of at least the length asked for, and never more than the file holds.
            let rest = self.file.length()?.saturating_sub(offset);
            let wanted = usize::try_from(length.max(READ_BYTES).min(rest)).map_err(io::Error::other)?;
            self.buffer.resize(wanted, 0);
            let read = self.file.read_full_at(&mut self.buffer, offset)?;
            self.buffer.truncate(read);
            self.start = offset;
        }
        let from = usize::try_from(offset - self.start).map_err(io::Error::other)?;
        let to =
            usize::try_from(length).map_err(io::Error::other)?.saturating_add(from).min(self.buffer.len());
        Ok(&self.buffer[from.min(to)..to])
    }
}
