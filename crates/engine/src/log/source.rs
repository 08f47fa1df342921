//! Where a scan reads from: a map, or a file by `pread`.

use std::fmt::Debug;
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

/// Asked before every read of a file: it may take its time, or put an end to the reading.
pub(crate) trait Gate: Debug {
    /// Lets a read of about so many bytes through.
    fn admit(&self, bytes: u64) -> io::Result<()>;
    /// Least bytes to read at once.
    fn piece_bytes(&self) -> u64;
}

/// A gate that stands open.
#[derive(Debug)]
struct Open;

impl Gate for Open {
    fn admit(&self, _bytes: u64) -> io::Result<()> {
        Ok(())
    }

    /// More than a scan asks for at a time.
    fn piece_bytes(&self) -> u64 {
        1 << 20
    }
}

/// A file, read through a buffer.
#[derive(Debug)]
pub(crate) struct FileSource<'a> {
    file: &'a dyn File,
    gate: &'a dyn Gate,
    buffer: Vec<u8>,
    /// The offset of the buffer's first byte in the file.
    start: u64,
}

impl<'a> FileSource<'a> {
    /// A file that is read through `gate`, or as fast as it can be.
    pub(crate) fn new(file: &'a dyn File, gate: Option<&'a dyn Gate>) -> Self {
        Self { file, gate: gate.unwrap_or(&Open), buffer: Vec::new(), start: 0 }
    }
}

impl Source for FileSource<'_> {
    fn slice(&mut self, offset: u64, length: u64) -> io::Result<&[u8]> {
        let end = self.start + length_u64(self.buffer.len());
        if offset < self.start || offset + length > end {
            // A window of at least the length asked for, and never more than the file holds.
            let rest = self.file.length()?.saturating_sub(offset);
            let wanted = length.max(self.gate.piece_bytes()).min(rest);
            self.gate.admit(wanted)?;
            self.buffer.resize(usize::try_from(wanted).map_err(io::Error::other)?, 0);
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
