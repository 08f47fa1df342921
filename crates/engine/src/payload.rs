//! A payload and the checksums that vouch for it.
//!
//! Invariant: bytes are handed out only after they were verified since the store was opened (or as the option says).

use std::sync::Arc;

use crate::error::{Error, Result, escape_key};
use crate::format::CHUNK_BYTES;
use crate::format::checksum;
use crate::log::frame_of::sequence_at;
use crate::log::scan::chunk_holds;
use crate::log::segment::Segment;
use crate::numbers::Sequence;
use crate::options::VerifyReads;
use crate::seams::Map;
use crate::seams::lock::OnceLock;
use crate::value::Value;

/// Where a payload lies, and what it must be.
#[derive(Clone, Debug)]
pub(crate) struct PayloadRef {
    pub(crate) segment: Arc<Segment>,
    pub(crate) map: Map,
    /// Offset of the payload in the segment.
    pub(crate) start: u64,
    pub(crate) length: u64,
    pub(crate) checksum: u32,
    /// Offset of the table of chunk checksums, if there is one.
    pub(crate) table: Option<u64>,
    /// The offset by which "verified" is remembered when there is no table.
    pub(crate) mark: u64,
    pub(crate) policy: VerifyReads,
    /// The alignment of the store's payloads.
    pub(crate) alignment: u64,
    /// The commit that wrote the entry, where it is known already.
    pub(crate) sequence: Option<Sequence>,
    /// What the entry is stored under, for messages.
    pub(crate) name: Vec<u8>,
    /// Set when the table was held against the checksum of the whole.
    pub(crate) table_holds: OnceLock<()>,
}

/// A payload that lies in one piece in a segment that stays mapped, and may not have been verified yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InPlace<'a> {
    pub(crate) segment: &'a Segment,
    pub(crate) map: &'a Map,
    /// Offset of the payload in the segment.
    pub(crate) start: u64,
    pub(crate) length: u64,
    pub(crate) checksum: u32,
    /// The offset by which "verified" is remembered.
    pub(crate) mark: u64,
}

impl<'a> InPlace<'a> {
    /// The bytes, if they verify; otherwise the long way says what is wrong.
    #[inline(always)]
    pub(crate) fn verified(&self, policy: VerifyReads) -> Option<&'a [u8]> {
        let bytes = self.map.slice(self.start, self.length)?;
        let holds = match policy {
            VerifyReads::FirstTouch => self.segment.touched().contains(self.mark),
            VerifyReads::Always => false,
            VerifyReads::Never => true,
        };
        if !holds {
            if checksum::plain(bytes) != self.checksum {
                return None;
            }
            self.segment.touched().insert(self.mark);
        }
        Some(bytes)
    }
}

impl PayloadRef {
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    fn bytes(&self, start: u64, length: u64) -> Result<&[u8]> {
        self.map.slice(start, length).ok_or_else(|| {
            Error::damaged(
                &self.segment.path,
                start,
                format!("{length} bytes of a value are not in the file"),
            )
        })
    }

    /// The whole value, verified.
    pub(crate) fn value(self) -> Result<Value> {
        self.bytes(self.start, self.length)?;
        if self.table.is_some() {
            let mut at = 0;
            while at < self.length {
                at += self.piece(at)?.len() as u64;
            }
        } else {
            self.verify_whole()?;
        }
        Ok(Value::new(self.map, self.start, self.length))
    }

    /// The verified bytes from `position` to the end of the piece that it lies in; empty at the end of the payload.
    pub(crate) fn piece(&self, position: u64) -> Result<&[u8]> {
        if position >= self.length {
            return Ok(&[]);
        }
        if self.table.is_none() {
            self.verify_whole()?;
            return self.bytes(self.start + position, self.length - position);
        }
        let chunk = position / CHUNK_BYTES;
        let chunk_start = chunk * CHUNK_BYTES;
        let chunk_length = CHUNK_BYTES.min(self.length - chunk_start);
        let bytes = self.bytes(self.start + chunk_start, chunk_length)?;
        let mark = self.start + chunk_start;
        if self.must_verify(mark) {
            let table = self.table_bytes()?;
            let index = usize::try_from(chunk).unwrap_or(usize::MAX);
            if !chunk_holds(bytes, table, index) {
                return Err(self.rotten(mark));
            }
            self.segment.touched().insert(mark);
        }
        let skipped = usize::try_from(position - chunk_start).expect("a chunk is short");
        Ok(&bytes[skipped..])
    }

    fn verify_whole(&self) -> Result<()> {
        if self.must_verify(self.mark) {
            if checksum::plain(self.bytes(self.start, self.length)?) != self.checksum {
                return Err(self.rotten(self.start));
            }
            self.segment.touched().insert(self.mark);
        }
        Ok(())
    }

    /// The table of chunk checksums, after it was held against the checksum of the whole: once for each reader, because that
    /// takes time in proportion to the table, and doing it for each chunk would take the square of that.
    fn table_bytes(&self) -> Result<&[u8]> {
        let Some(at) = self.table else { return Ok(&[]) };
        let chunks = self.length.div_ceil(CHUNK_BYTES);
        let table = self.bytes(at, chunks * 4)?;
        if self.table_holds.get().is_none() {
            let sums = table.chunks_exact(4).zip(0..).map(|(sum, index): (&[u8], u64)| {
                let sum = u32::from_le_bytes(sum.try_into().expect("four bytes"));
                (sum, CHUNK_BYTES.min(self.length - index * CHUNK_BYTES))
            });
            if checksum::combine(sums) != self.checksum {
                return Err(self.rotten(at));
            }
            self.table_holds.get_or_init(|| ());
        }
        Ok(table)
    }

    fn must_verify(&self, mark: u64) -> bool {
        match self.policy {
            VerifyReads::FirstTouch => !self.segment.touched().contains(mark),
            VerifyReads::Always => true,
            VerifyReads::Never => false,
        }
    }

    fn rotten(&self, offset: u64) -> Error {
        let name = escape_key(&self.name);
        let known = self.sequence.or_else(|| sequence_at(&self.segment, self.alignment, self.mark));
        let sequence = known.map_or_else(|| "unknown".to_owned(), |sequence| sequence.to_string());
        let what = format!("the value of {name} (sequence {sequence}) fails its checksum");
        Error::damaged(&self.segment.path, offset, what)
    }
}
