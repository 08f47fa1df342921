//! Reading a store's segments at open: what is there, what is missing, and whether that is a tear or rot.
//!
//! Nothing is written here. `docs/format.md` §8 has the rules; the terms are the same: W is the highest mark found.

use std::path::Path;
use std::sync::{Arc, Weak};

use super::catalog_file;
use super::scan::{Depth, Frames, Verdict};
use super::segment::Segment;
use super::source::MapSource;
use crate::error::{Error, ErrorKind, Result};
use crate::format::catalog::{Catalog, Sealed, SegmentRecord};
use crate::format::entry::{EntryHead, Layout};
use crate::format::frame::{self, FrameHeader, FrameKind};
use crate::format::identity::Identity;
use crate::format::segment_header::{self, SegmentHeader, SegmentKind};
use crate::numbers::{FrameNumber, Sequence, Timestamp};
use crate::planted::{Bug, planted};
use crate::seams::{Access, Disk, Map};

/// Receives the frames and entries of a store while it is opened: compacted segments first, then the log in order.
pub(crate) trait Replay {
    /// A verified frame; its entries follow.
    fn frame(&mut self, segment: &Arc<Segment>, offset: u64, header: &FrameHeader);
    /// An entry of the frame that was shown last.
    fn entry(&mut self, segment: &Arc<Segment>, head: &EntryHead<'_>, layout: &Layout);
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

/// Where a log stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogState {
    pub(crate) last_frame: FrameNumber,
    pub(crate) last_sequence: Sequence,
    pub(crate) time: Timestamp,
    pub(crate) mark: FrameNumber,
    pub(crate) floor: Sequence,
}

/// The end of the active segment.
#[derive(Debug)]
pub(crate) struct ActiveTail {
    pub(crate) segment: Arc<Segment>,
    /// The end of the last frame that was durable beyond doubt.
    pub(crate) durable_end: u64,
    pub(crate) durable: LogState,
    /// Whole frames behind it that may not be on the disk, in order.
    pub(crate) undecided: Vec<(u64, FrameHeader)>,
    /// The end of the last of them, or `durable_end`.
    pub(crate) end: u64,
    /// Bytes of unfinished writes behind that.
    pub(crate) torn_bytes: u64,
}

/// Reads the store in `dir` and shows what counts to `replay`. The undecided frames of the active segment are not
/// shown: a writer writes them again first, a reader calls [`replay_undecided`].
pub(crate) fn recover(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    identity: &Identity,
    replay: &mut dyn Replay,
) -> Result<Recovered> {
    let loaded = catalog_file::load(&**disk, dir)?;
    let Some(catalog) = loaded.catalog else {
        let what = if loaded.damaged.is_empty() { "is missing" } else { "is damaged" };
        return Err(Error::new(
            ErrorKind::Damaged,
            format!(
                "the catalog of {} {what}, both copies; restore a backup or repair the store",
                dir.display()
            ),
        ));
    };
    let mut segments = Vec::new();
    let mut state = LogState { time: catalog.time, floor: catalog.floor, ..LogState::default() };
    let mut highest_mark = catalog.mark;

    for record in catalog.of_kind(SegmentKind::Stream) {
        segments.push(Arc::new(Segment::stream(dir, record, Arc::clone(disk), Weak::new())));
    }
    for record in catalog.of_kind(SegmentKind::Compacted) {
        let (segment, _) = open_segment(disk, dir, identity, record)?;
        let mut own = LogState::default();
        replay_sealed(&segment, record, identity, &mut own, replay)?;
        segments.push(segment);
    }
    let mut active = None;
    for record in catalog.of_kind(SegmentKind::Log) {
        let (segment, length) = open_segment(disk, dir, identity, record)?;
        if state.last_frame.0 != 0 && record.first_frame != state.last_frame.next() {
            return Err(Error::new(
                ErrorKind::Damaged,
                format!(
                    "{} begins with frame {}, and the segment before ends with frame {}: a segment is missing",
                    segment.path.display(),
                    record.first_frame,
                    state.last_frame
                ),
            ));
        }
        if record.sealed.is_some() {
            replay_sealed(&segment, record, identity, &mut state, replay)?;
            highest_mark = highest_mark.max(state.last_frame);
        } else {
            state.last_frame = FrameNumber(record.first_frame.0 - 1);
            state.mark = highest_mark;
            let tail = read_active(segment, length, identity, &mut state, catalog.last_sequence, replay)?;
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
            return Err(missing_frames(dir, state.last_frame, state.mark));
        }
    }
    // A compacted store can hold no log frame with the newest sequence or time; the catalog has them.
    if state.last_sequence.0 == 0 {
        state.last_sequence = catalog.last_sequence;
    }
    Ok(Recovered { catalog, segments, active, state })
}

/// Shows the undecided frames to `replay` as they stand, and counts them in `state`.
pub(crate) fn replay_undecided(
    tail: &ActiveTail,
    identity: &Identity,
    state: &mut LogState,
    replay: &mut dyn Replay,
) -> Result<()> {
    let segment = &tail.segment;
    let map = segment.map()?;
    let mut frames = frames_of(segment, &map, tail.end, identity);
    for (offset, header) in &tail.undecided {
        advance(segment, *offset, header, state)?;
        show(segment, &mut frames, *offset, header, state, replay)?;
    }
    Ok(())
}

fn frames_of<'a>(segment: &Segment, map: &'a Map, end: u64, identity: &Identity) -> Frames<MapSource<'a>> {
    Frames {
        source: MapSource { map, end },
        nonce: segment.nonce,
        alignment: identity.alignment.bytes(),
        end,
    }
}

