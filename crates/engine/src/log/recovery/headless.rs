//! Reading a store of which both copies of the catalog are lost: segments are found by their names and headers.
//!
//! Nothing here is certain to be complete: a segment that is gone is not missed unless one before and one behind it are
//! left, and what the catalog had given up may come back. Frames verify or do not count, as always.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Weak};

use super::active::{Reading, read_active};
use super::{
    LogState, Recovered, Replay, at_start_of, frames_of, hole_before, open_segment, replay_sealed,
    replay_undecided,
};
use crate::error::{Error, Result};
use crate::format::catalog::{Catalog, Sealed, SegmentRecord};
use crate::format::entry::{EntryHead, Layout, Place};
use crate::format::frame::FrameHeader;
use crate::format::identity::Identity;
use crate::format::names;
use crate::format::segment_header::{self, SegmentHeader, SegmentKind, stream_file_length};
use crate::log::policy::{Policy, Skipped};
use crate::log::segment::Segment;
use crate::numbers::{FrameNumber, SegmentId, Sequence, Timestamp};
use crate::seams::{Access, Disk};

/// Reads what is there of the store in `dir`, undecided frames included; [`Recovered::active`] is `None`.
pub(super) fn recover(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    identity: &Identity,
    policy: &mut Policy,
    replay: &mut dyn Replay,
) -> Result<Recovered> {
    let mut replay = StreamNotes { inner: replay, streams: BTreeMap::new() };
    let records = records(&**disk, dir, identity, policy)?;
    let mut catalog = no_catalog(identity);
    let mut segments = Vec::new();
    let mut state = LogState::default();

    for mut record in of_kind(&records, SegmentKind::Compacted) {
        let Some((segment, length)) = open_segment(disk, dir, identity, &record, None, policy)? else {
            continue;
        };
        let Some((end, last_frame)) = last_frame(&segment, length, identity)? else { continue };
        record.sealed = Some(Sealed { length: end, last_frame, last_sequence: Sequence(0) });
        segment.set_end(end);
        let mut own = at_start_of(&record);
        replay_sealed(&segment, &record, segment_header::LENGTH, identity, &mut own, policy, &mut replay)?;
        segments.push(segment);
        catalog.add(record);
    }
    let mut logs = Vec::new();
    for record in of_kind(&records, SegmentKind::Log) {
        let Some((segment, length)) = open_segment(disk, dir, identity, &record, None, policy)? else {
            continue;
        };
        // One without a frame is an unused file, and says nothing about where the one before it ends.
        if last_frame(&segment, length, identity)?.is_some() {
            logs.push((record, segment, length));
        }
    }
    for at in 0..logs.len() {
        let (record, segment, length) = &logs[at];
        if state.last_frame.0 != 0 && record.first_frame > state.last_frame.next() {
            hole_before(segment, record.first_frame, &state, policy)?;
        }
        // A segment that was not closed in order is replaced by one that begins with the first frame that was not
        // known to be durable; what the older one has from there on does not count.
        let later = logs[at + 1..].iter().map(|(record, ..)| record.first_frame).min();
        let before = later.unwrap_or(FrameNumber(u64::MAX));
        state.last_frame = FrameNumber(record.first_frame.0.saturating_sub(1));
        // Only the segment's own marks prove that a frame behind a hole in it was ever acknowledged.
        state.mark = FrameNumber(0);
        let (start, epoch, recorded) = (segment_header::LENGTH, 0, state.last_sequence);
        let reading = Reading { start, epoch, length: *length, recorded, before, identity };
        let tail = read_active(Arc::clone(segment), &reading, &mut state, policy, &mut replay)?;
        replay_undecided(&tail, identity, &mut state, policy, &mut replay)?;
        segments.push(Arc::clone(segment));
        catalog.add(record.clone());
    }
    state.mark = state.last_frame;

    let named = replay.streams;
    for mut record in of_kind(&records, SegmentKind::Stream) {
        // Only entries know how long a stream is and what its checksum must be.
        let Some(&(length, checksum)) = named.get(&record.id) else { continue };
        record.sealed = Some(Sealed { length: stream_file_length(length), ..Sealed::default() });
        (record.payload_length, record.payload_checksum) = (length, checksum);
        if super::stream_is_missing(disk, dir, &record, policy)? {
            continue;
        }
        segments.push(Arc::new(Segment::stream(dir, &record, Arc::clone(disk), Weak::new())));
        catalog.add(record);
    }
    for segment in named.keys().filter(|id| !records.iter().any(|record| record.id == **id)) {
        let path = dir.join(names::segment(*segment, SegmentKind::Stream));
        policy.found(Skipped::at(path, 0, "a stream that entries refer to is missing or unreadable"))?;
    }
    catalog.last_frame = state.last_frame;
    catalog.last_sequence = state.last_sequence;
    Ok(Recovered { catalog, segments, active: None, state })
}

