//! Reading a store's segments at open: what is there, what is missing, and whether that is a tear or rot.
//!
//! Nothing is written here. `docs/format.md` §8 has the rules; the terms are the same: W is the highest mark found.

use std::path::Path;
use std::sync::{Arc, Weak};

use super::catalog_file;
use super::covered::Covered;
use super::policy::{Policy, Skipped};
use super::scan::{Depth, Frames, Verdict};
use super::segment::Segment;
use super::source::MapSource;
use crate::error::{Error, Result};
use crate::format::UNIT;
use crate::format::catalog::{Catalog, Sealed, SegmentRecord};
use crate::format::entry::{EntryHead, Layout};
use crate::format::frame::{FrameHeader, FrameKind};
use crate::format::identity::Identity;
use crate::format::names;
use crate::format::segment_header::{self, SegmentHeader, SegmentKind};
use crate::numbers::{FrameNumber, Sequence, Timestamp};
use crate::seams::{Access, Disk, Map};

mod active;
mod headless;

pub(crate) use self::active::ActiveTail;
use self::active::{Reading, read_active};

/// Receives the frames and entries of a store while it is opened: compacted segments first, then the log in order.
pub(crate) trait Replay {
    /// A verified frame; its entries follow.
    fn frame(&mut self, segment: &Arc<Segment>, offset: u64, header: &FrameHeader);
    /// An entry of the frame that was shown last.
    fn entry(&mut self, segment: &Arc<Segment>, head: &EntryHead<'_>, layout: &Layout);
    /// The number that the frame holds that was shown last. Of floors the state of the log keeps count.
    fn number(&mut self, _segment: &Arc<Segment>, _kind: FrameKind, _number: u64) {}
}

/// What a store's files hold.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) catalog: Catalog,
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) active: Option<ActiveTail>,
    /// The position up to which frames were durable beyond doubt, and what came with it.
    pub(crate) state: LogState,
}

/// What the checkpoints of a store say.
#[derive(Debug, Default)]
pub(crate) struct Checkpointed {
    /// The highest mark in any of them that is whole: it is true, whether or not that one fits.
    pub(crate) mark: FrameNumber,
    /// The one to go on from.
    pub(crate) covered: Option<Covered>,
}

/// Where a log stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogState {
    pub(crate) last_frame: FrameNumber,
    pub(crate) last_sequence: Sequence,
    pub(crate) time: Timestamp,
    pub(crate) mark: FrameNumber,
    pub(crate) floor: Sequence,
    /// The highest epoch of a frame.
    pub(crate) epoch: u32,
}

