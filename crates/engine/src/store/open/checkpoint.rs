//! Finding the checkpoint that a store is opened with, and making an index of it.
//!
//! Invariant: a checkpoint that is not whole, or does not fit the segments that there are, is as good as none: the indexes are
//! then built from the log. Nothing is changed here.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::rebuild::IndexBuilder;
use crate::address::Address;
use crate::error::{Error, Result};
use crate::format::catalog::Catalog;
use crate::format::checkpoint::SectionKind;
use crate::format::identity::Identity;
use crate::index::{Crowded, Index, IndexParts, Run, RunShape, SlotGroups, groups_of};
use crate::log::catalog_file;
use crate::log::checkpoint_file::{self, CheckpointFile, Chunks};
use crate::log::covered::Covered;
use crate::log::policy::Policy;
use crate::log::recovery::{Checkpointed, Recovered, recover};
use crate::log::segment_table::SegmentTable;
use crate::numbers::Sequence;
use crate::seams::{Disk, Slab};
use crate::store::log_entries::LogEntries;

/// What the checkpoints of a store say.
#[derive(Debug, Default)]
pub(super) struct Found {
    said: Checkpointed,
    /// The one to go on from.
    file: Option<Arc<CheckpointFile>>,
    /// Why one that is there could not be read.
    pub(super) unread: Option<Error>,
}

/// What was read of a store.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) recovered: Recovered,
    pub(super) segments: Arc<SegmentTable>,
    pub(super) builder: IndexBuilder,
    /// The checkpoint that was used, and the index that it holds.
    pub(super) checkpoint: Option<Arc<CheckpointFile>>,
    pub(super) held: Option<Index<LogEntries>>,
}

impl Found {
    /// What the checkpoints say of how far the log is durable, and nothing to go on from.
    pub(super) fn without_index(self) -> Self {
        let said = Checkpointed { covered: None, ..self.said };
        Self { said, file: None, unread: self.unread }
    }
}

/// Looks for the checkpoints of the store in `dir`. One that cannot be read is none.
pub(super) fn find(disk: &dyn Disk, dir: &Path, store_id: [u8; 16]) -> Result<Found> {
    let mut found = Found::default();
    let listed = checkpoint_file::list(disk, dir)?;
    if listed.is_empty() {
        return Ok(found);
    }
    let Some(catalog) = catalog_file::load(disk, dir)?.catalog else { return Ok(found) };
    for (_, path) in listed {
        let file = match CheckpointFile::open(disk, &path, store_id) {
            Ok(Some(file)) => file,
            Ok(None) => continue,
            // The log has all of it; a disk that goes on failing fails the reading of that as well.
            Err(error) => {
                found.unread = Some(error);
                continue;
            }
        };
        found.said.mark = found.said.mark.max(file.head.mark);
        if found.file.is_none()
            && let Some(covered) = covered_of(&file, &catalog)
        {
            found.said.covered = Some(covered);
            found.file = Some(Arc::new(file));
        }
    }
    Ok(found)
}

/// Reads what the checkpoint that was found does not cover, or everything if there is none or no index can be made of it.
pub(super) fn recover_from(
    found: Found,
    disk: &Arc<dyn Disk>,
    dir: &Path,
    identity: &Identity,
    policy: &mut Policy,
    secret: u64,
) -> Result<Read> {
    let Found { mut said, file: mut checkpoint, .. } = found;
    loop {
        let mut builder = IndexBuilder::new(secret);
        if checkpoint.is_some() {
            builder = builder.behind_checkpoint();
        }
        let mut recovered = recover(disk, dir, identity, policy, &said, &mut builder)?;
        let segments = Arc::new(SegmentTable::default());
        let Some(file) = checkpoint else {
            segments.change(recovered.segments.iter().cloned(), &[]);
            return Ok(Read { recovered, segments, builder, checkpoint: None, held: None });
        };
        segments.go_on_from(file.head.next_slot);
        // First those whose slots are known.
        recovered.segments.sort_by_key(|segment| segment.known_slot().is_none());
        segments.change(recovered.segments.iter().cloned(), &[]);
        let entries = LogEntries::new(Arc::clone(&segments), identity.alignment.bytes());
        if let Some(index) = index_of(&file, secret, entries) {
            let held = Some(index);
            return Ok(Read { recovered, segments, builder, checkpoint: Some(file), held });
        }
        (said.covered, checkpoint) = (None, None);
    }
}

