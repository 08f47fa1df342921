//! What verification tells.

use std::path::PathBuf;

use bytes::Bytes;

use crate::numbers::Sequence;

/// How far a long operation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes done.
    pub done_bytes: u64,
    /// Bytes to do in all.
    pub total_bytes: u64,
}

/// What verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Segments read.
    pub segments: u64,
    /// Whole frames.
    pub frames: u64,
    /// Entries in them, dead ones included.
    pub entries: u64,
    /// Bytes read.
    pub bytes: u64,
    /// An unfinished write at the end of a store that was not closed: normal after a crash, never acknowledged, dropped at
    /// the next open for writing.
    pub torn_tail: Option<TornTail>,
    /// Acknowledged bytes that are not what was written; empty when all is well.
    pub damage: Vec<Damage>,
}

/// Where a log ends in an unfinished write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The active segment.
    pub file: PathBuf,
    /// Where the unfinished write begins.
    pub offset: u64,
    /// How many bytes of it there are.
    pub bytes: u64,
}

/// A place where acknowledged bytes are not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// The offset in it.
    pub offset: u64,
    /// The commit that is hit, as far as it can be told.
    pub sequence: Option<Sequence>,
    /// The key whose value is hit, if the key itself is whole.
    pub key: Option<Bytes>,
    /// What is wrong.
    pub what: String,
}
