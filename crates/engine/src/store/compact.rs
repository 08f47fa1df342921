//! Compaction: what is still wanted of old segments is written again in key order, and the old ones go.
//!
//! Invariants: inputs are log segments wholly below the floor of the batch log, oldest first without a gap, and all
//! compacted ones; every version that the index holds in them is kept, so no view in use loses anything; the swap is
//! one catalog generation, made after a sync of the log, because a version is left out on the strength of a newer
//! one; nothing is removed before both copies of it are durable. A segment with a damaged value is left alone, and so are
//! the log segments behind it; then what hides its older entries is kept too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::compact_output::{MovedEntry, Output};
use super::compact_source::{Source, frames_of, header_at, note_damage};
use super::core::Core;
use super::entry::subject_of;
use super::handle::Store;
use crate::address::Address;
use crate::commit::job::Job;
use crate::error::{Error, ErrorKind, Result};
use crate::format::catalog::Catalog;
use crate::format::entry::{Moved, Subject};
use crate::format::segment_header::{self, SegmentKind};
use crate::hash::key_hash;
use crate::index::{Space, Version};
use crate::log::create::discard;
use crate::log::failure::Failure;
use crate::log::frame_writer::{Draft, DraftValue};
use crate::log::segment::Segment;
use crate::numbers::SegmentId;
use crate::options::VerifyReads;
use crate::planted::{Bug, planted};
use crate::seams::lock::MutexGuard;

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

impl Store {
    /// Writes what is still wanted of old segments again and removes them. Segments with commits that the batch log
    /// retains stay; [`Store::prune`] lets go of them. Reads and writes go on meanwhile.
    ///
    /// # Errors
    ///
    /// When the disk is full or fails; the store is then as it was.
    pub fn compact(&self) -> Result<CompactReport> {
        let core = self.core();
        core.poison_on_panic("compacting", || core.compact())
    }
}

impl Core {
    pub(crate) fn compact(&self) -> Result<CompactReport> {
        let result = self.compact_all();
        // Both ways: it may have become room, and what was written of the reserve in vain is free again.
        if let Some(shared) = &self.shared {
            shared.reserve.hold();
        }
        result
    }

    fn compact_all(&self) -> Result<CompactReport> {
        self.check_writable()?;
        let mut left_dead: MutexGuard<'_, u64> =
            self.compacting.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_writable()?;
        self.retain(self.published.tail());
        // What a snapshot alone held is dead since it was dropped.
        self.index.collect(self.horizon(), &mut |version| self.count_dead(version));
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
            match self.compact_inputs(&inputs, &mut damaged) {
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
        self.counters.compaction();
        let (total, live) = self.sizes(&self.inputs(&BTreeSet::new()));
        *left_dead = total.saturating_sub(live);
        Ok(CompactReport {
            damaged_segments: damaged.len() as u64,
            held_back_segments: self.held_back(&damaged),
            ..report
        })
    }

    fn compact_inputs(
        &self,
        inputs: &[Arc<Segment>],
        damaged: &mut BTreeSet<SegmentId>,
    ) -> Result<CompactReport> {
        let mut by_id = BTreeMap::new();
        for segment in inputs {
            let source =
                Source::new(self, segment).inspect_err(|error| note_damage(error, segment.id, damaged))?;
            by_id.insert(segment.id, source);
        }
        let mut tombstones =
            if damaged.is_empty() { Tombstones::new() } else { self.hiding(inputs, damaged)? };
        let base = inputs.iter().map(|segment| segment.base).min().unwrap_or_default();
        let mut output = Output::new(self, base, self.sizes(inputs).1)?;
        let written =
            self.write_wanted(&by_id, &mut tombstones, &mut output, damaged).and_then(|()| output.finish());
        if let Err(error) = written {
            output.discard();
            return Err(error);
        }
        self.swap(inputs, output, damaged)
    }

    /// Copies every version in the inputs that the index holds, in key order.
    fn write_wanted(
        &self,
        inputs: &BTreeMap<SegmentId, Source>,
        tombstones: &mut Tombstones,
        output: &mut Output<'_>,
        damaged: &mut BTreeSet<SegmentId>,
    ) -> Result<()> {
        // One for all pages: the oldest view in use when the dead were last collected.
        let horizon = self.index.horizon();
        for space in [Space::Keys, Space::Hashes] {
            let mut after: Option<Arc<[u8]>> = None;
            loop {
                let page = self.index.versions_page(space, after.as_deref(), PAGE, horizon);
                let Some((last, _)) = page.last() else { break };
                after = Some(Arc::clone(last));
                if self.closing.load(Ordering::Acquire) {
                    return Err(self.closed_error());
                }
                for (key, versions) in page {
                    self.write_tombstones_before(Some((space, &key)), tombstones, output)?;
                    let hash = hash_of(space, &key);
                    let kept = if planted(Bug::CompactionDropsPinned) { 1 } else { versions.len() };
                    for version in &versions[..kept] {
                        let Some((id, source)) = self.input_of(version.address, inputs) else { continue };
                        match self.moved_draft(space, &key, hash, version, source) {
                            Ok(draft) => {
                                output.add(
                                    draft,
                                    Some(MovedEntry::new(space, Arc::clone(&key), hash, version)),
                                )?;
                            }
                            Err(error) => {
                                note_damage(&error, id, damaged);
                                return Err(error);
                            }
                        }
                    }
                }
            }
        }
        self.write_tombstones_before(None, tombstones, output)
    }

    fn write_tombstones_before(
        &self,
        limit: Option<(Space, &[u8])>,
        tombstones: &mut Tombstones,
        output: &mut Output<'_>,
    ) -> Result<()> {
        while let Some(first) = tombstones.first_entry() {
            let (space, key) = first.key();
            if limit
                .is_some_and(|(limit_space, limit_key)| (*space, key.as_slice()) > (limit_space, limit_key))
            {
                break;
            }
            let ((space, key), (hash, moved)) = first.remove_entry();
            let subject = subject_of(space, &key, hash);
            let draft = Draft { subject, value: DraftValue::Tombstone, deadline: None, moved: Some(moved) };
            output.add(draft, None)?;
        }
        Ok(())
    }

    /// The input that an entry stands in, if it is in one.
    fn input_of<'a>(
        &self,
        address: Address,
        inputs: &'a BTreeMap<SegmentId, Source>,
    ) -> Option<(SegmentId, &'a Source)> {
        let id = self.segments.now().in_slot(address.slot())?.id;
        inputs.get(&id).map(|source| (id, source))
    }