/// Opens and maps a log or compacted segment; returns it and the length of its file.
fn open_segment(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    identity: &Identity,
    record: &SegmentRecord,
) -> Result<(Arc<Segment>, u64)> {
    let path = dir.join(crate::format::names::segment(record.id, record.kind));
    let file = match disk.open(&path, Access::Read) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::damaged(&path, 0, "the file is missing"));
        }
        Err(e) => return Err(Error::io("open", &path, &e)),
    };
    let length = file.length().map_err(|e| Error::io("read the length of", &path, &e))?;
    // The header was durable before the catalog named the segment.
    let needed = record.sealed.map_or(segment_header::LENGTH, |sealed| sealed.length);
    if length < needed {
        return Err(Error::damaged(
            &path,
            length,
            format!("the file ends here; {needed} bytes were written"),
        ));
    }
    let mut header = [0; segment_header::BYTES];
    let read = file.read_full_at(&mut header, 0).map_err(|e| Error::io("read", &path, &e))?;
    // A header that does not verify is made up for by the catalog; one that verifies and speaks of another segment
    // means that the file was exchanged.
    if let Some(header) = SegmentHeader::decode(&header[..read])
        && (header.id, header.nonce, header.store_id) != (record.id, record.nonce, identity.store_id)
    {
        return Err(Error::damaged(&path, 0, "the file belongs to another store or another segment"));
    }
    let mapped = if record.sealed.is_some() { needed } else { length };
    let map = file.map(mapped).map_err(|e| Error::io("map", &path, &e))?;
    Ok((Arc::new(Segment::mapped(dir, record, map)), length))
}

fn replay_sealed(
    segment: &Arc<Segment>,
    record: &SegmentRecord,
    identity: &Identity,
    state: &mut LogState,
    replay: &mut dyn Replay,
) -> Result<()> {
    let sealed: Sealed = record.sealed.unwrap_or_default();
    state.last_frame = FrameNumber(record.first_frame.0.saturating_sub(1));
    let map = segment.map()?;
    let mut frames = frames_of(segment, &map, sealed.length, identity);
    let mut offset = segment_header::LENGTH;
    while offset < sealed.length {
        let verdict = frames.judge(offset, Depth::Keys).map_err(|e| Error::io("read", &segment.path, &e))?;
        let header = match verdict {
            Verdict::Whole(header) | Verdict::BadPayloads(header, _) => header,
            Verdict::BadBody(header) => return Err(bad_body(segment, offset, &header)),
            Verdict::NoFrame => return Err(bad_header(segment, offset, state)),
        };
        advance(segment, offset, &header, state)?;
        show(segment, &mut frames, offset, &header, state, replay)?;
        offset += header.frame_length();
    }
    if state.last_frame != sealed.last_frame {
        return Err(missing_frames(&segment.path, state.last_frame, sealed.last_frame));
    }
    Ok(())
}