/// Reads the store in `dir` and shows what counts to `replay`. The undecided frames of the active segment are not
/// shown: a writer writes them again first, a reader calls [`replay_undecided`]. `policy` says what becomes of a store of
/// which something is missing.
pub(crate) fn recover(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    identity: &Identity,
    policy: &mut Policy,
    checkpoint: &Checkpointed,
    replay: &mut dyn Replay,
) -> Result<Recovered> {
    let loaded = catalog_file::load(&**disk, dir)?;
    let faults: Vec<_> = loaded.faults().collect();
    let Some(catalog) = loaded.catalog else {
        let what = if loaded.damaged.is_empty() { "is missing" } else { "is damaged" };
        let path = dir.join(names::CATALOGS[0]);
        policy.found(Skipped::at(path, 0, format!("the catalog {what}, both copies")))?;
        return headless::recover(disk, dir, identity, policy, replay);
    };
    for (path, what) in faults {
        policy.made_up_for(Skipped::at(path, 0, what));
    }
    let mut segments = Vec::new();
    let mut state = LogState { time: catalog.time, floor: catalog.floor, ..LogState::default() };
    let mut highest_mark = catalog.mark.max(checkpoint.mark);
    let covered = checkpoint.covered.as_ref();

    for record in catalog.of_kind(SegmentKind::Stream) {
        if policy.skips() && stream_is_missing(disk, dir, record, policy)? {
            continue;
        }
        segments.push(Arc::new(Segment::stream(dir, record, Arc::clone(disk), Weak::new())));
    }
    for record in catalog.of_kind(SegmentKind::Compacted) {
        let Some((segment, _)) = open_segment(disk, dir, identity, record, covered, policy)? else {
            continue;
        };
        if covered.is_none() {
            let mut own = at_start_of(record);
            replay_sealed(&segment, record, segment_header::LENGTH, identity, &mut own, policy, replay)?;
            state.epoch = state.epoch.max(own.epoch);
        }
        segments.push(segment);
    }
    let mut active = None;
    for record in catalog.of_kind(SegmentKind::Log) {
        let Some((segment, length)) = open_segment(disk, dir, identity, record, covered, policy)? else {
            // What the catalog says of a sealed segment holds without the file.
            if let Some(sealed) = record.sealed {
                (state.last_frame, state.last_sequence) = (sealed.last_frame, sealed.last_sequence);
                highest_mark = highest_mark.max(sealed.last_frame);
            }
            continue;
        };
        if state.last_frame.0 != 0 && record.first_frame != state.last_frame.next() {
            hole_before(&segment, record.first_frame, &state, policy)?;
        }
        // What a checkpoint covers is not read; it says where the log stands behind that.
        if let (Some(covered), Some(sealed)) = (covered, record.sealed)
            && record.id < covered.end.0
        {
            state.last_frame = sealed.last_frame;
            segments.push(segment);
            continue;
        }
        let (start, epoch) = match covered {
            Some(covered) if record.id == covered.end.0 => {
                state = covered.state(state);
                (covered.end.1, covered.epoch)
            }
            _ => {
                state.last_frame = at_start_of(record).last_frame;
                (segment_header::LENGTH, 0)
            }
        };
        if record.sealed.is_some() {
            replay_sealed(&segment, record, start, identity, &mut state, policy, replay)?;
            highest_mark = highest_mark.max(state.last_frame);
        } else {
            state.mark = highest_mark;
            let recorded = catalog.last_sequence;
            let reading = Reading { start, epoch, length, recorded, before: FrameNumber(u64::MAX), identity };
            let tail = read_active(segment, &reading, &mut state, policy, replay)?;
            segments.push(Arc::clone(&tail.segment));
            active = Some(tail);
            continue;
        }
        segments.push(segment);
    }
    if active.is_none() {
        state.last_frame = state.last_frame.max(catalog.last_frame);
        state.last_sequence = state.last_sequence.max(catalog.last_sequence);
        state.mark = highest_mark;
        if state.last_frame < state.mark {
            policy.found(missing_frames(dir, 0, state.last_frame, state.mark))?;
        }
    }
    // A compacted store can hold no log frame with the newest sequence or time; the catalog has them.
    if state.last_sequence.0 == 0 {
        state.last_sequence = catalog.last_sequence;
    }
    let recovered = Recovered { catalog, segments, active, state };
    check_epoch(dir, &recovered, policy)?;
    Ok(recovered)
}

/// Notes frames of an epoch that the catalog knows nothing of: an epoch is in both of its copies before the first frame of it is
/// written, so these are not the newest ones, and what they say of the segments is out of date.
fn check_epoch(dir: &Path, recovered: &Recovered, policy: &mut Policy) -> Result<()> {
    let known = recovered.catalog.epoch;
    let undecided = recovered.active.iter().flat_map(|active| &active.undecided);
    let epoch = undecided.map(|(_, header)| header.epoch).chain([recovered.state.epoch]).max().unwrap_or(0);
    if epoch <= known {
        return Ok(());
    }
    let what = format!("it is of epoch {known}, and a frame of epoch {epoch}: this catalog is an older one");
    policy.found(Skipped::at(dir.join(names::CATALOGS[0]), 0, what))
}

