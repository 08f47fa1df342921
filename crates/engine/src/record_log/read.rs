//! Reading records: from memory, or from the segment, held against their checksum.

use std::ops::Range;

use bytes::Bytes;

use super::core::Core;
use super::index::Index;
use crate::address::Address;
use crate::error::{Error, Result};
use crate::format::checksum;
use crate::format::entry::{EntryHead, Place, Subject};
use crate::log::segment_table::Table;
use crate::value::Value;

/// So many records are looked up at a time: who appends waits for that.
const PIECE: usize = 64;
/// Records up to this length are copied; longer ones keep their segment mapped as long as they are held.
const COPIED_BYTES_MAX: u64 = 4096;

/// Where a record can be had.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    Memory(Bytes),
    Segment(Address),
}

/// What is there from a record on: the first number, and where the records can be had; no more of those in memory than there
/// is room for, but for the first.
fn look_up(index: &Index, range: Range<u64>, room: u64, sources: &mut Vec<Source>) -> u64 {
    let first = range.start.max(index.floor);
    let mut bytes = 0;
    for number in (first..range.end.min(index.next)).take(PIECE) {
        let Some(record) = index.recent(number) else {
            sources.extend(index.position(number).map(Source::Segment));
            continue;
        };
        bytes += record.len() as u64;
        if bytes > room && number > first {
            break;
        }
        sources.push(Source::Memory(record.clone()));
    }
    first
}

impl Core {
    /// The records of a range that are there, each with its number, as far as they have `bytes_max` bytes together; one at least,
    /// and what is behind them is not looked at.
    pub(super) fn read(&self, range: &Range<u64>, bytes_max: u64) -> Result<Vec<(u64, Bytes)>> {
        let mut sources = Vec::with_capacity(PIECE);
        'anew: loop {
            let mut records: Vec<(u64, Bytes)> = Vec::new();
            let mut room = bytes_max;
            let mut from = range.start;
            let mut seen = None;
            loop {
                sources.clear();
                // Before the look-up: what is purged after it stays mapped as long as this is held.
                let (first, truncations, held) = self.queue.with(|index| {
                    let first = look_up(index, from..range.end, room, &mut sources);
                    (first, index.truncations, self.segments.held())
                });
                if *seen.get_or_insert(truncations) != truncations {
                    // What was read so far may have been replaced, and must not be joined to what follows.
                    continue 'anew;
                }
                let (count, purged) = (sources.len(), first > from && !records.is_empty());
                if count == 0 || purged {
                    return Ok(records);
                }
                for (number, source) in (first..).zip(sources.drain(..)) {
                    let most = if records.is_empty() { u64::MAX } else { room };
                    let record = match source {
                        Source::Memory(record) => Some(record).filter(|record| record.len() as u64 <= most),
                        Source::Segment(address) => self.record_at(&held, address, number, most)?,
                    };
                    let Some(record) = record else { return Ok(records) };
                    let left = room.checked_sub(record.len() as u64);
                    records.push((number, record));
                    let Some(left) = left else { return Ok(records) };
                    room = left;
                }
                from = first + count as u64;
            }
        }
    }

    /// The record at an address, unless it has more than `most` bytes.
    fn record_at(&self, table: &Table, address: Address, number: u64, most: u64) -> Result<Option<Bytes>> {
        let offset = address.offset();
        let segment = table.in_slot(address.slot()).ok_or_else(|| {
            Error::damaged(&self.dir, offset, format!("the segment of record {number} is gone"))
        })?;
        let damaged = |what: &str| Error::damaged(&segment.path, offset, format!("record {number} {what}"));
        let map = segment.map()?;
        // The fixed part and the number: a record has nothing else in its head.
        let head =
            map.slice(offset, 20).and_then(|head| EntryHead::decode(head, offset, self.alignment).ok());
        let (head, layout) = head.ok_or_else(|| damaged("cannot be read any more"))?;
        let (Subject::Key(key), Place::Inline { length, checksum }) = (head.subject, head.place) else {
            return Err(damaged("is not a record any more"));
        };
        if key != &number.to_le_bytes()[..] {
            return Err(damaged("is another record by now"));
        }
        if length > most {
            return Ok(None);
        }
        let payload =
            map.slice(layout.payload, length).filter(|payload| checksum::plain(payload) == checksum);
        let payload = payload.ok_or_else(|| damaged("fails its checksum"))?;
        if length <= COPIED_BYTES_MAX {
            return Ok(Some(Bytes::copy_from_slice(payload)));
        }
        Ok(Some(Value::new(map.clone(), layout.payload, length).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::{PIECE, Source, look_up};
    use crate::record_log::index::Index;

    /// A reader who wants few bytes made copies of a thousand records while those who append waited.
    #[test]
    fn no_more_is_taken_from_memory_than_there_is_room_for() {
        let mut index = Index::default();
        index.append(&vec![vec![7_u8; 100].into(); 2 * PIECE]);
        let taken = |from: u64, room: u64| {
            let mut sources = Vec::new();
            assert_eq!(look_up(&index, from..u64::MAX, room, &mut sources), from);
            assert!(sources.iter().all(|source| matches!(source, Source::Memory(_))));
            sources.len()
        };
        assert_eq!([taken(3, 0), taken(3, 99), taken(3, 100), taken(3, 299)], [1, 1, 1, 2]);
        assert_eq!([taken(0, u64::MAX), taken(2 * PIECE as u64 - 2, u64::MAX)], [PIECE, 2]);
    }
}
