//! Every live entry, the newest first.
//!
//! Invariant: the entries are those of one consistent view. They are found in the index and put in order by what the frames
//! say, segment by segment; the segments are held, so that what compaction moves meanwhile can still be read where it was.

use std::ops::{Bound, ControlFlow};
use std::sync::{Arc, PoisonError};

use bytes::Bytes;

use super::core::Core;
use super::snapshot::{PinnedView, Snapshot};
use crate::address::Address;
use crate::error::{Error, Result};
use crate::format::entry::Subject;
use crate::format::segment_header;
use crate::hash::key_hash;
use crate::index::{Direction, Rank};
use crate::log::frame_writer::DraftSubject;
use crate::log::scan::Frames;
use crate::log::segment::Segment;
use crate::log::segment_table::Table;
use crate::numbers::Sequence;
use crate::value::Value;

/// An entry, as [`Snapshot::newest_first`] gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The commit that wrote it.
    pub sequence: Sequence,
    /// Its key; `None` when it was stored under a hash alone.
    pub key: Option<Bytes>,
    /// The XXH3-64 hash of its key, or the one that it was stored under.
    pub key_hash: u64,
    /// Its value, in place.
    pub value: Value,
}

/// Live entries, the newest first; see [`Snapshot::newest_first`].
#[derive(Debug)]
pub struct Entries {
    pinned: PinnedView,
    table: Arc<Table>,
    /// Ascending, so that the next one is the last.
    left: Vec<(Rank, Address)>,
}

impl Snapshot {
    /// Every live entry, stored with its key or under a hash alone, the one written last first. Within one commit the
    /// last operation comes first.
    ///
    /// The log is read once, keys only, to find the order, which takes 24 bytes of memory for each entry; values are read
    /// when they are asked for. For any other order take [`Snapshot::range`], which takes neither.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed); [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) when it cannot be
    /// told any more which commit wrote an entry. A value that fails its checksum is an error of its own entry.
    pub fn newest_first(&self) -> Result<Entries> {
        let core = &self.pinned.core;
        core.check_open()?;
        // Nothing moves while the places are noted.
        let _compacting = core.compacting.lock().unwrap_or_else(PoisonError::into_inner);
        let table = core.segments.held();
        let mut left = self.addresses();
        // By place, to meet them in the order in which the segments are read.
        left.sort_unstable_by_key(|(_, address)| *address);
        let mut rest = &mut left[..];
        while let Some((_, first)) = rest.first() {
            let slot = first.slot();
            let count = rest.partition_point(|(_, address)| address.slot() == slot);
            let (of_segment, others) = rest.split_at_mut(count);
            let segment = table.in_slot(slot).ok_or_else(|| core.closed_error())?;
            rank(core, segment, of_segment)?;
            rest = others;
        }
        left.sort_unstable();
        Ok(Entries { pinned: self.pinned.clone(), table, left })
    }

    /// Where the live entries stand, of both kinds.
    fn addresses(&self) -> Vec<(Rank, Address)> {
        let core = &self.pinned.core;
        let (keyspace, view) = (self.pinned.keyspace, self.pinned.view);
        let mut found = Vec::new();
        if !core.namespaces.shows(keyspace, view) {
            return found;
        }
        let (lower, upper) = keyspace.bounds((Bound::Unbounded, Bound::Unbounded));
        let bounds = (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice));
        core.index.scan(keyspace.keys(), bounds, view, Direction::Forward, |address, _| {
            found.push((Rank::default(), address));
            ControlFlow::Continue(())
        });
        core.index.scan_hash_only(keyspace, view, |version| found.push((Rank::default(), version.address)));
        found
    }
}

/// Finds out when the entries at these places of a segment, ascending, were written.
fn rank(core: &Core, segment: &Segment, places: &mut [(Rank, Address)]) -> Result<()> {
    let map = segment.map()?;
    let (end, alignment) = (segment.end(), core.identity.alignment.bytes());
    let mut frames = Frames::up_to(segment, &map, alignment, end);
    let io = |e| Error::io("read", &segment.path, &e);
    let mut left = places.iter_mut().peekable();
    let mut offset = segment_header::LENGTH;
    while let Some((_, next)) = left.peek() {
        let wanted = next.offset();
        let header = match frames.header(offset).map_err(io)? {
            Some((header, _)) if offset < end => header,
            _ => return Err(Error::damaged(&segment.path, offset, "a frame cannot be read any more")),
        };
        let frame_end = offset + header.frame_length();
        if wanted < frame_end {
            if !segment.holds(wanted, alignment) {
                return Err(Error::damaged(&segment.path, wanted, "an entry cannot be read any more"));
            }
            let mut ordinal = 0;
            let visit = &mut |head: &crate::format::entry::EntryHead<'_>,
                              layout: &crate::format::entry::Layout| {
                if let Some((rank, _)) = left.next_if(|(_, address)| address.offset() == layout.start) {
                    *rank = head
                        .moved
                        .map_or((header.sequence, ordinal), |moved| (moved.sequence, moved.ordinal));
                }
                ordinal += 1;
            };
            frames.entries(offset, &header, visit).map_err(io)?;
            if left.peek().is_some_and(|(_, address)| address.offset() < frame_end) {
                return Err(Error::damaged(
                    &segment.path,
                    offset,
                    "an entry of this frame cannot be read any more",
                ));
            }
        }
        offset = frame_end;
    }
    Ok(())
}

impl Entries {
    fn read(&self, rank: Rank, address: Address) -> Result<Entry> {
        let core = &self.pinned.core;
        core.check_open()?;
        let segment = self.table.in_slot(address.slot()).ok_or_else(|| core.closed_error())?;
        let map = segment.map()?;
        let subject = core.subject_in(segment, &map, address.offset())?;
        let (key, key_hash) = match subject {
            Subject::Key(key) => (Some(key), key_hash(key)),
            Subject::Hash(hash) | Subject::NamedHash(_, hash) => (None, hash),
            Subject::Named(full) => {
                let key = self.pinned.keyspace.strip(full);
                (Some(key), key_hash(key))
            }
            Subject::System(_) => {
                let text = "a system entry stands where one of the user's belongs";
                return Err(Error::damaged(&segment.path, address.offset(), text));
            }
        };
        let key = key.map(Bytes::copy_from_slice);
        let subject = DraftSubject::from(subject);
        let value = core.payload_in(segment, address.offset(), &subject)?.value()?;
        Ok(Entry { sequence: rank.0, key, key_hash, value })
    }
}

impl Iterator for Entries {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        let (rank, address) = self.left.pop()?;
        Some(self.read(rank, address))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.len(), Some(self.left.len()))
    }
}

impl ExactSizeIterator for Entries {}
