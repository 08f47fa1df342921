//! Writing what was asked for: a group of calls as frames, in their order.
//!
//! Owned by whoever works for the queue. It knows the log as it is written, which lags behind what readers see: the floor, the
//! small records and where these stand are those of the last group.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::op::{Op, What};
use crate::address::Address;
use crate::format::entry::Subject;
use crate::format::frame::{self, FrameKind};
use crate::log::failure::Failure;
use crate::log::frame_writer::{FrameEntry, FrameValue};
use crate::log::scan::NUMBER_BODY;
use crate::log::writer::{LogWriter, Purpose};
use crate::numbers::{SegmentId, Sequence, Timestamp};
use crate::planted::{Bug, planted};
use crate::seams::Clock;

/// Room is made for so many bytes at a time, as far as frames end there.
const CHUNK_BYTES_MAX: u64 = 4 << 20;
/// A frame of records ends behind so many bytes of them.
const FRAME_BYTES: u64 = 1 << 20;
/// Most records in a frame.
const FRAME_RECORDS: usize = 8192;

/// See the module.
#[derive(Debug)]
pub(super) struct Scribe {
    pub(super) writer: LogWriter,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) written: Written,
}

/// What is in which segment.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    /// The number behind the highest record of each segment that has records.
    pub(super) ends: BTreeMap<SegmentId, u64>,
    /// The newest small record of each key, and where it stands.
    pub(super) small: BTreeMap<Bytes, (Bytes, SegmentId)>,
    /// Where the newest floor stands.
    pub(super) floor_at: Option<SegmentId>,
}

/// What has been written, for the readers' index.
#[derive(Debug)]
pub(super) enum News {
    /// The records from `first` on stand at these addresses.
    Placed { first: u64, addresses: Vec<Address> },
    /// The oldest truncation that was waiting.
    Truncated,
}

/// A frame to be.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    Records { first: u64, records: Vec<&'a Bytes>, bytes: u64 },
    Truncate(u64),
    Floor(u64),
    Small(Vec<(&'a Bytes, &'a Bytes)>),
}

impl<'a> Piece<'a> {
    /// The calls of a group as frames; calls of one sort that follow each other share them.
    fn of(ops: &'a [Op]) -> Vec<Self> {
        let mut pieces: Vec<Self> = Vec::new();
        for (at, op) in ops.iter().enumerate() {
            match &op.what {
                What::Append { first, records } => {
                    for (number, record) in (*first..).zip(records) {
                        match pieces.last_mut() {
                            Some(Self::Records { records, bytes, .. })
                                if *bytes < FRAME_BYTES && records.len() < FRAME_RECORDS =>
                            {
                                records.push(record);
                                *bytes += record.len() as u64;
                            }
                            _ => {
                                let bytes = record.len() as u64;
                                pieces.push(Self::Records { first: number, records: vec![record], bytes });
                            }
                        }
                    }
                }
                What::Truncate { first } => pieces.push(Self::Truncate(*first)),
                What::Purge { floor } => pieces.push(Self::Floor(*floor)),
                // Nobody waits for it, and what replaces it follows: without it fewer, larger frames are written.
                What::Small { key, .. } if op.lazy && is_replaced(key, &ops[at + 1..]) => {}
                What::Small { key, value } => match pieces.last_mut() {
                    Some(Self::Small(small)) => small.push((key, value)),
                    _ => pieces.push(Self::Small(vec![(key, value)])),
                },
            }
        }
        pieces
    }

    /// Most bytes that the frame can take.
    fn bytes_max(&self, alignment: u64) -> u64 {
        let body = match self {
            Self::Records { records, .. } => {
                records.iter().map(|record| entry(&[0; 8], record).bytes_max(alignment)).sum()
            }
            Self::Truncate(_) | Self::Floor(_) => NUMBER_BODY,
            Self::Small(small) => {
                small.iter().map(|(key, value)| entry(key, value).bytes_max(alignment)).sum()
            }
        };
        frame::LENGTH + body
    }

    fn kind(&self) -> FrameKind {
        match self {
            Self::Records { .. } => FrameKind::Records,
            Self::Truncate(_) => FrameKind::Truncate,
            Self::Floor(_) => FrameKind::Floor,
            Self::Small(_) => FrameKind::Small,
        }
    }
}

/// Whether another small record under this key follows, before the next call that takes records away. What stands behind such
/// a call may be lost without it, and the small record may say what is about to be taken away.
fn is_replaced(key: &Bytes, later: &[Op]) -> bool {
    let takes_away = |op: &&Op| matches!(op.what, What::Truncate { .. } | What::Purge { .. });
    let mut until = later.iter().take_while(|op| planted(Bug::SmallLeftOut) || !takes_away(op));
    until.any(|op| matches!(&op.what, What::Small { key: other, .. } if other == key))
}

