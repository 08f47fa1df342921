//! The end of a compaction: its output takes the place of its inputs.
//!
//! Invariants: the swap is one catalog generation, made after a sync of the log, because a version is left out on the
//! strength of a newer one; the index is told every new place before an input leaves the table; no file is removed before both
//! copies of the catalog are durable.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::compaction::CompactReport;
use super::output::Output;
use crate::commit::job::Job;
use crate::error::Result;
use crate::format::catalog::Catalog;
use crate::format::segment_header::SegmentKind;
use crate::log::create::discard;
use crate::log::failure::Failure;
use crate::log::segment::Segment;
use crate::numbers::SegmentId;
use crate::store::core::Core;
use crate::store::pace::Pace;

/// What telling the index a new place counts for in the pace: about the time that it takes to read so many bytes.
const ENTRY_BYTES: u64 = 128;

impl Core {
    /// Puts the output in place of the inputs.
    pub(super) fn swap(
        &self,
        inputs: &[Arc<Segment>],
        output: Output<'_>,
        damaged: &BTreeSet<SegmentId>,
        pace: &Pace<'_>,
    ) -> Result<CompactReport> {
        let gone: BTreeSet<SegmentId> = inputs.iter().map(|segment| segment.id).collect();
        let unused = self.unused_streams(&gone, &output);
        let floor = self.batches.oldest_or_next();
        let removed: Vec<Arc<Segment>> = inputs.iter().cloned().chain(unused).collect();
        let removed_ids: Vec<SegmentId> = removed.iter().map(|segment| segment.id).collect();
        // What hides the versions that were left out may be at level `Os`. It has to be durable before they are gone, or
        // else a power cut would take both. The same goes for the time by which entries have expired.
        if let Err(error) = self.run(Job::Sync) {
            output.discard();
            return Err(error);
        }
        let time = self.time.now();
        let history = self.history_on_disk();
        let swapped = |catalog: &mut Catalog| {
            catalog.time = catalog.time.max(time);
            catalog.segments.retain(|record| !removed_ids.contains(&record.id));
            output.segments.iter().for_each(|(record, _)| catalog.add(record.clone()));
            catalog.floor = catalog.floor.max(floor);
            catalog.history = catalog.history.max(history);
        };
        if let Err(failure) = output.shared.reserve.relieve(|_| self.catalog.update(swapped)) {
            if matches!(failure, Failure::Refused(_)) {
                output.discard();
            }
            return Err(self.note_failure(failure));
        }
        self.void_checkpoint();
        let mut report = CompactReport {
            segments_before: inputs.len() as u64,
            segments_after: output.segments.len() as u64,
            bytes_before: removed.iter().map(|segment| segment.end()).sum(),
            bytes_after: output.segments.iter().map(|(_, segment)| segment.end()).sum(),
            ..CompactReport::default()
        };
        self.segments.change(output.segments.iter().map(|(_, segment)| Arc::clone(segment)), &[]);
        for entry in &output.moved {
            let (segment, to) = entry.to(&output);
            if entry.hides() {
                self.index.relocate_hiding(entry.from, to);
            } else if let Some(bytes) = self.index.relocate_entry(entry.from, to) {
                segment.count_live(bytes.cast_signed());
            }
            report.entries += 1;
            pace.rest(ENTRY_BYTES);
        }
        self.index.moves_are_done();
        // What was left out because the horizon had passed it must be forgotten before its segment goes: afterwards nobody can
        // tell whose it was.
        self.index.collect(self.index.horizon(), &mut |version| self.count_dead(version));
        if !damaged.is_empty() {
            // A segment that is left alone may hold what something in the inputs hides.
            self.index.leave_out_hidden();
        }
        self.segments.change([], &removed_ids);
        for segment in removed {
            discard(&self.environment.disk, &segment.path);
        }
        self.counters.compaction_swapped(report.bytes_before.saturating_sub(report.bytes_after));
        Ok(report)
    }

    /// Stream segments that no entry refers to once the inputs are gone.
    fn unused_streams(&self, gone: &BTreeSet<SegmentId>, output: &Output<'_>) -> Vec<Arc<Segment>> {
        // First those that nobody can refer to any more: who could has noted it by the time that he lets go.
        let mut unused = self.segments.all();
        unused.retain(|segment| segment.kind == SegmentKind::Stream && !segment.is_leased());
        let mut used = output.streams.clone();
        for segment in self.segments.all().iter().filter(|segment| !gone.contains(&segment.id)) {
            used.extend(segment.streams());
        }
        unused.retain(|segment| !used.contains(&segment.id));
        unused
    }
}