/// What a checkpoint covers, if all of it is whole and it fits.
fn covered_of(file: &CheckpointFile, catalog: &Catalog) -> Option<Covered> {
    let head = &file.head;
    let starts = match file.of_kind(SectionKind::FrameStarts).next() {
        Some(section) => file.halves(section)?,
        None => Vec::new(),
    };
    let mut rest = &starts[..];
    let mut segments = BTreeMap::new();
    for covered in &file.table.segments {
        let count = usize::try_from(covered.starts).ok()?;
        let (own, behind) = rest.split_at_checked(count)?;
        rest = behind;
        let ends = own.last().is_none_or(|last| u64::from(*last) * crate::format::UNIT < covered.end);
        if !own.is_sorted() || !ends {
            return None;
        }
        segments.insert(covered.id, (covered.clone(), own.to_vec()));
    }
    let covered = Covered {
        frame: head.frame,
        sequence: head.sequence,
        time: head.time,
        floor: head.floor,
        epoch: head.epoch,
        end: head.end,
        segments,
    };
    (rest.is_empty() && covered.fits(catalog) && file.holds()).then_some(covered)
}

#[derive(Debug)]
struct Slots(Chunks);

impl SlotGroups for Slots {
    fn group(&self, number: u64) -> &[u8] {
        self.0.get(number).unwrap_or_default()
    }
}

/// The index that a checkpoint holds; `None` when it cannot be made.
pub(super) fn index_of(
    file: &Arc<CheckpointFile>,
    secret: u64,
    entries: LogEntries,
) -> Option<Index<LogEntries>> {
    let head = &file.head;
    let chunks = file.chunks(SectionKind::Slots)?;
    if groups_of(head.slots) != Some(chunks.count()) {
        return None;
    }
    let pairs = |kind| match file.of_kind(kind).next() {
        Some(section) => file.pairs(section),
        None => Some(Vec::new()),
    };
    let crowds = pairs(SectionKind::Crowds)?;
    let (crowds, []) = crowds.as_chunks::<2>() else { return None };
    let crowd = |[[hash, address], [sequence, ordinal]]: &[[u64; 2]; 2]| {
        let rank = (Sequence(*sequence), u32::try_from(*ordinal).ok()?);
        Some(Crowded { hash: *hash, address: Address::checked(*address)?, rank })
    };
    let tombstone = |[hash, address]: [u64; 2]| Some((hash, Address::checked(address)?));
    let deadlines = match file.of_kind(SectionKind::Deadlines).next() {
        Some(section) => {
            let section = &file.table.sections[section];
            let count = usize::try_from(section.length / 8).ok()?;
            Slab::<u64>::in_map(file.private(), section.offset, count)?
        }
        None => Slab::default(),
    };
    let (named_live, named_deadlines) = match file.of_kind(SectionKind::NamedDeadlines).next() {
        Some(section) => {
            let [live, _] = *file.pairs(section)?.first()?;
            let section = &file.table.sections[section];
            let count = usize::try_from(section.length / 8).ok()?.checked_sub(2)?;
            (live, Slab::<u64>::in_map(file.private(), section.offset + 16, count)?)
        }
        None => (0, Slab::default()),
    };
    let parts = IndexParts {
        slots: head.slots,
        groups: Arc::new(Slots(chunks)),
        keys: runs(file, SectionKind::KeyRun)?,
        hashes: runs(file, SectionKind::HashRun)?,
        system: runs(file, SectionKind::SystemRun)?,
        named: runs(file, SectionKind::NamedRun)?,
        named_hashes: runs(file, SectionKind::NamedHashRun)?,
        live: head.live,
        deadlines,
        named_live,
        named_deadlines,
        crowds: crowds.iter().map(crowd).collect::<Option<_>>()?,
        tombstones: pairs(SectionKind::Tombstones)?.into_iter().map(tombstone).collect::<Option<_>>()?,
    };
    Index::of_parts(secret, entries, parts)
}

/// The runs of a kind, newest first.
fn runs(file: &Arc<CheckpointFile>, kind: SectionKind) -> Option<Vec<Run>> {
    let run = |number: usize| {
        let section = &file.table.sections[number];
        let [records, arena_bytes, prefix_bytes] = section.shape;
        let shape = RunShape { records, arena_bytes, prefix_bytes };
        if shape.bytes() != Some(section.length) {
            return None;
        }
        let rest = file.bytes(number, shape.read_from())?;
        Run::of_image(shape, file.private(), section.offset, rest)
    };
    file.of_kind(kind).map(run).collect()
}
