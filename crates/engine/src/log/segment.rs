//! A segment in memory: its file's map and what the store keeps count of.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, Weak};

use super::frame_starts::FrameStarts;
use super::proof::Proof;
use super::touched::Touched;
use crate::address::Address;
use crate::error::{Error, Result};
use crate::format::catalog::SegmentRecord;
use crate::format::checkpoint::CoveredSegment;
use crate::format::checksum::Nonce;
use crate::format::names;
use crate::format::segment_header::{self, SegmentKind};
use crate::format::{CHUNK_BYTES, UNIT, align_up};
use crate::numbers::{LogOffset, SegmentId};
use crate::seams::lock::{Mutex, OnceLock};
use crate::seams::{Access, Disk, Map, WeakMap};

/// A segment of an open store.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) id: SegmentId,
    pub(crate) kind: SegmentKind,
    pub(crate) path: PathBuf,
    pub(crate) nonce: Nonce,
    pub(crate) base: LogOffset,
    /// The end of what is written and published; the sealed length later.
    end: AtomicU64,
    /// Bytes of entries that some reader may still want; the rest is for compaction.
    live_bytes: AtomicI64,
    /// Bytes of tombstones in a compacted segment that no reader wants, and that hide older entries in others.
    hiding_bytes: AtomicU64,
    /// The highest commit sequence in the segment.
    last_sequence: AtomicU64,
    /// The stream segments that entries in this one refer to.
    streams: Mutex<BTreeSet<SegmentId>>,
    /// Payload length and checksum, of a stream segment.
    pub(crate) payload_length: u64,
    pub(crate) payload_checksum: u32,
    /// As long as someone holds the other end, a commit may refer to this stream segment.
    lease: Weak<()>,
    /// Its place in the table, which addresses of entries name.
    slot: OnceLock<u32>,
    frame_starts: FrameStarts,
    /// What has to be judged before it is believed: `None` where all was read at open, or written since.
    proof: Option<Proof>,
    touched: Touched,
    map: Mapping,
}

/// Log and compacted segments stay mapped; stream segments are mapped while someone reads them, so that their number is not
/// bounded by the operating system's limit on maps.
#[derive(Debug)]
enum Mapping {
    Kept(Map),
    OnDemand { disk: Arc<dyn Disk>, length: u64, map: Mutex<WeakMap> },
}

impl Segment {
    /// A log or compacted segment whose map is at hand.
    pub(crate) fn mapped(dir: &Path, record: &SegmentRecord, map: Map) -> Self {
        let end = record.sealed.map_or(segment_header::LENGTH, |sealed| sealed.length);
        let touched = Touched::new(map.length(), UNIT);
        Self::new(dir, record, end, touched, Mapping::Kept(map))
    }

    /// A stream segment, which counts as wanted as long as `lease` is held.
    pub(crate) fn stream(dir: &Path, record: &SegmentRecord, disk: Arc<dyn Disk>, lease: Weak<()>) -> Self {
        let length = record.sealed.map_or(0, |sealed| sealed.length);
        let touched = Touched::new(length, CHUNK_BYTES);
        let mapping = Mapping::OnDemand { disk, length, map: Mutex::new(WeakMap::default()) };
        Self { lease, ..Self::new(dir, record, length, touched, mapping) }
    }

    fn new(dir: &Path, record: &SegmentRecord, end: u64, touched: Touched, map: Mapping) -> Self {
        Self {
            id: record.id,
            kind: record.kind,
            path: dir.join(names::segment(record.id, record.kind)),
            nonce: record.nonce,
            base: record.base,
            end: AtomicU64::new(end),
            live_bytes: AtomicI64::new(0),
            hiding_bytes: AtomicU64::new(0),
            last_sequence: AtomicU64::new(record.sealed.map_or(0, |sealed| sealed.last_sequence.0)),
            streams: Mutex::default(),
            payload_length: record.payload_length,
            payload_checksum: record.payload_checksum,
            lease: Weak::new(),
            slot: OnceLock::new(),
            frame_starts: FrameStarts::default(),
            proof: None,
            touched,
            map,
        }
    }

    /// The same segment with what a checkpoint knows of it.
    pub(crate) fn covered(self, covered: &CoveredSegment, starts: Vec<u32>) -> Self {
        self.end.fetch_max(covered.end, Ordering::Relaxed);
        self.live_bytes.store(covered.live_bytes.cast_signed(), Ordering::Relaxed);
        self.hiding_bytes.store(covered.hiding_bytes, Ordering::Relaxed);
        self.raise_last_sequence(covered.last_sequence);
        covered.streams.iter().for_each(|stream| self.refer(*stream));
        self.set_slot(covered.slot);
        Self { proof: Some(Proof::new(covered.end)), frame_starts: FrameStarts::of(starts), ..self }
    }

