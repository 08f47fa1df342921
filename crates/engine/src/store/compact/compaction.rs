//! Compaction: what is still wanted of old segments is written again in key order, and the old ones go.
//!
//! Invariants: inputs are log segments wholly below the floor of the batch log, oldest first without a gap, and all
//! compacted ones; every version that the index holds in them is kept, so no view in use loses anything; the swap is
//! one catalog generation, made after a sync of the log, because a version is left out on the strength of a newer
//! one; nothing is removed before both copies of it are durable. A segment with a damaged value is left alone, and so are
//! the log segments behind it; then what hides its older entries is kept too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use super::choice::{Choice, Limit};
use super::output::{Origin, Output};
use super::scan::Scan;
use super::source::{Birth, Nobody, Source, Sources, frames_of, header_at, note_damage};
use crate::address::Address;
use crate::error::{Error, ErrorKind, Result};
use crate::format::entry::Moved;
use crate::format::segment_header::{self, SegmentKind};
use crate::index::{Name, Space, Spelled, Version, VersionKind};
use crate::log::frame_writer::{Draft, DraftSubject, DraftValue};
use crate::log::segment::Segment;
use crate::numbers::SegmentId;
use crate::options::VerifyReads;
use crate::planted::{Bug, planted};
use crate::store::answer::Answer;
use crate::store::core::Core;
use crate::store::handle::Store;
use crate::store::pace::{Pace, Wait};
use crate::store::verify_report::Progress;

/// Keys asked of the index at a time.
const PAGE: usize = 256;

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactReport {
    /// Segments that were taken in, streams not counted.
    pub segments_before: u64,
    /// Segments that were written for them.
    pub segments_after: u64,
    /// Bytes that the replaced segments took, streams that nothing refers to any more included.
    pub bytes_before: u64,
    /// Bytes that the written ones take.
    pub bytes_after: u64,
    /// Entries that were moved.
    pub entries: u64,
    /// Segments that were left alone because a value in them fails its checksum.
    pub damaged_segments: u64,
    /// Segments that stay because they lie behind one of those in the log, which may have no hole.
    pub held_back_segments: u64,
}

impl CompactReport {
    fn add(&mut self, part: &Self) {
        self.segments_before += part.segments_before;
        self.segments_after += part.segments_after;
        self.bytes_before += part.bytes_before;
        self.bytes_after += part.bytes_after;
        self.entries += part.entries;
    }
}

/// What hides older entries, by subject: kept only beside segments that were left alone.
type Tombstones = BTreeMap<(Space, Vec<u8>), (u64, Moved)>;

/// What passing over a key that is not moved counts for in the pace.
const LOOK_BYTES: u64 = 16;

/// Notes that the segment of an entry has to be left alone, if that is what an error says.
fn note_damage_at(error: &Error, address: Address, inputs: &Sources, damaged: &mut BTreeSet<SegmentId>) {
    if let Some(source) = inputs.get(&address.slot()) {
        note_damage(error, source.segment.id, damaged);
    }
}

fn unreadable(address: Address, inputs: &Sources) -> Error {
    let path = inputs.get(&address.slot()).map(|source| source.segment.path.clone()).unwrap_or_default();
    Error::damaged(&path, address.offset(), "the frame of an entry cannot be read any more")
}

impl Store {
    /// Writes what is still wanted of old segments again, in key order, and removes them. Segments with commits that the batch
    /// log retains stay; [`Store::prune`] lets go of them. Reads and writes go on meanwhile. It needs room for all that lives
    /// beside what is there; where the disk has less, what is all but dead goes first.
    ///
    /// # Errors
    ///
    /// When the disk is full or fails; the store is then as it was.
    pub fn compact(&self) -> Result<CompactReport> {
        self.compact_with(&mut |_| ())
    }

    /// [`Store::compact`], telling `progress` how far it is: the bytes written, of those that it expects to write.
    ///
    /// # Errors
    ///
    /// As [`Store::compact`]; [`ErrorKind::Cancelled`] when `progress` answered
    /// [`ControlFlow::Break`](std::ops::ControlFlow::Break), and then nothing has changed.
    pub fn compact_with<A: Answer>(&self, progress: &mut dyn FnMut(Progress) -> A) -> Result<CompactReport> {
        let core = self.core();
        let mut tell = |done| progress(done).flow();
        let pace = Pace::told(core, &mut tell);
        core.poison_on_panic("compacting", || core.compact(&pace))
    }
}

