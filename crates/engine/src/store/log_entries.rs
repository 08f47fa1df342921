//! The log as the indexes read it: from an address to the head of the entry.

use std::cell::OnceCell;
use std::sync::Arc;

use arc_swap::Guard;

use super::row::{FETCH_BYTES, Row};
use crate::address::Address;
use crate::format::NUMBERS_END;
use crate::format::entry::{EntryHead, HEAD_BYTES_MAX, Layout, Lineage, Place, Plain};
use crate::index::{Born, Entries, Entry, Look, Name, Rank, Space, Spelled, VersionKind};
use crate::log::frame_of::{frame_of, lineage_of_silent};
use crate::log::segment::Segment;
use crate::log::segment_table::{Held, SegmentTable, Table};
use crate::numbers::Sequence;
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
}

impl Entries for LogEntries {
    #[inline]
    fn show<R>(&self, address: Address, read: impl FnOnce(&Entry<'_>) -> R) -> Option<R> {
        let table = self.segments.now();
        Some(show_in(table.in_slot(address.slot())?, address, self.alignment, read))
    }

    fn look(&self) -> impl Look {
        LogLook { held: self.segments.for_reads(), row: Row::default(), alignment: self.alignment }
    }

    #[inline]
    fn glance(&self) -> impl Look {
        LogGlance { of: &self.segments, table: OnceCell::new(), alignment: self.alignment }
    }

    fn rank(&self, address: Address) -> Option<Rank> {
        let segment = Arc::clone(self.segments.now().in_slot(address.slot())?);
        let moved = any_head(&segment, address, self.alignment).and_then(|(head, ..)| head.moved);
        if let Some(moved) = moved {
            return Some((moved.sequence, moved.ordinal));
        }
        let frame = frame_of(&segment, self.alignment, address.offset()).ok()??;
        let (head, ..) = any_head(&segment, address, self.alignment)?;
        Some((frame.header.rank_of(head.subject), frame.ordinal))
    }
}

/// A look that holds the segment table.
#[derive(Debug)]
struct LogLook<'t> {
    held: Held<'t>,
    row: Row,
    alignment: u64,
}

impl Look for LogLook<'_> {
    #[inline]
    fn plain(&self, address: Address) -> Option<Entry<'_>> {
        plain_in(self.held.table(), address, self.alignment)
    }

    #[inline]
    fn reach(&self, address: Address) {
        reach_in(self.held.table(), address);
    }

    #[inline]
    fn fetch(&mut self, address: Address) {
        fetch_in(self.held.table(), address, &mut self.row);
    }

    fn lineage(&self, address: Address) -> Option<Lineage> {
        lineage_in(self.held.table(), address)
    }

    #[inline]
    fn is_current(&self) -> bool {
        self.held.is_current()
    }

    #[cold]
    fn renew(&mut self) {
        self.held.renew();
    }
}

/// A look for a moment, which takes the segment table only if it comes to an entry.
#[derive(Debug)]
struct LogGlance<'t> {
    of: &'t SegmentTable,
    table: OnceCell<Guard<Arc<Table>>>,
    alignment: u64,
}

impl LogGlance<'_> {
    #[inline]
    fn table(&self) -> &Table {
        self.table.get_or_init(|| self.of.now())
    }
}

impl Look for LogGlance<'_> {
    #[inline]
    fn plain(&self, address: Address) -> Option<Entry<'_>> {
        plain_in(self.table(), address, self.alignment)
    }

    #[inline]
    fn reach(&self, address: Address) {
        reach_in(self.table(), address);
    }

    fn fetch(&mut self, address: Address) {
        fetch_in(self.table(), address, &mut Row::default());
    }

    fn lineage(&self, address: Address) -> Option<Lineage> {
        lineage_in(self.table(), address)
    }

    fn is_current(&self) -> bool {
        self.table.get().is_none_or(|table| Arc::ptr_eq(table, &self.of.now()))
    }

    fn renew(&mut self) {
        self.table.take();
    }
}

#[inline(always)]
fn plain_in(table: &Table, address: Address, alignment: u64) -> Option<Entry<'_>> {
    plain_entry(table.in_slot(address.slot())?, address.offset(), alignment)
}

fn lineage_in(table: &Table, address: Address) -> Option<Lineage> {
    Some(lineage_of_silent(table.in_slot(address.slot())?, address.offset()))
}

/// Cache lines that are fetched of an entry: all of a short one, wherever it begins in its first line.
const LINES_AHEAD: usize = 3;

