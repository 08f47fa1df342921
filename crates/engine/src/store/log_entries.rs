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
        move |address| {
            let segment = table.load().in_slot(address.slot());
            if let Some(map) = segment.and_then(|segment| segment.kept_map()) {
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