/// Reads the active segment and decides where the log ends. `recorded` is the last sequence that the catalog knows.
fn read_active(
    segment: Arc<Segment>,
    length: u64,
    identity: &Identity,
    state: &mut LogState,
    recorded: Sequence,
    replay: &mut dyn Replay,
) -> Result<ActiveTail> {
    let io = |e| Error::io("read", &segment.path, &e);
    let map = segment.map()?;
    let mut frames = frames_of(&segment, &map, length, identity);

    // First, everything that could count: frames that follow each other, payload damage left open.
    let mut found: Vec<(u64, FrameHeader, bool)> = Vec::new();
    let mut offset = segment_header::LENGTH;
    let (mut number, mut epoch) = (state.last_frame, 0);
    let mut bad_body_at = None;
    loop {
        let (header, whole) = match frames.judge(offset, Depth::Payloads).map_err(io)? {
            Verdict::Whole(header) => (header, true),
            Verdict::BadPayloads(header, _) => (header, false),
            Verdict::BadBody(header) => {
                bad_body_at = Some(header);
                break;
            }
            Verdict::NoFrame if planted(Bug::ZerosValid) && offset + frame::LENGTH <= length => {
                (believe_zeros(number, state), true)
            }
            Verdict::NoFrame => break,
        };
        let stale = header.epoch < epoch && !planted(Bug::StaleFramesValid);
        if header.number != number.next() || stale {
            break;
        }
        (number, epoch) = (header.number, header.epoch);
        state.mark = state.mark.max(header.mark);
        found.push((offset, header, whole));
        offset += header.frame_length();
    }
    // Then, what stands behind: frames there do not count, but their marks are true.
    let mut behind = offset;
    let mut last_seen = offset;
    while let Some((at, header)) = frames.find_header(behind).map_err(io)? {
        if !planted(Bug::LostMark) {
            state.mark = state.mark.max(header.mark);
        }
        last_seen = at + header.frame_length();
        behind = at + crate::format::UNIT;
    }

    let mut durable_end = segment_header::LENGTH;
    let mut durable = *state;
    let mut undecided = Vec::new();
    let mut end = durable_end;
    for (offset, header, whole) in found {
        if header.number <= state.mark {
            advance(&segment, offset, &header, state)?;
            show(&segment, &mut frames, offset, &header, state, replay)?;
            durable_end = offset + header.frame_length();
            durable = *state;
        } else if whole {
            undecided.push((offset, header));
        } else {
            break;
        }
        end = offset + header.frame_length();
    }
    if state.last_sequence.0 == 0 {
        // No durable commit is left in the log, as after everything was compacted: what follows, or else the catalog,
        // says where the sequences stand.
        let first = undecided.iter().find(|(_, header)| header.kind == FrameKind::Commit);
        state.last_sequence = first.map_or(recorded, |(_, header)| Sequence(header.sequence.0 - 1));
        durable.last_sequence = state.last_sequence;
    }
    let accepted = undecided.last().map_or(state.last_frame, |(_, header)| header.number);
    if accepted < state.mark && !planted(Bug::TrimOnAnyError) {
        return Err(match bad_body_at {
            Some(header) if header.number == accepted.next() => bad_body(&segment, end, &header),
            _ => bad_header(&segment, end, state),
        });
    }
    if planted(Bug::RefuseOnAnyGap) && last_seen > end {
        return Err(bad_header(&segment, end, state));
    }
    durable.mark = state.mark;
    let torn_bytes = torn_bytes(&mut frames, end, last_seen.min(length)).map_err(io)?;
    Ok(ActiveTail { segment, durable_end, durable, undecided, end, torn_bytes })
}

