//! The log as the indexes read it: from an address to the head of the entry.

use std::sync::Arc;

use crate::address::Address;
use crate::format::entry::{EntryHead, HEAD_BYTES_MAX, Place, Subject};
use crate::index::{Born, Entries, Entry, Rank, Space, VersionKind};
use crate::log::frame_of::frame_of;
use crate::log::segment_table::SegmentTable;
use crate::payload::InPlace;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct LogEntries {
    segments: Arc<SegmentTable>,
    alignment: u64,
}

impl LogEntries {
    pub(crate) fn new(segments: Arc<SegmentTable>, alignment: u64) -> Self {
        Self { segments, alignment }
    }

    /// Calls `read` with the head of an entry and the log offset where it stands.
    fn head<R>(&self, address: Address, read: impl FnOnce(Option<Head<'_>>) -> R) -> Option<R> {
        let table = self.segments.now();
        let segment = table.in_slot(address.slot())?;
        let offset = address.offset();
        let is_believed = segment.holds(offset, self.alignment);
        let head = segment.kept_map().filter(|_| is_believed).and_then(|map| {
            let length = HEAD_BYTES_MAX.min(map.length().saturating_sub(offset));
            let (head, layout) =
                EntryHead::decode(map.slice(offset, length)?, offset, self.alignment).ok()?;
            let born =
                head.moved.map_or(Born::At(segment.log_offset(offset)), |moved| Born::In(moved.sequence));
            let value = match head.place {
                Place::Inline { length, checksum } if layout.table.is_none() => {
                    Some(InPlace { segment, map, start: layout.payload, length, checksum, mark: offset })
                }
                _ => None,
            };
            Some(Head { head, bytes: layout.end - layout.start, born, value })
        });
        Some(read(head))
    }
}

/// Bytes that the system is asked for ahead of entries that stand in a row.
const FETCH_BYTES: u64 = 256 << 10;

/// Entries that are looked at one behind the other where they stand so, as in compacted segments: the system is told what
/// comes next, because it fetches nothing ahead by itself.
#[derive(Debug, Default)]
struct Row {
    last: Option<Address>,
    /// How many stood behind each other.
    length: u32,
    /// The end of what was asked for.
    fetched: u64,
}

impl Row {
    /// Takes in the next entry; says from where on to fetch, if it is time to.
    fn goes_on(&mut self, address: Address) -> Option<u64> {
        /// Where the next entry starts at most this far behind the last one, the two count as a row.
        const GAP_MAX: u64 = 32 << 10;
        /// After so many it is taken to go on.
        const LEAST: u32 = 32;
        let offset = address.offset();
        let follows = self.last.is_some_and(|last| {
            last.slot() == address.slot() && (last.offset()..last.offset() + GAP_MAX).contains(&offset)
        });
        if !follows {
            *self = Self { last: Some(address), ..Self::default() };
            return None;
        }
        self.last = Some(address);
        self.length += 1;
        if self.length < LEAST || offset + FETCH_BYTES / 2 < self.fetched {
            return None;
        }
        let start = self.fetched.max(offset);
        self.fetched = start + FETCH_BYTES;
        Some(start)
    }
}

struct Head<'a> {
    head: EntryHead<'a>,
    bytes: u64,
    born: Born,
    value: Option<InPlace<'a>>,
}

impl Entries for LogEntries {
    fn show<R>(&self, address: Address, read: impl FnOnce(&Entry<'_>) -> R) -> Option<R> {
        self.head(address, |found| {
            let plain = VersionKind::Value { deadline: None };
            let Some(Head { head, bytes, born, value }) = found else {
                let (space, key, born) = (Space::Keys, &b""[..], Born::In(crate::numbers::Sequence(0)));
                return read(&Entry {
                    space,
                    key,
                    kind: plain,
                    bytes: 0,
                    born,
                    value: None,
                    is_damaged: true,
                });
            };
            let kind = match head.deadline {
                _ if head.is_tombstone() => VersionKind::Tombstone,
                None => plain,
                deadline => VersionKind::Value { deadline },
            };
            let hash;
            let (space, key): (_, &[u8]) = match head.subject {
                Subject::Key(key) => (Space::Keys, key),
                Subject::Hash(number) => {
                    hash = number.to_be_bytes();
                    (Space::Hashes, &hash)
                }
            };
            read(&Entry { space, key, kind, bytes, born, value, is_damaged: false })
        })
    }

    fn toucher(&self) -> impl FnMut(Address) {
        let mut table = self.segments.cached();
        let mut row = Row::default();
        move |address| {
            let segment = table.load().in_slot(address.slot());
            if let Some(map) = segment.and_then(|segment| segment.kept_map()) {
                if let Some(start) = row.goes_on(address) {
                    map.fetch(start, FETCH_BYTES);
                }
                map.prefetch(address.offset());
            }
        }
    }

    fn rank(&self, address: Address) -> Option<Rank> {
        let moved = self.head(address, |found| found.and_then(|found| found.head.moved)).flatten();
        if let Some(moved) = moved {
            return Some((moved.sequence, moved.ordinal));
        }
        let segment = Arc::clone(self.segments.now().in_slot(address.slot())?);
        let frame = frame_of(&segment, self.alignment, address.offset()).ok()??;
        Some((frame.header.sequence, frame.ordinal))
    }
}

#[cfg(test)]
mod tests {
    use super::{FETCH_BYTES, Row};
    use crate::address::Address;

    #[test]
    fn what_stands_in_a_row_is_fetched_ahead_once_and_nothing_else_is() {
        let mut row = Row::default();
        let mut fetched = 128;
        for entry in 0..50_000_u64 {
            let offset = 128 + entry * 128;
            if let Some(start) = row.goes_on(Address::at(3, offset)) {
                assert!(start >= fetched && start >= offset, "{start} was fetched before");
                assert!(entry < 100 || start == fetched, "a gap before {start}");
                fetched = start + FETCH_BYTES;
            }
            assert!(entry < 100 || fetched > offset + FETCH_BYTES / 4, "nothing is ahead of {offset}");
        }
        let mut row = Row::default();
        for entry in 1..1000_u64 {
            let somewhere = entry * 7919 % 1000 * (64 << 10);
            assert_eq!(row.goes_on(Address::at(3, somewhere + 128)), None);
            assert_eq!(Row::default().goes_on(Address::at(4, somewhere + 128)), None);
        }
    }
}