fn no_catalog(identity: &Identity) -> Catalog {
    Catalog {
        generation: 0,
        identity: identity.encode(),
        epoch: 0,
        closed: false,
        last_frame: FrameNumber(0),
        last_sequence: Sequence(0),
        time: Timestamp(0),
        mark: FrameNumber(0),
        active_end: 0,
        floor: Sequence(0),
        next_segment: SegmentId(1),
        history: Sequence(0),
        segments: Vec::new(),
    }
}

fn of_kind(records: &[SegmentRecord], kind: SegmentKind) -> impl Iterator<Item = SegmentRecord> {
    records.iter().filter(move |record| record.kind == kind).cloned()
}

/// What the headers of the segment files say, ascending by id; lengths are not known to them.
fn records(
    disk: &dyn Disk,
    dir: &Path,
    identity: &Identity,
    policy: &mut Policy,
) -> Result<Vec<SegmentRecord>> {
    let listed = disk.list(dir).map_err(|e| Error::io("list", dir, &e))?;
    let mut ids: Vec<_> =
        listed.iter().filter_map(|name| names::parse_segment(&name.to_string_lossy())).collect();
    ids.sort_by_key(|(id, kind)| (*id, kind.code()));
    let mut records: Vec<SegmentRecord> = Vec::new();
    for (id, kind) in ids {
        let path = dir.join(names::segment(id, kind));
        let file = disk.open(&path, Access::Read).map_err(|e| Error::io("open", &path, &e))?;
        let mut bytes = [0; segment_header::BYTES];
        let read = file.read_full_at(&mut bytes, 0).map_err(|e| Error::io("read", &path, &e))?;
        let what = match SegmentHeader::decode(&bytes[..read]) {
            Some(header) if header.store_id != identity.store_id => "the file belongs to another store",
            Some(header) if (header.id, header.kind) != (id, kind) => "the file belongs to another segment",
            Some(header) => {
                records.push(SegmentRecord {
                    id,
                    kind,
                    nonce: header.nonce,
                    base: header.base,
                    first_frame: header.first_frame,
                    sealed: None,
                    payload_checksum: 0,
                    payload_length: 0,
                });
                continue;
            }
            None => "the segment's header fails its checksum, and no catalog is left that has what it said",
        };
        policy.found(Skipped::at(path, 0, what))?;
    }
    Ok(records)
}

/// The end and the number of the last frame in a segment whose header verifies; `None` when there is none.
fn last_frame(segment: &Segment, length: u64, identity: &Identity) -> Result<Option<(u64, FrameNumber)>> {
    let map = segment.map()?;
    let mut frames = frames_of(segment, &map, length, identity);
    let mut last = None;
    let mut at = segment_header::LENGTH;
    while let Some((found, header)) =
        frames.find_header(at).map_err(|e| Error::io("read", &segment.path, &e))?
    {
        at = found + header.frame_length();
        last = Some((at.min(length), header.number));
    }
    Ok(last)
}

/// Shows everything to another one, and remembers what entries say of streams.
struct StreamNotes<'a> {
    inner: &'a mut dyn Replay,
    /// Length and checksum of the payload.
    streams: BTreeMap<SegmentId, (u64, u32)>,
}

impl Replay for StreamNotes<'_> {
    fn frame(&mut self, segment: &Arc<Segment>, offset: u64, header: &FrameHeader) {
        self.inner.frame(segment, offset, header);
    }

    fn entry(&mut self, segment: &Arc<Segment>, head: &EntryHead<'_>, layout: &Layout) {
        if let Place::External { segment: stream, length, checksum } = head.place {
            self.streams.insert(stream, (length, checksum));
        }
        self.inner.entry(segment, head, layout);
    }
}