    fn moved_draft(
        &self,
        space: Space,
        key: &[u8],
        hash: u64,
        version: &Version,
        source: &Source,
    ) -> Result<Draft> {
        let subject = subject_of(space, key, hash);
        let moved = source.birth_of(version.address.offset()).ok_or_else(|| {
            Error::damaged(
                &source.path,
                version.address.offset(),
                "the frame of an entry cannot be read any more",
            )
        })?;
        if version.is_tombstone() {
            return Ok(Draft { subject, value: DraftValue::Tombstone, deadline: None, moved: Some(moved) });
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
        Ok(Draft { subject, value, deadline: version.deadline(), moved: Some(moved) })
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
            Space::Keys => self.index.get(key, *hash, view).is_none(),
            Space::Hashes => self.index.get_hash_only(*hash, view).is_none(),
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
                    let (space, key, hash) = match head.subject {
                        Subject::Key(key) => (Space::Keys, key.to_vec(), key_hash(key)),
                        Subject::Hash(hash) => (Space::Hashes, hash.to_be_bytes().to_vec(), hash),
                    };
                    let moved = head.moved.unwrap_or(Moved {
                        sequence: header.sequence,
                        time: header.time,
                        ordinal: 0,
                    });
                    let slot = tombstones.entry((space, key)).or_insert((hash, moved));
                    if slot.1.sequence < moved.sequence {
                        *slot = (hash, moved);
                    }
                })
                .map_err(io)?;
            offset += header.frame_length();
        }
        Ok(())
    }

    /// Puts the output in place of the inputs.
    fn swap(
        &self,
        inputs: &[Arc<Segment>],
        output: Output<'_>,
        damaged: &BTreeSet<SegmentId>,
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
        let mut report = CompactReport {
            segments_before: inputs.len() as u64,
            segments_after: output.segments.len() as u64,
            bytes_before: removed.iter().map(|segment| segment.end()).sum(),
            bytes_after: output.segments.iter().map(|(_, segment)| segment.end()).sum(),
            ..CompactReport::default()
        };
        self.segments.change(output.segments.iter().map(|(_, segment)| Arc::clone(segment)), &[]);
        for entry in &output.moved {
            if let Some(segment) = self.segments.get(entry.to.0)
                && entry.relocate(&self.index, &segment)
            {
                segment.count_live(entry.bytes.cast_signed());
            }
            report.entries += 1;
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

/// The key hash of a key as the index names it.
pub(crate) fn hash_of(space: Space, key: &[u8]) -> u64 {
    match space {
        Space::Keys => key_hash(key),
        Space::Hashes => u64::from_be_bytes(key.try_into().expect("a hash-only entry is named by its hash")),
    }
}