/// Where the log stands before the first frame of a segment, as far as frames go.
fn at_start_of(record: &SegmentRecord) -> LogState {
    LogState { last_frame: FrameNumber(record.first_frame.0.saturating_sub(1)), ..LogState::default() }
}

/// Notes that the frames between the log so far and `segment`, which begins with frame `first`, are in no file.
fn hole_before(segment: &Segment, first: FrameNumber, state: &LogState, policy: &mut Policy) -> Result<()> {
    let what = format!(
        "begins with frame {first}, and the segment before ends with frame {}: a segment is missing",
        state.last_frame
    );
    let last = FrameNumber(first.0.saturating_sub(1));
    policy.found(Skipped::at(&segment.path, 0, what).frames(state.last_frame.next(), last))
}

/// Whether the file of a stream is not there or too short, which is noted then: its entries can be listed, not read.
fn stream_is_missing(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    record: &SegmentRecord,
    policy: &mut Policy,
) -> Result<bool> {
    let path = dir.join(names::segment(record.id, record.kind));
    let needed = record.sealed.map_or(0, |sealed| sealed.length);
    let (offset, what) = match disk.open(&path, Access::Read) {
        Ok(file) => match file.length().map_err(|e| Error::io("read the length of", &path, &e))? {
            length if length >= needed => return Ok(false),
            length => (length, format!("the file ends here; {needed} bytes were written")),
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => (0, "the file is missing".to_owned()),
        Err(e) => return Err(Error::io("open", &path, &e)),
    };
    policy.found(Skipped::at(&path, offset, what))?;
    Ok(true)
}

/// Shows the undecided frames to `replay` as they stand, and counts them in `state`.
pub(crate) fn replay_undecided(
    tail: &ActiveTail,
    identity: &Identity,
    state: &mut LogState,
    policy: &mut Policy,
    replay: &mut dyn Replay,
) -> Result<()> {
    let segment = &tail.segment;
    let map = segment.map()?;
    let mut frames = frames_of(segment, &map, tail.end, identity);
    for (offset, header) in &tail.undecided {
        if advance(segment, *offset, header, identity, state, policy)? {
            show(segment, &mut frames, *offset, header, state, replay)?;
        }
    }
    Ok(())
}

/// Where the log stands when the undecided frames count as well, after checking that each follows the one before. Nothing
/// is shown, so a writer may ask before it changes anything.
pub(crate) fn state_with_undecided(
    tail: &ActiveTail,
    identity: &Identity,
    state: LogState,
) -> Result<LogState> {
    let segment = &tail.segment;
    let map = segment.map()?;
    let mut frames = frames_of(segment, &map, tail.end, identity);
    let mut state = state;
    for (offset, header) in &tail.undecided {
        advance(segment, *offset, header, identity, &mut state, &mut Policy::Refuse)?;
        if header.kind == FrameKind::Floor {
            let floor = frames.number(*offset).map_err(|e| Error::io("read", &segment.path, &e))?;
            state.floor = state.floor.max(Sequence(floor));
        }
    }
    Ok(state)
}

fn frames_of<'a>(segment: &Segment, map: &'a Map, end: u64, identity: &Identity) -> Frames<MapSource<'a>> {
    Frames::up_to(segment, map, identity.alignment.bytes(), end)
}