#[inline(always)]
fn reach_in(table: &Table, address: Address) {
    let Some(segment) = table.in_slot(address.slot()) else { return };
    if let Some(map) = segment.kept_map() {
        map.prefetch::<LINES_AHEAD>(address.offset());
        segment.touched().prefetch(address.offset());
    }
}

#[inline]
fn fetch_in(table: &Table, address: Address, row: &mut Row) {
    if let Some(start) = row.goes_on(address)
        && let Some(map) = table.in_slot(address.slot()).and_then(|segment| segment.kept_map())
    {
        map.fetch(start, FETCH_BYTES);
    }
    reach_in(table, address);
}

/// Calls `read` with the entry at an address of this segment.
#[inline]
fn show_in<R>(segment: &Segment, address: Address, alignment: u64, read: impl FnOnce(&Entry<'_>) -> R) -> R {
    if let Some(entry) = plain_entry(segment, address.offset(), alignment) {
        return read(&entry);
    }
    let (mut read, mut answer) = (Some(read), None);
    show_any(segment, address, alignment, &mut |entry| answer = read.take().map(|read| read(entry)));
    answer.expect("an entry is shown, if only as damaged")
}

/// The entry, if it is one of the common kind.
#[inline(always)]
fn plain_entry(segment: &Segment, offset: u64, alignment: u64) -> Option<Entry<'_>> {
    let map = segment.kept_map().filter(|_| segment.holds(offset, alignment))?;
    let plain = Plain::decode(map.slice(offset, Plain::BYTES)?, offset, alignment)?;
    let born = match plain.sequence {
        None => Born::At(segment.log_offset(offset)),
        Some(at) => {
            let sequence = u64::from_le_bytes(*map.slice(at, 8)?.first_chunk()?);
            Born::In(Sequence(Some(sequence).filter(|sequence| *sequence < NUMBERS_END)?))
        }
    };
    // One look at the end of the map for both: the payload lies behind the key.
    let lineage = match plain.lineage {
        None => None,
        Some(at) => Some(Lineage::decode(map.slice(at, Lineage::BYTES)?.first_chunk()?)?),
    };
    let key = map
        .slice(plain.key, plain.payload_end() - plain.key)?
        .get(..usize::try_from(plain.key_length).ok()?)?;
    let Plain { payload: start, payload_length: length, checksum, .. } = plain;
    Some(Entry {
        space: Space::Keys,
        key,
        kind: VersionKind::Value { deadline: None },
        bytes: plain.end() - offset,
        born,
        lineage,
        value: Some(InPlace { segment, map, start, length, checksum, mark: offset }),
        is_damaged: false,
    })
}

/// The head of an entry of any kind.
fn any_head(segment: &Segment, address: Address, alignment: u64) -> Option<(EntryHead<'_>, Layout)> {
    let offset = address.offset();
    let map = segment.kept_map().filter(|_| segment.holds(offset, alignment))?;
    let length = HEAD_BYTES_MAX.min(map.length().saturating_sub(offset));
    EntryHead::decode(map.slice(offset, length)?, offset, alignment).ok()
}

#[cold]
fn show_any(segment: &Segment, address: Address, alignment: u64, read: &mut dyn FnMut(&Entry<'_>)) {
    let plain = VersionKind::Value { deadline: None };
    let found = any_head(segment, address, alignment).zip(segment.kept_map());
    let Some(((head, layout), map)) = found else {
        let (space, key, born) = (Space::Keys, &b""[..], Born::In(Sequence(0)));
        let lineage = None;
        return read(&Entry {
            space,
            key,
            kind: plain,
            bytes: 0,
            born,
            lineage,
            value: None,
            is_damaged: true,
        });
    };
    let born =
        head.moved.map_or(Born::At(segment.log_offset(layout.start)), |moved| Born::In(moved.sequence));
    let value = match head.place {
        Place::Inline { length, checksum } if layout.table.is_none() => {
            Some(InPlace { segment, map, start: layout.payload, length, checksum, mark: layout.start })
        }
        _ => None,
    };
    let kind = match head.deadline {
        _ if head.is_tombstone() => VersionKind::Tombstone,
        None => plain,
        deadline => VersionKind::Value { deadline },
    };
    let mut spelled = Spelled::default();
    let (space, key) = Name::spell(head.subject, &mut spelled);
    let (bytes, lineage) = (layout.end - layout.start, head.lineage);
    read(&Entry { space, key, kind, bytes, born, lineage, value, is_damaged: false });
}
