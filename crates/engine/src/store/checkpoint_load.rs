//! Finding the checkpoint that a store is opened with, and making an index of it.
//!
//! Invariant: a checkpoint that is not whole, or does not fit the segments that there are, is as good as none: the indexes are
//! then built from the log. Nothing is changed here.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::log_entries::LogEntries;
use crate::address::Address;
use crate::error::Result;
use crate::format::catalog::Catalog;
use crate::format::checkpoint::SectionKind;
use crate::index::{Crowded, Index, IndexParts, Run, RunShape, SlotGroups, groups_of};
use crate::log::catalog_file;
use crate::log::checkpoint_file::{self, CheckpointFile, Chunks};
use crate::log::covered::Covered;
use crate::log::recovery::Checkpointed;
use crate::numbers::Sequence;
use crate::seams::{Disk, Slab};

/// What the checkpoints of the store in `dir` say, and the file of the one to go on from. One that cannot be read is none.
pub(super) fn find(
    disk: &dyn Disk,
    dir: &Path,
    store_id: [u8; 16],
) -> Result<(Checkpointed, Option<Arc<CheckpointFile>>)> {
    let mut said = Checkpointed::default();
    let mut used = None;
    let listed = checkpoint_file::list(disk, dir)?;
    if listed.is_empty() {
        return Ok((said, used));
    }
    let Some(catalog) = catalog_file::load(disk, dir)?.catalog else { return Ok((said, used)) };
    for (_, path) in listed {
        // The disk that fails here fails the reading of the log as well, if it goes on failing.
        let Ok(Some(file)) = CheckpointFile::open(disk, &path, store_id) else { continue };
        said.mark = said.mark.max(file.head.mark);
        if used.is_none()
            && let Some(covered) = covered_of(&file, &catalog)
        {
            said.covered = Some(covered);
            used = Some(Arc::new(file));
        }
    }
    Ok((said, used))
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
    fn group(&self, number: u64) -> Option<Cow<'_, [u8]>> {
        self.0.get(number).map(Cow::Borrowed)
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
    let parts = IndexParts {
        slots: head.slots,
        groups: Arc::new(Slots(chunks)),
        keys: runs(file, SectionKind::KeyRun)?,
        hashes: runs(file, SectionKind::HashRun)?,
        live: head.live,
        deadlines,
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