/// Opens and maps a log or compacted segment; returns it and the length of its file, or `None` when it is skipped.
fn open_segment(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    identity: &Identity,
    record: &SegmentRecord,
    covered: Option<&Covered>,
    policy: &mut Policy,
) -> Result<Option<(Arc<Segment>, u64)>> {
    let path = dir.join(names::segment(record.id, record.kind));
    let skipped = |offset, what: String| {
        let skipped = Skipped::at(&path, offset, what);
        match (record.kind, record.sealed) {
            (SegmentKind::Log, Some(sealed)) => skipped.frames(record.first_frame, sealed.last_frame),
            _ => skipped,
        }
    };
    let file = match disk.open(&path, Access::Read) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            policy.found(skipped(0, "the file is missing".to_owned()))?;
            return Ok(None);
        }
        Err(e) => return Err(Error::io("open", &path, &e)),
    };
    let length = file.length().map_err(|e| Error::io("read the length of", &path, &e))?;
    // The header was durable before the catalog named the segment.
    let covered = covered.and_then(|covered| covered.segments.get(&record.id));
    let written = covered.map_or(segment_header::LENGTH, |(covered, _)| covered.end);
    let needed = record.sealed.map_or(written, |sealed| sealed.length);
    if length < needed {
        let what = format!("the file ends here; {needed} bytes were written");
        policy.found(Skipped::at(&path, length, what))?;
    }
    if length < segment_header::LENGTH {
        return Ok(None);
    }
    let mut header = [0; segment_header::BYTES];
    let read = file.read_full_at(&mut header, 0).map_err(|e| Error::io("read", &path, &e))?;
    // A header that does not verify is made up for by the catalog; one that verifies and speaks of another segment
    // means that the file was exchanged.
    if let Some(header) = SegmentHeader::decode(&header[..read])
        && (header.id, header.nonce, header.store_id) != (record.id, record.nonce, identity.store_id)
    {
        policy.found(skipped(0, "the file belongs to another store or another segment".to_owned()))?;
        return Ok(None);
    }
    let mapped = if record.sealed.is_some() { needed.min(length) } else { length };
    let map = file.map(mapped).map_err(|e| Error::io("map", &path, &e))?;
    let mut record = record.clone();
    if let Some(sealed) = &mut record.sealed {
        sealed.length = mapped;
    }
    let segment = Segment::mapped(dir, &record, map);
    let segment = match covered {
        Some((covered, starts)) => segment.covered(covered, starts.clone()),
        None => segment,
    };
    Ok(Some((Arc::new(segment), length)))
}

/// Reads a segment that is complete, all of which was acknowledged, from the frame at `offset` on, which follows those of
/// `state`. The length that counts is the segment's own.
fn replay_sealed(
    segment: &Arc<Segment>,
    record: &SegmentRecord,
    mut offset: u64,
    identity: &Identity,
    state: &mut LogState,
    policy: &mut Policy,
    replay: &mut dyn Replay,
) -> Result<()> {
    let io = |e| Error::io("read", &segment.path, &e);
    let sealed: Sealed = record.sealed.unwrap_or_default();
    let map = segment.map()?;
    let length = segment.end();
    let mut frames = frames_of(segment, &map, length, identity);
    while offset < length {
        let header = match frames.judge(offset, Depth::Keys).map_err(io)? {
            Verdict::Whole(header) | Verdict::BadPayloads(header, _) => header,
            Verdict::BadBody(header) => {
                let fault = frames.body_fault(offset, &header).map_err(io)?;
                policy.found(bad_body(segment, offset, &header, fault))?;
                state.last_frame = state.last_frame.max(header.number);
                offset += header.frame_length();
                continue;
            }
            Verdict::NoFrame => {
                let next = frames.find_header(offset + UNIT).map_err(io)?;
                let last = next.map_or(sealed.last_frame, |(_, header)| FrameNumber(header.number.0 - 1));
                policy.found(bad_header(segment, offset, state, last))?;
                state.last_frame = state.last_frame.max(last);
                offset = next.map_or(length, |(at, _)| at);
                continue;
            }
        };
        if advance(segment, offset, &header, identity, state, policy)? {
            show(segment, &mut frames, offset, &header, state, replay)?;
        }
        offset += header.frame_length();
    }
    if state.last_frame != sealed.last_frame {
        policy.found(missing_frames(&segment.path, length, state.last_frame, sealed.last_frame))?;
        state.last_frame = state.last_frame.max(sealed.last_frame);
    }
    Ok(())
}

