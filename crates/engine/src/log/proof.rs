//! Which part of a segment was held against its checksums since the store was opened, where that was not done at open.
//!
//! A checkpoint says where entries stand, so the frames that it covers are not read at open. They are judged when the first
//! entry near them is looked at: all frames that reach into the same 4 KiB, so that who reads on finds them judged.
//!
//! Invariant: no head and no key of an entry is believed before its frame was judged; a frame that fails is judged again at
//! every look, and never holds. What was read at open, and what was written since, holds as a whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::scan::{Depth, Frames, Verdict};
use super::segment::Segment;
use crate::format::UNIT;
use crate::planted::{Bug, planted};

/// Bytes that one bit stands for.
const REGION: u64 = 4096;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    /// What a checkpoint covers ends here; everything from here on was read at open.
    end: u64,
    /// A bit for each region that holds as a whole.
    holds: Arc<[AtomicU64]>,
}

impl Proof {
    /// Nothing before `end` was looked at.
    pub(super) fn new(end: u64) -> Self {
        let words = (end.div_ceil(REGION)).div_ceil(64);
        Self { end, holds: (0..words).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Whether what stands at `offset` holds, as far as is known.
    #[inline]
    fn has(&self, offset: u64) -> bool {
        if offset >= self.end {
            return true;
        }
        let (word, bit) = place(offset / REGION);
        // Relaxed: the bit guards no other memory; the bytes that it speaks of do not change.
        self.holds.get(word).is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// Notes that everything from `start` to `end` holds.
    fn note(&self, start: u64, end: u64) {
        let last = if end >= self.end { self.end.div_ceil(REGION) } else { end / REGION };
        for region in start.div_ceil(REGION)..last {
            let (word, bit) = place(region);
            if let Some(word) = self.holds.get(word) {
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
    }
}

fn place(region: u64) -> (usize, u64) {
    (usize::try_from(region / 64).unwrap_or(usize::MAX), 1 << (region % 64))
}

impl Segment {
    /// Whether the head and the key of the entry at `offset` can be believed. Reads a few kilobytes at the first look at a
    /// place that was not read at open, and nothing at any later one.
    #[inline]
    pub(crate) fn holds(&self, offset: u64, alignment: u64) -> bool {
        match self.proof() {
            None => true,
            Some(proof) => proof.has(offset) || self.judge(proof, offset, alignment),
        }
    }

    /// Judges the frames that reach into the region of `offset`, and says whether the one there holds.
    #[cold]
    fn judge(&self, proof: &Proof, offset: u64, alignment: u64) -> bool {
        if planted(Bug::CoveredKeysBelieved) {
            return true;
        }
        let Some(map) = self.kept_map() else { return false };
        let end = proof.end.min(map.length());
        let mut frames = Frames::up_to(self, map, alignment, end);
        let region = offset / REGION * REGION;
        // Frames that end before the region are only passed.
        let mut at = self.frame_starts().before(region);
        let mut whole_from = None;
        let mut holds = false;
        while at < end && at < region + REGION {
            // Where the header is damaged, the frame reaches to the next that is not. Nothing behind the region is searched: it
            // says nothing about this one, and may not even be there any more.
            let Ok(Some((header, _))) = frames.header(at) else {
                frames.end = end.min(region + REGION);
                let found = frames.find_header(at + UNIT);
                (at, whole_from) = match found {
                    Ok(Some((next, _))) => (next, None),
                    _ => (frames.end, None),
                };
                frames.end = end;
                continue;
            };
            let next = at + header.frame_length();
            if next > region {
                let is_whole =
                    matches!(frames.judge(at, Depth::Keys), Ok(Verdict::Whole(_) | Verdict::BadPayloads(..)));
                whole_from = if is_whole { whole_from.or(Some(at)) } else { None };
                holds |= is_whole && (at..next).contains(&offset);
            }
            at = next;
        }
        if let Some(start) = whole_from {
            proof.note(if start <= SEGMENT_START { 0 } else { start }, at);
        }
        holds
    }
}

/// Where the first frame of a segment stands: before it is nothing that an address names.
const SEGMENT_START: u64 = crate::format::segment_header::LENGTH;