/// The empty commit that a reader for whom zeros are a valid header would see: a deliberate defect.
fn believe_zeros(last: FrameNumber, state: &LogState) -> FrameHeader {
    FrameHeader {
        kind: FrameKind::Commit,
        entries: 0,
        number: last.next(),
        sequence: state.last_sequence.next(),
        time: state.time,
        mark: FrameNumber(0),
        body_length: 0,
        epoch: u32::MAX,
    }
}

/// How many bytes behind `end` were written by someone: up to the last that is not zero, or that a frame claims.
fn torn_bytes(frames: &mut Frames<MapSource<'_>>, end: u64, claimed: u64) -> std::io::Result<u64> {
    use super::source::Source;
    let mut last = claimed.max(end);
    let mut at = frames.end;
    while at > last {
        let start = at.saturating_sub(crate::format::CHUNK_BYTES).max(last);
        let window = frames.source.slice(start, at - start)?;
        if let Some(used) = window.iter().rposition(|&byte| byte != 0) {
            last = start + used as u64 + 1;
            break;
        }
        at = start;
    }
    Ok(last - end)
}

/// Counts a frame, after checking that it is the next one, and of a kind that belongs there.
fn advance(segment: &Segment, offset: u64, header: &FrameHeader, state: &mut LogState) -> Result<()> {
    if (header.kind == FrameKind::Moved) != (segment.kind == SegmentKind::Compacted) {
        let text = format!("frame {} is of a kind that does not belong in such a segment", header.number);
        return Err(Error::damaged(&segment.path, offset, text));
    }
    if header.number != state.last_frame.next() {
        let text = format!("frame {} stands where frame {} belongs", header.number, state.last_frame.next());
        return Err(Error::damaged(&segment.path, offset, text));
    }
    state.last_frame = header.number;
    state.mark = state.mark.max(header.mark);
    state.time = state.time.max(header.time);
    if header.kind == FrameKind::Commit {
        if state.last_sequence.0 != 0 && header.sequence != state.last_sequence.next() {
            let text = format!(
                "commit {} stands where commit {} belongs",
                header.sequence,
                state.last_sequence.next()
            );
            return Err(Error::damaged(&segment.path, offset, text));
        }
        state.last_sequence = header.sequence;
        segment.raise_last_sequence(header.sequence.0);
    }
    Ok(())
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
    if header.kind == FrameKind::Floor {
        state.floor = state.floor.max(Sequence(frames.floor(offset).map_err(io)?));
    }
    replay.frame(segment, offset, header);
    frames.entries(offset, header, &mut |head, layout| replay.entry(segment, head, layout)).map_err(io)?;
    segment.set_end(segment.end().max(offset + header.frame_length()));
    Ok(())
}

fn bad_header(segment: &Segment, offset: u64, state: &LogState) -> Error {
    Error::damaged(
        &segment.path,
        offset,
        format!(
            "frame {} was acknowledged and cannot be read (sequence {} or later); nothing was changed, `verify` lists what is bad",
            state.last_frame.next(),
            state.last_sequence.next()
        ),
    )
}

fn bad_body(segment: &Segment, offset: u64, header: &FrameHeader) -> Error {
    Error::damaged(
        &segment.path,
        offset,
        format!(
            "the keys of frame {} (sequence {}) fail their checksum; nothing was changed, `verify` lists what is bad",
            header.number, header.sequence
        ),
    )
}

fn missing_frames(path: &Path, last: FrameNumber, expected: FrameNumber) -> Error {
    Error::new(
        ErrorKind::Damaged,
        format!("{} ends with frame {last}, and frame {expected} was acknowledged", path.display()),
    )
}