    /// The same segment with another map, longer than the one it had.
    pub(crate) fn remapped(&self, map: Map) -> Self {
        Self {
            id: self.id,
            kind: self.kind,
            path: self.path.clone(),
            nonce: self.nonce,
            base: self.base,
            end: AtomicU64::new(self.end()),
            live_bytes: AtomicI64::new(self.live_bytes.load(Ordering::Relaxed)),
            hiding_bytes: AtomicU64::new(self.hiding_bytes()),
            last_sequence: AtomicU64::new(self.last_sequence()),
            streams: Mutex::new(self.streams()),
            payload_length: self.payload_length,
            payload_checksum: self.payload_checksum,
            lease: self.lease.clone(),
            slot: OnceLock::new(),
            frame_starts: self.frame_starts.copy(),
            proof: self.proof.clone(),
            touched: Touched::new(map.length(), UNIT),
            map: Mapping::Kept(map),
        }
    }

    /// The segment's map.
    pub(crate) fn map(&self) -> Result<Map> {
        match &self.map {
            Mapping::Kept(map) => Ok(map.clone()),
            Mapping::OnDemand { disk, length, map } => {
                let mut cached = map.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(map) = cached.upgrade() {
                    return Ok(map);
                }
                let open = || {
                    let file = disk.open(&self.path, Access::Read)?;
                    let actual = file.length()?;
                    Ok((if actual < *length { None } else { Some(file.map(*length)?) }, actual))
                };
                let (mapped, actual) = open().map_err(|e: io::Error| match e.kind() {
                    // It was durable before an entry referred to it.
                    io::ErrorKind::NotFound => Error::damaged(&self.path, 0, "the file is missing"),
                    _ => Error::io("map", &self.path, &e),
                })?;
                let Some(mapped) = mapped else {
                    let text = format!("the file ends here; {length} bytes were written");
                    return Err(Error::damaged(&self.path, actual, text));
                };
                *cached = mapped.downgrade();
                Ok(mapped)
            }
        }
    }

    /// The segment's map, if it is one that stays mapped.
    #[inline]
    pub(crate) fn kept_map(&self) -> Option<&Map> {
        match &self.map {
            Mapping::Kept(map) => Some(map),
            Mapping::OnDemand { .. } => None,
        }
    }

    /// From now on it is read by the places of entries, and no more from its beginning to its end.
    pub(crate) fn read_here_and_there(&self) {
        if let Some(map) = self.kept_map() {
            map.read_here_and_there();
        }
    }

    /// What has to be judged before it is believed.
    pub(super) fn proof(&self) -> Option<&Proof> {
        self.proof.as_ref()
    }

    /// Its place in the segment table, if it has one.
    pub(crate) fn known_slot(&self) -> Option<u32> {
        self.slot.get().copied()
    }

    /// Its place in the segment table.
    pub(crate) fn slot(&self) -> u32 {
        *self.slot.get().expect("a segment is in the table before an entry in it is named")
    }

    /// Puts it into a place of the table; it stays there.
    pub(crate) fn set_slot(&self, slot: u32) {
        let held = self.slot.get_or_init(|| slot);
        debug_assert_eq!(*held, slot, "a segment moved in the table");
    }

    /// Where its frames start.
    pub(crate) fn frame_starts(&self) -> &FrameStarts {
        &self.frame_starts
    }

    /// The address of the entry that starts at `offset`.
    pub(crate) fn address(&self, offset: u64) -> Address {
        Address::at(self.slot(), offset)
    }

    #[inline]
    pub(crate) fn touched(&self) -> &Touched {
        &self.touched
    }

    /// The end of what is written and published, as an offset in the segment.
    pub(crate) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Publishes the bytes before `end`.
    pub(crate) fn set_end(&self, end: u64) {
        self.end.store(end, Ordering::Release);
    }

    /// The log offset of a place in this segment.
    #[inline]
    pub(crate) fn log_offset(&self, offset: u64) -> LogOffset {
        LogOffset(self.base.0 + offset)
    }

    /// Counts `bytes` of a new entry as live, or with a negative number those of an entry that died.
    pub(crate) fn count_live(&self, bytes: i64) {
        self.live_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes of entries that some reader may still want.
    pub(crate) fn live_bytes(&self) -> u64 {
        u64::try_from(self.live_bytes.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Counts bytes of a tombstone that stays because of what it hides.
    pub(crate) fn count_hiding(&self, bytes: u64) {
        self.hiding_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes of tombstones that stay because of what they hide.
    pub(crate) fn hiding_bytes(&self) -> u64 {
        self.hiding_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn last_sequence(&self) -> u64 {
        self.last_sequence.load(Ordering::Relaxed)
    }

    pub(crate) fn raise_last_sequence(&self, sequence: u64) {
        self.last_sequence.fetch_max(sequence, Ordering::Relaxed);
    }

    /// Notes that an entry in this segment refers to a stream segment.
    pub(crate) fn refer(&self, stream: SegmentId) {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).insert(stream);
    }

    /// The stream segments that entries in this one refer to.
    pub(crate) fn streams(&self) -> BTreeSet<SegmentId> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a commit that does not show yet may refer to this stream segment.
    pub(crate) fn is_leased(&self) -> bool {
        self.lease.strong_count() > 0
    }

    /// Where a stream segment's table of chunk checksums starts.
    pub(crate) fn stream_table(&self) -> u64 {
        align_up(segment_header::LENGTH + self.payload_length, UNIT)
    }
}
