//! What an operator can ask a store.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::handle::Store;
use super::scrub::ScrubStats;
use super::verify_report::Progress;
use crate::format::identity;
use crate::format::names;
use crate::format::segment_header::SegmentKind;
use crate::numbers::{LogOffset, Sequence};

/// Sizes and counts of an open store; bytes where the name says so, counts since it was opened where marked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Live entries.
    pub keys: u64,
    /// The last visible commit.
    pub sequence: Sequence,
    /// The oldest commit in the batch log.
    pub oldest_batch: Option<Sequence>,
    /// The oldest commit as of which the store can be read.
    pub oldest_readable: Option<Sequence>,
    /// The end of the log.
    pub tail: LogOffset,
    /// Bytes written to the store's files that are still there, and the reserve.
    pub disk_bytes: u64,
    /// Of these, the reserve: blocks kept back so that a full disk can be emptied, at most 1 MiB.
    pub reserve_bytes: u64,
    /// Of these, the checkpoint of the indexes that the next open would use; 0 when there is none.
    pub checkpoint_bytes: u64,
    /// Bytes of the log that an open would read, because they were written since that checkpoint.
    pub checkpoint_age_bytes: u64,
    /// Why the last checkpoint could not be written, or, until the first is, why the open could not read one that was there;
    /// `None` when all went well. Nothing is missing: the log has all of it.
    pub checkpoint_failure: Option<String>,
    /// Of the bytes on disk, entries that a reader may still want, of older sequences too.
    pub live_bytes: u64,
    /// Of these, entries that are replaced, deleted or expired by now.
    pub held_bytes: u64,
    /// Of these, the replaced and deleted ones that only snapshots and ranges hold, and older sequences do not.
    pub snapshot_bytes: u64,
    /// Bytes in log and compacted segments that no reader wants: for compaction, once retention lets go of them.
    pub dead_bytes: u64,
    /// Of these, tombstones in compacted segments that still hide older entries in others.
    pub hiding_bytes: u64,
    /// Bytes of log segments.
    pub log_bytes: u64,
    /// Bytes of compacted segments.
    pub compacted_bytes: u64,
    /// Bytes of stream segments.
    pub stream_bytes: u64,
    /// Log and compacted segments.
    pub segments: u64,
    /// Stream segments.
    pub stream_segments: u64,
    /// Commits since the store was opened.
    pub commits: u64,
    /// Groups that they were written in.
    pub groups: u64,
    /// Syncs of the log since the store was opened.
    pub syncs: u64,
    /// Bytes appended to the log since the store was opened, up to the last visible commit.
    pub written_bytes: u64,
    /// Memory of the indexes.
    pub index_bytes: u64,
    /// Snapshots and ranges in use.
    pub snapshots: u64,
    /// The oldest commit that one of them sees.
    pub oldest_snapshot: Option<Sequence>,
    /// For how long the first one that sees it has been in use.
    pub oldest_snapshot_age: Option<Duration>,
    /// Compactions that came to their end since the store was opened; a long one is made up of several.
    pub compactions: u64,
    /// Bytes of the segments that they read.
    pub compaction_read_bytes: u64,
    /// Bytes that they wrote.
    pub compaction_written_bytes: u64,
    /// Bytes by which the store became smaller.
    pub compaction_reclaimed_bytes: u64,
    /// How far the one is that runs now; `None` when none does.
    pub compaction_progress: Option<Progress>,
    /// Bytes of unfinished writes that were dropped from the end of the log when it was opened.
    pub recovered_tail_bytes: u64,
    /// What the store's own threads tried last without success, such as a compaction on a full disk; they go on trying.
    pub upkeep_failures: Vec<String>,
    /// How far the scrub is and what it found; `None` unless [`Options::scrub`](crate::Options::scrub) asked for one.
    pub scrub: Option<ScrubStats>,
    /// Why namespaces that are not known cannot be looked up and none can be made; `None` where all are known.
    pub namespaces_fault: Option<String>,
    /// Whether a failure keeps the store from taking writes.
    pub poisoned: bool,
}

impl Store {
    /// Sizes and counts. The disk is not touched.
    pub fn stats(&self) -> Stats {
        let core = self.core();
        let (mut segments, mut streams, mut touched_bytes, mut hiding_bytes) = (0, 0, 0, 0);
        let (mut log_bytes, mut compacted_bytes, mut stream_bytes) = (0, 0, 0);
        for segment in core.segments.all() {
            touched_bytes += segment.touched().memory_bytes() + segment.frame_starts().memory_bytes();
            hiding_bytes += segment.hiding_bytes();
            let (count, bytes) = match segment.kind {
                SegmentKind::Stream => (&mut streams, &mut stream_bytes),
                SegmentKind::Log => (&mut segments, &mut log_bytes),
                SegmentKind::Compacted => (&mut segments, &mut compacted_bytes),
            };
            *count += 1;
            *bytes += segment.end();
        }
        let live_bytes = core.live_bytes();
        let oldest = core.pins.oldest();
        let [commits, groups, syncs, compactions] = core.counters.read();
        let [compaction_read_bytes, compaction_written_bytes, compaction_reclaimed_bytes] =
            core.counters.compacted();
        let running = core.counters.compaction_progress();
        Stats {
            keys: self.len(),
            sequence: self.sequence(),
            oldest_batch: self.oldest_batch(),
            oldest_readable: self.oldest_readable(),
            tail: self.tail(),
            disk_bytes: self.disk_bytes(),
            reserve_bytes: core.reserve.bytes(),
            checkpoint_bytes: core.checkpoints.current().map_or(0, |(bytes, _)| bytes),
            checkpoint_age_bytes: core.uncovered_bytes(self.tail()),
            checkpoint_failure: core.checkpoints.failure(),
            live_bytes,
            held_bytes: core.index.held_bytes(),
            snapshot_bytes: core.snapshot_bytes(),
            dead_bytes: (log_bytes + compacted_bytes).saturating_sub(live_bytes),
            hiding_bytes,
            log_bytes,
            compacted_bytes,
            stream_bytes,
            segments,
            stream_segments: streams,
            commits,
            groups,
            syncs,
            written_bytes: core.counters.appended(self.tail()),
            index_bytes: core.index.memory_bytes() + touched_bytes,
            snapshots: core.pins.count(),
            oldest_snapshot: oldest.map(|(sequence, _)| sequence),
            oldest_snapshot_age: oldest
                .map(|(_, since)| Duration::from_nanos(core.time.now().0.saturating_sub(since.0))),
            compactions,
            compaction_read_bytes,
            compaction_written_bytes,
            compaction_reclaimed_bytes,
            compaction_progress: (running.total_bytes > 0).then_some(running),
            recovered_tail_bytes: core.counters.torn_bytes.load(Ordering::Relaxed),
            upkeep_failures: core.upkeep.failures(),
            scrub: core.scrub_stats(),
            namespaces_fault: core.namespaces.fault().map(|fault| fault.to_string()),
            poisoned: core.poisoned.get().is_some(),
        }
    }

    /// Bytes written to the store's files, dead ones included, and the reserve; the unwritten rest of the segment that is being written
    /// does not count.
    pub fn disk_bytes(&self) -> u64 {
        let core = self.core();
        let segments: u64 = core.segments.all().iter().map(|segment| segment.end()).sum();
        let catalogs = names::CATALOGS.len() as u64 * core.catalog.current().encoded_length();
        let checkpoint = core.checkpoints.current().map_or(0, |(bytes, _)| bytes);
        segments + catalogs + checkpoint + identity::LENGTH as u64 + core.reserve.bytes()
    }
}