impl Core {
    /// Compacts everything that is not retained.
    pub(super) fn compact(&self, pace: &Pace<'_>) -> Result<CompactReport> {
        self.compacting(None, || self.compact_whole(pace))
    }

    /// Compacts the segments that give back the most for the least, until no more garbage is left than `limit` allows.
    pub(crate) fn compact_garbage(&self, limit: Limit, wait: Option<&Wait<'_>>) -> Result<CompactReport> {
        self.compacting(Some(limit), || self.compact_parts(limit, &Pace::new(self, wait)))
    }

    /// Runs `work` as the one compaction that runs.
    fn compacting(
        &self,
        limit: Option<Limit>,
        work: impl FnOnce() -> Result<CompactReport>,
    ) -> Result<CompactReport> {
        self.check_writable()?;
        let mut left = self.compacting.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_writable()?;
        self.let_go();
        self.sweep_namespaces();
        let result = work();
        self.counters.compaction_ended();
        // Both ways: it may have become room, and what was written of the reserve in vain is free again.
        if let Some(shared) = &self.shared {
            shared.reserve.hold();
        }
        if result.is_ok() {
            left.note(self.garbage(), limit);
        }
        if limit.is_none() {
            self.checkpoint_after_compaction();
        }
        result
    }

    fn compact_whole(&self, pace: &Pace<'_>) -> Result<CompactReport> {
        self.roll_if_compactable()?;
        let mut damaged = BTreeSet::new();
        let mut report = CompactReport::default();
        // Set when the disk is full: the refusal, and how much is tried to be moved then, to make room for the rest.
        let mut full: Option<(Error, u64)> = None;
        loop {
            let all = self.inputs(&damaged);
            let inputs = match &full {
                Some((_, bytes)) => self.all_but_dead(all, *bytes),
                None => all,
            };
            if !self.is_worthwhile(&inputs) {
                match full {
                    Some((error, _)) if report.segments_before == 0 => return Err(error),
                    _ => break,
                }
            }
            let found = damaged.len();
            match self.compact_inputs(&inputs, &mut damaged, pace) {
                Ok(part) => {
                    report.add(&part);
                    if full.take().is_none() {
                        break;
                    }
                }
                Err(_) if damaged.len() > found => {}
                Err(error) if error.kind() == ErrorKind::DiskFull => {
                    let less = match (&full, &self.shared) {
                        (None, Some(shared)) => shared.reserve.moved_bytes_max(),
                        (Some((_, bytes)), _) if *bytes > 0 => bytes / 8,
                        _ => return Err(error),
                    };
                    full = Some((error, less));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(CompactReport {
            damaged_segments: damaged.len() as u64,
            held_back_segments: self.held_back(&damaged),
            ..report
        })
    }

    fn compact_parts(&self, limit: Limit, pace: &Pace<'_>) -> Result<CompactReport> {
        let mut damaged = BTreeSet::new();
        let mut report = CompactReport::default();
        let mut has_rolled = false;
        loop {
            let choice = self.choose(limit, &damaged);
            pace.hurry(self.garbage().exceeds_by_far(limit));
            let inputs = match choice {
                Choice::Nothing => break,
                Choice::Whole => {
                    report.add(&self.compact_whole(pace)?);
                    break;
                }
                // Somebody has written since who keeps it from being compacted.
                Choice::Roll if has_rolled => break,
                Choice::Roll => {
                    self.roll_if_compactable()?;
                    has_rolled = true;
                    continue;
                }
                Choice::Part(inputs) => inputs,
            };
            has_rolled = false;
            let found = damaged.len();
            match self.compact_part(&inputs, &mut damaged, pace) {
                Ok(part) => {
                    report.add(&part);
                    if part.bytes_after >= part.bytes_before {
                        break;
                    }
                }
                Err(_) if damaged.len() > found => {}
                // The long way knows what to do about it.
                Err(error) if error.kind() == ErrorKind::DiskFull => {
                    report.add(&self.compact_whole(pace)?);
                    break;
                }
                Err(error) => return Err(error),
            }
            self.let_go();
        }
        Ok(CompactReport { damaged_segments: damaged.len() as u64, ..report })
    }

    /// Compacts these segments and no others: what they hold of the index is found by reading them.
    fn compact_part(
        &self,
        inputs: &[Arc<Segment>],
        damaged: &mut BTreeSet<SegmentId>,
        pace: &Pace<'_>,
    ) -> Result<CompactReport> {
        let hides = self.is_outside(inputs);
        let failed = |error: &Error, segment: &Segment| note_damage(error, segment.id, damaged);
        self.expect_work(inputs);
        let scan = Scan::read(self, inputs, hides, pace, failed)?;
        self.write(inputs, damaged, pace, |output, damaged| {
            for kept in scan.kept() {
                let shown = self.index.show(kept.address, |entry| {
                    let subject = entry.space.draft_subject(entry.key);
                    (!entry.is_damaged).then(|| (subject, Version::of(kept.address, entry)))
                });
                let draft = match shown.flatten() {
                    Some((subject, version)) => {
                        let kind = if kept.hides { VersionKind::Tombstone } else { version.kind };
                        self.moved_draft(subject, &Version { kind, ..version }, &scan.sources)
                    }
                    None => Err(unreadable(kept.address, &scan.sources)),
                };
                let draft =
                    draft.inspect_err(|error| note_damage_at(error, kept.address, &scan.sources, damaged))?;
                output.add(draft, kept.origin(), pace)?;
            }
            Ok(())
        })
    }

    /// Compacts inputs that leave out no compacted segment, but for damaged ones.
    fn compact_inputs(
        &self,
        inputs: &[Arc<Segment>],
        damaged: &mut BTreeSet<SegmentId>,
        pace: &Pace<'_>,
    ) -> Result<CompactReport> {
        self.expect_work(inputs);
        let mut sources = Sources::new();
        for segment in inputs {
            let source = Source::read(self, segment, pace, &mut Nobody)
                .inspect_err(|error| note_damage(error, segment.id, damaged))?;
            sources.insert(usize::try_from(segment.slot()).expect("20 bits"), source);
        }
        let mut tombstones =
            if damaged.is_empty() { Tombstones::new() } else { self.hiding(inputs, damaged)? };
        self.write(inputs, damaged, pace, |output, damaged| {
            self.write_wanted(&sources, &mut tombstones, output, damaged, pace)
        })
    }

    /// Makes an output, has it filled, and puts it in place of the inputs.
    fn write(
        &self,
        inputs: &[Arc<Segment>],
        damaged: &mut BTreeSet<SegmentId>,
        pace: &Pace<'_>,
        fill: impl FnOnce(&mut Output<'_>, &mut BTreeSet<SegmentId>) -> Result<()>,
    ) -> Result<CompactReport> {
        let base = inputs.iter().map(|segment| segment.base).min().unwrap_or_default();
        let mut output = Output::new(self, base, self.sizes(inputs).1)?;
        let written = fill(&mut output, damaged).and_then(|()| output.finish());
        if let Err(error) = written {
            output.discard();
            return Err(error);
        }
        self.swap(inputs, output, damaged, pace)
    }

    /// Copies every version in the inputs that the index holds, in key order.
    fn write_wanted(
        &self,
        inputs: &Sources,
        tombstones: &mut Tombstones,
        output: &mut Output<'_>,
        damaged: &mut BTreeSet<SegmentId>,
        pace: &Pace<'_>,
    ) -> Result<()> {
        // One for all pages: the oldest view in use when the dead were last collected.
        let horizon = self.index.horizon();
        for space in Space::ALL {
            let mut after: Option<Arc<[u8]>> = None;
            loop {
                let page = self.index.versions_page(space, after.as_deref(), PAGE, horizon);
                let Some((last, versions)) = page.last() else { break };
                let is_last = !versions.iter().any(Version::is_readable);
                after = Some(Arc::clone(last));
                for (key, versions) in page {
                    self.write_tombstones_before(Some((space, &key)), tombstones, output, pace)?;
                    if self.namespaces.is_gone(space.keyspace(&key), horizon.sequence) {
                        continue;
                    }
                    let kept = if planted(Bug::CompactionDropsPinned) { 1 } else { versions.len() };
                    for version in &versions[..kept] {
                        if !inputs.contains_key(&version.address.slot()) {
                            pace.step(LOOK_BYTES)?;
                            continue;
                        }
                        let draft = self
                            .moved_draft(space.draft_subject(&key), version, inputs)
                            .inspect_err(|error| note_damage_at(error, version.address, inputs, damaged))?;
                        output.add(draft, Origin::Held(version.address), pace)?;
                    }
                }
                if is_last {
                    break;
                }
            }
        }
        self.write_tombstones_before(None, tombstones, output, pace)
    }

    fn write_tombstones_before(
        &self,
        limit: Option<(Space, &[u8])>,
        tombstones: &mut Tombstones,
        output: &mut Output<'_>,
        pace: &Pace<'_>,
    ) -> Result<()> {
        while let Some(first) = tombstones.first_entry() {
            let (space, key) = first.key();
            if limit
                .is_some_and(|(limit_space, limit_key)| (*space, key.as_slice()) > (limit_space, limit_key))
            {
                break;
            }
            let ((space, key), (_, moved)) = first.remove_entry();
            let subject = space.draft_subject(&key);
            let draft = Draft::moved_tombstone(subject, moved);
            output.add(draft, Origin::Nowhere, pace)?;
        }
        Ok(())
    }

    fn moved_draft(&self, subject: DraftSubject, version: &Version, inputs: &Sources) -> Result<Draft> {
        let at = version.address;
        let birth = inputs.get(&at.slot()).and_then(|source| source.birth_of(at.offset()));
        let Birth { moved, lineage } = birth.ok_or_else(|| unreadable(at, inputs))?;
        if version.is_tombstone() {
            return Ok(Draft::moved_tombstone(subject, moved));
        }
        let mut payload = self.payload_at(version, &subject)?;
        let value = if payload.segment.kind != SegmentKind::Stream {
            // The copy gets a checksum of its own, so the original must hold at this moment.
            payload.policy = VerifyReads::Always;
            DraftValue::Inline(crate::log::frame_writer::PayloadBytes::Mapped(payload.value()?))
        } else {
            DraftValue::External {
                segment: payload.segment.id,
                length: payload.length,
                checksum: payload.checksum,
            }
        };
        let (deadline, moved, lineage) = (version.deadline(), Some(moved), Some(lineage));
        Ok(Draft { subject, value, deadline, moved, lineage })
    }

    /// Entries of the inputs that the index does not hold because they are deleted or expired, and that may hide older ones in
    /// segments that are left alone: the newest of each key, to be kept as a tombstone.
    fn hiding(&self, inputs: &[Arc<Segment>], damaged: &mut BTreeSet<SegmentId>) -> Result<Tombstones> {
        let mut tombstones = Tombstones::new();
        for segment in inputs {
            self.note_newest(segment, &mut tombstones)
                .inspect_err(|error| note_damage(error, segment.id, damaged))?;
        }
        // Where the oldest view in use sees something of the key, that version is kept, and hides what is older from it and
        // from all others.
        let view = self.index.horizon();
        tombstones.retain(|(space, key), (hash, _)| match space {
            Space::System => self.index.get_system(key, *hash).is_none(),
            space if self.namespaces.is_gone(space.keyspace(key), view.sequence) => false,
            space => self.index.find(*space, key, *hash, view).is_none(),
        });
        Ok(tombstones)
    }

    /// Notes the newest entry of each key in a segment, unless one that is newer is noted.
    fn note_newest(&self, segment: &Segment, tombstones: &mut Tombstones) -> Result<()> {
        let map = segment.map()?;
        let mut frames = frames_of(self, segment, &map);
        let io = |e| Error::io("read", &segment.path, &e);
        let mut offset = segment_header::LENGTH;
        while offset < segment.end() {
            let header = header_at(&mut frames, segment, offset)?;
            frames
                .entries(offset, &header, &mut |head, _| {
                    let mut spelled = Spelled::default();
                    let Name { space, key, hash } = Name::of(head.subject, &mut spelled);
                    let moved = head.moved.unwrap_or(Moved {
                        sequence: header.rank_of(head.subject),
                        time: header.time,
                        ordinal: 0,
                    });
                    let slot = tombstones.entry((space, key.to_vec())).or_insert((hash, moved));
                    if slot.1.sequence < moved.sequence {
                        *slot = (hash, moved);
                    }
                })
                .map_err(io)?;
            offset += header.frame_length();
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "compaction_tests.rs"]
mod tests;
