//! What a compaction of some of the segments has to keep: found by reading those, so that it costs nothing for the others.
//!
//! Invariants: of each input every version that the index holds is found. What deletes a key or has expired, and may hide an
//! older entry in a compacted segment that is not among the inputs, is found too, the newest of each key; it is kept as a
//! tombstone until that segment goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::output::Origin;
use super::source::{Source, Sources, Visit};
use crate::address::Address;
use crate::error::{Error, Result};
use crate::format::entry::{EntryHead, Layout};
use crate::index::{KeyPiece, Name, Space, Spelled, View};
use crate::log::segment::Segment;
use crate::numbers::{Sequence, Timestamp};
use crate::planted::{Bug, planted};
use crate::store::core::Core;
use crate::store::pace::Pace;

/// An entry to be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    piece: KeyPiece,
    pub(super) address: Address,
    /// The index does not hold it: it stays as a tombstone because of what it hides.
    pub(super) hides: bool,
}

impl Kept {
    pub(super) fn origin(self) -> Origin {
        if self.hides { Origin::Hiding(self.address) } else { Origin::Held(self.address) }
    }
}

/// What is kept of the inputs, in key order.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) sources: Sources,
    kept: BTreeMap<Space, Vec<Kept>>,
}

/// Reads the inputs.
struct Reading<'a> {
    core: &'a Core,
    /// Whether older entries may stand elsewhere.
    hides: bool,
    horizon: View,
    now: Timestamp,
    segment: Arc<Segment>,
    /// Entries of the frame that are not the newest of their keys.
    others: Vec<(Space, Kept)>,
    /// Where those stand, with the hashes of their keys.
    places: Vec<(u64, Address)>,
    kept: BTreeMap<Space, Vec<Kept>>,
}

impl Reading<'_> {
    fn keep(&mut self, space: Space, kept: Kept) {
        self.kept.entry(space).or_default().push(kept);
    }
}

impl Visit for Reading<'_> {
    fn entry(&mut self, head: &EntryHead<'_>, layout: &Layout) {
        let mut spelled = Spelled::default();
        let Name { space, key, hash } = Name::of(head.subject, &mut spelled);
        let kept =
            Kept { piece: KeyPiece::of(key), address: self.segment.address(layout.start), hides: false };
        let index = &self.core.index;
        if index.is_newest(space, key, hash, kept.address) {
            return self.keep(space, kept);
        }
        let is_void = head.is_tombstone() || head.deadline.is_some_and(|deadline| deadline <= self.now);
        // What the oldest view in use sees is kept, and hides what is older from it and from all others.
        let is_bare = || match space {
            Space::System => index.get_system(key, hash).is_none(),
            space => index.find(space, key, hash, self.horizon).is_none(),
        };
        let hides = self.hides && is_void && is_bare() && !planted(Bug::PartLosesTombstones);
        self.others.push((space, Kept { hides, ..kept }));
        self.places.push((hash, kept.address));
    }

    /// Finds out which of the others some view may still see.
    fn end_frame(&mut self) {
        let (others, places) = (std::mem::take(&mut self.others), std::mem::take(&mut self.places));
        let mut kept = others.into_iter();
        let core = self.core;
        core.index.tell_wanted(&places, |is_wanted| {
            if let Some((space, kept)) = kept.next()
                && (is_wanted || kept.hides)
            {
                self.keep(space, Kept { hides: !is_wanted, ..kept });
            }
        });
    }
}

impl Scan {
    /// Reads the inputs; `hides` says whether an older entry may stand in a segment that is not among them. `failed` is told
    /// which one could not be read.
    pub(super) fn read(
        core: &Core,
        inputs: &[Arc<Segment>],
        hides: bool,
        pace: &Pace<'_>,
        mut failed: impl FnMut(&Error, &Segment),
    ) -> Result<Self> {
        let Some(first) = inputs.first() else { return Err(core.closed_error()) };
        let mut reading = Reading {
            core,
            hides,
            horizon: core.index.horizon(),
            now: core.time.now(),
            segment: Arc::clone(first),
            others: Vec::new(),
            places: Vec::new(),
            kept: BTreeMap::new(),
        };
        let mut sources = Sources::new();
        for segment in inputs {
            reading.segment = Arc::clone(segment);
            let source = Source::read(core, segment, pace, &mut reading)
                .inspect_err(|error| failed(error, segment))?;
            sources.insert(usize::try_from(segment.slot()).expect("20 bits"), source);
        }
        let mut kept = reading.kept;
        for (space, kept) in &mut kept {
            core.index.sort_by_key(*space, kept, |kept| kept.address, |kept| &mut kept.piece);
        }
        Ok(Self { sources, kept })
    }

    /// What is kept in key order; of what only hides something, the newest of each key.
    pub(super) fn kept(&self) -> impl Iterator<Item = Kept> {
        let versions = self.kept.values().flat_map(|kept| kept.chunk_by(|_, next| next.piece.is_same_key()));
        versions.flat_map(|versions| {
            let hiding = versions.iter().filter(|kept| kept.hides);
            let newest = hiding.max_by_key(|kept| self.rank(kept.address)).map(|kept| kept.address);
            versions.iter().filter(move |kept| !kept.hides || newest == Some(kept.address)).copied()
        })
    }

    fn rank(&self, address: Address) -> Option<(Sequence, u32)> {
        let birth = self.sources.get(&address.slot())?.birth_of(address.offset())?;
        Some((birth.moved.sequence, birth.moved.ordinal))
    }
}
