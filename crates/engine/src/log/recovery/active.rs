//! The end of the log: reading a segment whose end is not recorded, and telling a tear from rot.
//!
//! Invariant: a frame at or below the highest mark was durable, so one that is missing there is a finding; above the mark
//! the log ends before the first frame that is not whole.

use std::sync::Arc;

use super::{FrameHeader, FrameKind, LogState, Replay, advance, bad_body, bad_header, frames_of, show};
use crate::error::{Error, Result};
use crate::format::bytes::trailing_zeros;
use crate::format::identity::Identity;
use crate::format::{CHUNK_BYTES, UNIT, frame};
use crate::log::policy::Policy;
use crate::log::scan::{Depth, Frames, Verdict};
use crate::log::segment::Segment;
use crate::log::source::{MapSource, Source as _};
use crate::numbers::{FrameNumber, Sequence};
use crate::planted::{Bug, planted};

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

/// How a segment without a recorded end is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    /// Where to begin: behind the header, or behind what a checkpoint covers, of which the last frame is of this epoch.
    pub(super) start: u64,
    pub(super) epoch: u32,
    /// The length of its file.
    pub(super) length: u64,
    /// The last sequence that the catalog knows.
    pub(super) recorded: Sequence,
    /// Frames from this number on do not count: a later segment has them.
    pub(super) before: FrameNumber,
    pub(super) identity: &'a Identity,
}

/// A frame that could count.
struct Candidate {
    offset: u64,
    header: FrameHeader,
    quality: Quality,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quality {
    Whole,
    BadPayloads,
    BadBody,
}

/// Reads the active segment and decides where the log ends.
pub(super) fn read_active(
    segment: Arc<Segment>,
    reading: &Reading<'_>,
    state: &mut LogState,
    policy: &mut Policy,
    replay: &mut dyn Replay,
) -> Result<ActiveTail> {
    let io = |e| Error::io("read", &segment.path, &e);
    let map = segment.map()?;
    let length = reading.length;
    let mut frames = frames_of(&segment, &map, length, reading.identity);

    // First, everything that could count: frames that follow each other, payload damage left open. Who skips goes on
    // behind what cannot be read; that no frame there is a stale one is known because a segment with an unfinished
    // write in it is never continued.
    let mut found: Vec<Candidate> = Vec::new();
    let mut offset = reading.start;
    let (mut number, mut epoch) = (state.last_frame, reading.epoch);
    let mut bad_body_at = None;
    loop {
        let (header, quality) = match frames.judge(offset, Depth::Payloads).map_err(io)? {
            Verdict::Whole(header) => (header, Quality::Whole),
            Verdict::BadPayloads(header, _) => (header, Quality::BadPayloads),
            Verdict::BadBody(header) if policy.skips() => (header, Quality::BadBody),
            Verdict::BadBody(header) => {
                bad_body_at = Some(header);
                break;
            }
            Verdict::NoFrame if planted(Bug::ZerosValid) && offset + frame::LENGTH <= length => {
                (believe_zeros(number, state), Quality::Whole)
            }
            Verdict::NoFrame if policy.skips() => match frames.find_header(offset + UNIT).map_err(io)? {
                Some((at, _)) => {
                    offset = at;
                    continue;
                }
                None => break,
            },
            Verdict::NoFrame => break,
        };
        let stale = header.epoch < epoch && !planted(Bug::StaleFramesValid);
        let follows = if policy.skips() { header.number > number } else { header.number == number.next() };
        if !follows || stale || header.number >= reading.before {
            break;
        }
        (number, epoch) = (header.number, header.epoch);
        state.mark = state.mark.max(header.mark);
        found.push(Candidate { offset, header, quality });
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
        behind = at + UNIT;
    }

    let mut durable_end = reading.start;
    let mut durable = *state;
    let mut undecided = Vec::new();
    let mut end = durable_end;
    for Candidate { offset, header, quality } in found {
        // Only who skips can meet a hole here. What is missing at or below the mark was acknowledged; a hole above it
        // is where the log ends.
        let hole_end = FrameNumber(header.number.0 - 1).min(state.mark);
        if undecided.is_empty() && state.last_frame < hole_end {
            policy.found(bad_header(&segment, end, state, hole_end))?;
            state.last_frame = hole_end;
        }
        if header.number <= state.mark {
            if quality == Quality::BadBody {
                let fault = frames.body_fault(offset, &header).map_err(io)?;
                policy.found(bad_body(&segment, offset, &header, fault))?;
                state.last_frame = header.number;
            } else if advance(&segment, offset, &header, reading.identity, state, policy)? {
                show(&segment, &mut frames, offset, &header, state, replay)?;
            }
            durable_end = offset + header.frame_length();
            durable = *state;
        } else {
            let last =
                undecided.last().map_or(state.last_frame, |(_, header): &(u64, FrameHeader)| header.number);
            if quality != Quality::Whole || header.number != last.next() {
                break;
            }
            undecided.push((offset, header));
        }
        end = offset + header.frame_length();
    }
    if state.last_sequence.0 == 0 {
        // No durable commit is left in the log, as after everything was compacted: what follows, or else the catalog,
        // says where the sequences stand.
        let first = undecided.iter().find(|(_, header)| header.kind == FrameKind::Commit);
        state.last_sequence = first.map_or(reading.recorded, |(_, header)| Sequence(header.sequence.0 - 1));
        durable.last_sequence = state.last_sequence;
    }
    let accepted = undecided.last().map_or(state.last_frame, |(_, header)| header.number);
    if accepted < state.mark && !planted(Bug::TrimOnAnyError) {
        let mark = state.mark;
        policy.found(match bad_body_at {
            Some(header) if header.number == accepted.next() => {
                let fault = frames.body_fault(end, &header).map_err(io)?;
                bad_body(&segment, end, &header, fault)
            }
            _ => bad_header(&segment, end, state, mark),
        })?;
        state.last_frame = mark;
        durable.last_frame = mark;
    }
    if planted(Bug::RefuseOnAnyGap) && last_seen > end {
        policy.found(bad_header(&segment, end, state, state.last_frame))?;
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
        keeps_lineages: false,
    }
}

/// How many bytes behind `end` were written by someone: up to the last that is not zero, or that a frame claims.
fn torn_bytes(frames: &mut Frames<MapSource<'_>>, end: u64, claimed: u64) -> std::io::Result<u64> {
    let mut last = claimed.max(end);
    let mut at = frames.end;
    while at > last {
        let start = at.saturating_sub(CHUNK_BYTES).max(last);
        let window = frames.source.slice(start, at - start)?;
        let zeros = trailing_zeros(window);
        if zeros < window.len() {
            last = at - zeros as u64;
            break;
        }
        at = start;
    }
    Ok(last - end)
}
