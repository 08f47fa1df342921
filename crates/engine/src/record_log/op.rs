//! What waits to be written: the calls in their order, each with its callback.

use bytes::Bytes;

use super::done::Done;
use crate::error::{Error, ErrorKind, Result};
use crate::log::end_numbers::LAST_TO_GO_ON_FROM;

/// Longest record in bytes.
pub const RECORD_BYTES_MAX: u64 = 1 << 30;
/// Longest key of a small record in bytes.
pub const SMALL_KEY_BYTES_MAX: usize = 255;
/// Longest small record in bytes.
pub const SMALL_BYTES_MAX: usize = 64 << 10;
/// Most small records of a log: all of them are written again when space is given back.
pub const SMALL_COUNT_MAX: usize = 64;

/// One call.
#[derive(Debug)]
pub(super) struct Op {
    pub(super) what: What,
    /// Called after the sync that covers it and everything before.
    pub(super) done: Option<Done>,
    /// Whether it can wait for the next one, or for the next tick.
    pub(super) lazy: bool,
}

/// What a call asks for.
#[derive(Debug)]
pub(super) enum What {
    /// Records numbered from `first` on.
    Append { first: u64, records: Vec<Bytes> },
    /// The records from this number on do not count any more.
    Truncate { first: u64 },
    /// The records before this number are not wanted any more.
    Purge { floor: u64 },
    /// A small record under a key.
    Small { key: Bytes, value: Bytes },
}

/// Refuses a purge that leaves no numbers to go on with.
pub(super) fn check_purge(through: u64) -> Result<()> {
    if through < LAST_TO_GO_ON_FROM { Ok(()) } else { Err(beyond(through)) }
}

fn beyond(number: u64) -> Error {
    Error::new(ErrorKind::LimitExceeded, format!("a record log does not reach record {number}"))
}

/// Refuses records that are too long, and numbers that no log could be opened with again.
pub(super) fn check_records(first: u64, records: &[Bytes]) -> Result<()> {
    let end = first.saturating_add(records.len() as u64);
    if end > LAST_TO_GO_ON_FROM {
        return Err(beyond(end.saturating_sub(1).max(first)));
    }
    for (number, record) in (first..).zip(records) {
        let length = record.len() as u64;
        if length > RECORD_BYTES_MAX {
            let text = format!("record {number} has {length} bytes; a record has at most {RECORD_BYTES_MAX}");
            return Err(Error::new(ErrorKind::LimitExceeded, text));
        }
    }
    Ok(())
}

/// Refuses a small record that is too long.
pub(super) fn check_small(key: &[u8], value: &[u8]) -> Result<()> {
    if key.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "the key of a small record is empty"));
    }
    let over = |what: &str, length: usize, most: usize| {
        let text = format!("the {what} of a small record has {length} bytes; it has at most {most}");
        Err(Error::new(ErrorKind::LimitExceeded, text))
    };
    if key.len() > SMALL_KEY_BYTES_MAX {
        return over("key", key.len(), SMALL_KEY_BYTES_MAX);
    }
    if value.len() > SMALL_BYTES_MAX {
        return over("value", value.len(), SMALL_BYTES_MAX);
    }
    Ok(())
}