/// An entry with a value under a key, which for a record is its number.
fn entry<'a>(key: &'a [u8], value: &'a [u8]) -> FrameEntry<'a> {
    let (subject, value) = (Subject::Key(key), FrameValue::Inline(value));
    FrameEntry { subject, value, deadline: None, moved: None, lineage: None }
}

impl Scribe {
    /// Writes a group; `tell` hears of all that can be read from the segments now. Nothing of it is durable before
    /// [`LogWriter::sync`].
    pub(super) fn write(&mut self, ops: &[Op], tell: &mut dyn FnMut(Vec<News>)) -> Result<(), Failure> {
        let pieces = Piece::of(ops);
        self.write_pieces(&pieces, tell)
    }

    pub(super) fn write_pieces(
        &mut self,
        mut pieces: &[Piece<'_>],
        tell: &mut dyn FnMut(Vec<News>),
    ) -> Result<(), Failure> {
        let alignment = self.writer.shared.identity.alignment.bytes();
        while !pieces.is_empty() {
            let (mut count, mut bytes) = (0, 0);
            while let Some(piece) = pieces.get(count) {
                let more = piece.bytes_max(alignment);
                if count > 0 && bytes + more > CHUNK_BYTES_MAX {
                    break;
                }
                (count, bytes) = (count + 1, bytes + more);
            }
            let (chunk, rest) = pieces.split_at(count);
            tell(self.write_chunk(chunk, bytes)?);
            pieces = rest;
        }
        Ok(())
    }

    /// Writes frames that take at most so many bytes, into one segment.
    fn write_chunk(&mut self, pieces: &[Piece<'_>], bytes: u64) -> Result<Vec<News>, Failure> {
        let grows = pieces.iter().any(|piece| matches!(piece, Piece::Records { .. }));
        self.writer.reserve(bytes, if grows { Purpose::Ordinary } else { Purpose::Relief })?;
        let segment = Arc::clone(&self.writer.active.segment);
        let time = Timestamp(self.clock.wall_ns());
        let keys: Vec<Vec<[u8; 8]>> = pieces.iter().map(number_keys).collect();
        let mut frames = self.writer.begin();
        let mut news = Vec::new();
        for (piece, keys) in pieces.iter().zip(&keys) {
            if planted(Bug::TruncationNotLogged) && matches!(piece, Piece::Truncate(_)) {
                news.push(News::Truncated);
                continue;
            }
            let header = self.writer.next_header(piece.kind(), Sequence(0), time);
            match piece {
                Piece::Records { first, records, .. } => {
                    let mut addresses = Vec::with_capacity(records.len());
                    let entries = keys.iter().zip(records).map(|(key, record)| entry(key, record));
                    frames.frame(header, entries, |standing| addresses.push(segment.address(standing.start)));
                    let end = self.written.ends.entry(segment.id).or_default();
                    *end = (*end).max(first + records.len() as u64);
                    news.push(News::Placed { first: *first, addresses });
                }
                Piece::Truncate(first) => {
                    frames.plain_frame(header, &first.to_le_bytes());
                    news.push(News::Truncated);
                }
                Piece::Floor(floor) => {
                    frames.plain_frame(header, &floor.to_le_bytes());
                    self.writer.state.floor = self.writer.state.floor.max(Sequence(*floor));
                    self.written.floor_at = Some(segment.id);
                }
                Piece::Small(small) => {
                    frames.frame(header, small.iter().map(|(key, value)| entry(key, value)), |_| {});
                    for &(key, value) in small {
                        self.written.small.insert(key.clone(), (value.clone(), segment.id));
                    }
                }
            }
        }
        self.writer.write(frames)?;
        segment.set_end(self.writer.active.tail);
        Ok(news)
    }

    /// Appends a mark if a synced group has no successor that says so.
    pub(super) fn mark_if_due(&mut self) -> Result<(), Failure> {
        if self.writer.state.mark <= self.writer.written_mark {
            return Ok(());
        }
        self.writer.append_mark(Timestamp(self.clock.wall_ns()))?;
        self.writer.active.segment.set_end(self.writer.active.tail);
        Ok(())
    }
}

/// The keys of a frame of records: their numbers.
fn number_keys(piece: &Piece<'_>) -> Vec<[u8; 8]> {
    match piece {
        Piece::Records { first, records, .. } => {
            (*first..).zip(records).map(|(number, _)| number.to_le_bytes()).collect()
        }
        _ => Vec::new(),
    }
}
