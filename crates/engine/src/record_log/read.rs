//! Reading records: from memory, or from the segment, held against their checksum.

use std::ops::Range;

use bytes::Bytes;

use super::core::Core;
use crate::address::Address;
use crate::error::{Error, Result};
use crate::format::checksum;
use crate::format::entry::{EntryHead, Place, Subject};
use crate::log::segment_table::Table;
use crate::value::Value;

/// So many records are looked up at a time.
const PIECE: usize = 1024;
/// Records up to this length are copied; longer ones keep their segment mapped as long as they are held.
const COPIED_BYTES_MAX: u64 = 4096;

/// Where a record can be had.
#[derive(Debug)]
enum Source {
    Memory(Bytes),
    Segment(Address),
}

impl Core {
    /// The records of a range that are there, each with its number, as far as they have `bytes_max` bytes together.
    pub(super) fn read(&self, range: &Range<u64>, bytes_max: u64) -> Result<Vec<(u64, Bytes)>> {
        'anew: loop {
            let mut records: Vec<(u64, Bytes)> = Vec::new();
            let mut bytes = 0;
            let mut from = range.start;
            let mut seen = None;
            loop {
                // Before the look-up: what is purged after it stays mapped as long as this is held.
                let (first, sources, truncations, held) = self.queue.with(|index| {
                    let first = from.max(index.floor);
                    let end = range.end.min(index.next);
                    let sources = (first..end).take(PIECE).filter_map(|number| {
                        let recent = index.recent(number).cloned().map(Source::Memory);
                        recent.or_else(|| index.position(number).map(Source::Segment))
                    });
                    let sources: Vec<_> = sources.collect();
                    (first, sources, index.truncations, self.segments.held())
                });
                if *seen.get_or_insert(truncations) != truncations {
                    // What was read so far may have been replaced, and must not be joined to what follows.
                    continue 'anew;
                }
                let (count, purged) = (sources.len(), first > from && !records.is_empty());
                if count == 0 || purged {
                    return Ok(records);
                }
                for (number, source) in (first..).zip(sources) {
                    let record = match source {
                        Source::Memory(record) => record,
                        Source::Segment(address) => self.record_at(&held, address, number)?,
                    };
                    bytes += record.len() as u64;
                    if bytes > bytes_max && !records.is_empty() {
                        return Ok(records);
                    }
                    records.push((number, record));
                }
                from = first + count as u64;
            }
        }
    }

    fn record_at(&self, table: &Table, address: Address, number: u64) -> Result<Bytes> {
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
        let payload =
            map.slice(layout.payload, length).filter(|payload| checksum::plain(payload) == checksum);
        let payload = payload.ok_or_else(|| damaged("fails its checksum"))?;
        if length <= COPIED_BYTES_MAX {
            return Ok(Bytes::copy_from_slice(payload));
        }
        Ok(Value::new(map.clone(), layout.payload, length).into())
    }
}