/// Counts a frame, after checking that it is the next one; `false` when it is passed over because it is not. Where frames
/// were skipped, sequences may be missing too, and then they only have to rise.
fn advance(
    segment: &Segment,
    offset: u64,
    header: &FrameHeader,
    identity: &Identity,
    state: &mut LogState,
    policy: &mut Policy,
) -> Result<bool> {
    if (header.kind == FrameKind::Moved) != (segment.kind == SegmentKind::Compacted)
        || !header.kind.belongs_in(identity.log_kind())
    {
        let what = format!("frame {} is of a kind that does not belong in such a segment", header.number);
        policy.found(Skipped::at(&segment.path, offset, what).frames(header.number, header.number))?;
        state.last_frame = state.last_frame.max(header.number);
        return Ok(false);
    }
    if header.number != state.last_frame.next() {
        let what = format!("frame {} stands where frame {} belongs", header.number, state.last_frame.next());
        policy.found(Skipped::at(&segment.path, offset, what).frames(header.number, header.number))?;
        return Ok(false);
    }
    let next = state.last_sequence.next();
    if header.kind == FrameKind::Commit && state.last_sequence.0 != 0 {
        let follows = if policy.skips() { header.sequence >= next } else { header.sequence == next };
        if !follows {
            let what = format!("commit {} stands where commit {next} belongs", header.sequence);
            let skipped = Skipped::at(&segment.path, offset, what).frames(header.number, header.number);
            policy.found(skipped.sequence(header.sequence))?;
            state.last_frame = header.number;
            return Ok(false);
        }
    }
    state.last_frame = header.number;
    state.mark = state.mark.max(header.mark);
    state.time = state.time.max(header.time);
    state.epoch = state.epoch.max(header.epoch);
    if header.kind == FrameKind::Commit {
        state.last_sequence = header.sequence;
    }
    Ok(true)
}

fn show(
    segment: &Arc<Segment>,
    frames: &mut Frames<MapSource<'_>>,
    offset: u64,
    header: &FrameHeader,
    state: &mut LogState,
    replay: &mut dyn Replay,
) -> Result<()> {
    let io = |e| Error::io("read", &segment.path, &e);
    segment.raise_last_sequence(header.sequence.0);
    replay.frame(segment, offset, header);
    if header.kind.has_number() {
        let number = frames.number(offset).map_err(io)?;
        if header.kind == FrameKind::Floor {
            state.floor = state.floor.max(Sequence(number));
        }
        replay.number(segment, header.kind, number);
    }
    frames.entries(offset, header, &mut |head, layout| replay.entry(segment, head, layout)).map_err(io)?;
    segment.set_end(segment.end().max(offset + header.frame_length()));
    Ok(())
}

/// The frames behind the last one of `state` up to `last`, of which the first has no header that verifies.
fn bad_header(segment: &Segment, offset: u64, state: &LogState, last: FrameNumber) -> Skipped {
    let first = state.last_frame.next();
    if segment.kind == SegmentKind::Compacted {
        let what = format!("frame {first} of moved entries was acknowledged and cannot be read");
        return Skipped::at(&segment.path, offset, what).frames(first, last);
    }
    let sequence = state.last_sequence.next();
    let what = format!("frame {first} was acknowledged and cannot be read (sequence {sequence} or later)");
    Skipped::at(&segment.path, offset, what).frames(first, last).sequence(sequence)
}

fn bad_body(segment: &Segment, offset: u64, header: &FrameHeader, fault: &str) -> Skipped {
    let what = format!("the keys of frame {} (sequence {}) {fault}", header.number, header.sequence);
    let skipped = Skipped::at(&segment.path, offset, what).frames(header.number, header.number);
    if header.kind == FrameKind::Commit { skipped.sequence(header.sequence) } else { skipped }
}

fn missing_frames(path: &Path, offset: u64, last: FrameNumber, expected: FrameNumber) -> Skipped {
    let what = format!("it ends with frame {last}, and frame {expected} was acknowledged");
    Skipped::at(path, offset, what).frames(last.next(), expected)
}
