//! STUB
use std::io;
use crate::error::Result;
/// Writes a value of unknown length into a segment of its own. Bounded memory. Dropping it unfinished leaves nothing.
#[derive(Debug)]
pub struct StreamWriter {}
impl StreamWriter {
    /// Syncs the segment and makes it known; the value becomes visible with the commit that puts it.
    pub fn finish(self) -> Result<StagedStream> { todo!() }
    /// Bytes written so far.
    pub fn length(&self) -> u64 { todo!() }
}
impl io::Write for StreamWriter {
    fn write(&mut self, _buf: &[u8]) -> io::Result<usize> { todo!() }
    fn flush(&mut self) -> io::Result<()> { todo!() }
}
/// A finished stream, not yet part of a commit.
#[derive(Clone, Debug)]
pub struct StagedStream {}
impl StagedStream {
    /// Bytes.
    pub fn length(&self) -> u64 { todo!() }
}
