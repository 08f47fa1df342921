//! The log as recovery shows it, frame by frame: what it holds in the end, or why it cannot be believed.
//!
//! Invariant: every record and small record that is taken in was held against its checksum, and records follow each other without a
//! hole. Nothing is changed while this is found out, so that a refusal leaves everything as it was. One that has rotted is no
//! reason for a refusal when it was purged, truncated or replaced later on: nobody relies on it.
//!
//! The log may begin anywhere, because its beginning may have been given back. So the first record or truncation says where the
//! records begin, and at the end the floor must not be before that.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::index::Index;
use super::scribe::Written;
use crate::address::Address;
use crate::error::{Error, Result};
use crate::format::bytes::u64_at;
use crate::format::checksum;
use crate::format::entry::{EntryHead, Layout, Place, Subject};
use crate::format::frame::{FrameHeader, FrameKind};
use crate::log::end_numbers::LAST_TO_GO_ON_FROM;
use crate::log::recovery::Replay;
use crate::log::segment::Segment;
use crate::log::segment_table::SegmentTable;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Image {
    segments: Arc<SegmentTable>,
    /// The number of the first record, as soon as it is known.
    first: Option<u64>,
    positions: VecDeque<Address>,
    floor: u64,
    written: Written,
    kind: FrameKind,
    fault: Option<Error>,
    /// Records that fail their checksums, as far as they count, and small ones.
    rotten: BTreeMap<u64, Error>,
    rotten_small: BTreeMap<Bytes, Error>,
}

impl Image {
    pub(super) fn new(segments: Arc<SegmentTable>) -> Self {
        Self {
            segments,
            first: None,
            positions: VecDeque::new(),
            floor: 0,
            written: Written::default(),
            kind: FrameKind::Mark,
            fault: None,
            rotten: BTreeMap::new(),
            rotten_small: BTreeMap::new(),
        }
    }

    /// Refuses what was shown so far, if it cannot be believed. The floor is that of the catalog.
    pub(super) fn check(&self, dir: &Path, floor: u64) -> Result<()> {
        let mut rotten = self.rotten.values().chain(self.rotten_small.values());
        if let Some(fault) = self.fault.as_ref().or_else(|| rotten.next()) {
            return Err(fault.clone());
        }
        if floor > self.floor {
            let text =
                format!("the catalog says that the records before {floor} were purged, and no frame does");
            return Err(Error::damaged(dir, 0, text));
        }
        match self.first {
            Some(first) if first > self.floor => {
                let text = format!("the records from {} to {} are missing", self.floor, first - 1);
                Err(Error::damaged(dir, 0, text))
            }
            _ => Ok(()),
        }
    }

    /// What the log holds.
    pub(super) fn finish(self) -> (Index, Written) {
        let small = self.written.small.iter();
        let small: BTreeMap<Bytes, Bytes> =
            small.map(|(key, (value, _))| (key.clone(), value.clone())).collect();
        (Index::new(self.floor, self.positions, small), self.written)
    }

    fn next(&self) -> Option<u64> {
        self.first.map(|first| first + self.positions.len() as u64)
    }

    fn raise_floor(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
        self.rotten = self.rotten.split_off(&self.floor);
        let Some(first) = self.first else { return };
        let gone = self.floor.saturating_sub(first).min(self.positions.len() as u64);
        self.positions.drain(..usize::try_from(gone).unwrap_or(usize::MAX));
        self.first = Some(first.max(self.floor));
    }

    fn found(&mut self, segment: &Segment, offset: u64, what: &str) {
        self.fault.get_or_insert_with(|| Error::damaged(&segment.path, offset, what));
    }

    /// Takes in a record.
    fn record(&mut self, segment: &Segment, layout: &Layout, key: &[u8]) {
        if key.len() != 8 {
            return self.found(segment, layout.start, "a record has no number");
        }
        let number = u64_at(key, 0);
        match self.next() {
            _ if number > LAST_TO_GO_ON_FROM => {
                let what = format!("record {number} has a number that no log reaches");
                return self.found(segment, layout.start, &what);
            }
            Some(next) if next != number => {
                let what = format!("record {number} stands where record {next} belongs");
                return self.found(segment, layout.start, &what);
            }
            Some(_) => {}
            None => self.first = Some(number),
        }
        self.positions.push_back(segment.address(layout.start));
        let end = self.written.ends.entry(segment.id).or_default();
        *end = (*end).max(number + 1);
    }
}

impl Replay for Image {
    fn frame(&mut self, segment: &Arc<Segment>, _offset: u64, header: &FrameHeader) {
        // An address names a place in the table, so the segment has to be there.
        if segment.known_slot().is_none() {
            self.segments.change([Arc::clone(segment)], &[]);
        }
        self.kind = header.kind;
    }

    fn entry(&mut self, segment: &Arc<Segment>, head: &EntryHead<'_>, layout: &Layout) {
        let (Subject::Key(key), Place::Inline { length, checksum }, None, None, None) =
            (head.subject, head.place, head.deadline, head.moved, head.lineage)
        else {
            return self.found(segment, layout.start, "an entry is not of a form that records have");
        };
        let map = match segment.map() {
            Ok(map) => map,
            Err(error) => {
                self.fault.get_or_insert(error);
                return;
            }
        };
        let payload =
            map.slice(layout.payload, length).filter(|payload| checksum::plain(payload) == checksum);
        if self.kind == FrameKind::Records {
            self.record(segment, layout, key);
            if payload.is_none() && key.len() == 8 {
                let number = u64_at(key, 0);
                let what = format!("record {number} was acknowledged and fails its checksum");
                self.rotten.insert(number, Error::damaged(&segment.path, layout.payload, what));
            }
        } else if let Some(payload) = payload {
            let value = (Bytes::copy_from_slice(payload), segment.id);
            self.rotten_small.remove(key);
            self.written.small.insert(Bytes::copy_from_slice(key), value);
        } else {
            let what = format!("the small record {} fails its checksum", crate::escape_key(key));
            let fault = Error::damaged(&segment.path, layout.payload, what);
            self.rotten_small.insert(Bytes::copy_from_slice(key), fault);
        }
    }

    fn number(&mut self, segment: &Arc<Segment>, kind: FrameKind, number: u64) {
        if number > LAST_TO_GO_ON_FROM {
            return self.found(segment, 0, "it has a floor or a truncation that no log reaches");
        }
        if kind == FrameKind::Floor {
            self.written.floor_at = Some(segment.id);
            return self.raise_floor(number);
        }
        self.rotten.split_off(&number);
        match (self.first, self.next()) {
            (Some(first), Some(next)) if (first..=next).contains(&number) => {
                self.positions.truncate(usize::try_from(number - first).unwrap_or(usize::MAX));
            }
            // What it cuts was given back, as far as it was before the first record that is left.
            (Some(first), _) if number < first && number >= self.floor => {
                self.positions.clear();
                self.first = Some(number);
            }
            (None, _) => self.first = Some(number),
            _ => self.found(segment, 0, &format!("a truncation to {number} has nothing to cut")),
        }
    }
}
