//! The record of what was asked of the disk, to compare two runs of one seed.

use std::io;
use std::path::PathBuf;

use super::fault::Op;

/// One operation, other than looks and reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// What was asked.
    pub op: Op,
    /// Of which file or directory, by the name under which it was opened.
    pub path: PathBuf,
    /// At which offset of the file, in bytes.
    pub offset: u64,
    /// How many bytes, or which length.
    pub length: u64,
    /// A hash of the bytes written. (Not a CRC: that of bytes that end in their own CRC is always the same.)
    pub check: u64,
    /// The error, if it failed.
    pub error: Option<io::ErrorKind>,
}
