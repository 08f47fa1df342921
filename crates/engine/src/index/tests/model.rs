//! The index as its definition says it: every version ever applied, looked through from end to end.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::index::{Direction, Rank, Space, Version, View};
use crate::numbers::Sequence;

pub(super) type Name = (Space, Vec<u8>);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) keys: BTreeMap<Name, BTreeMap<Rank, Version>>,
}

impl Model {
    /// Notes a version, or where one stands now.
    pub(super) fn set(&mut self, name: &Name, rank: Rank, version: Version) {
        self.keys.entry(name.clone()).or_default().insert(rank, version);
    }

    fn newest_until(&self, name: &Name, sequence: Sequence) -> Option<(Rank, Version)> {
        let newest = self.keys.get(name)?.range(..=(sequence, u32::MAX)).next_back();
        newest.map(|(rank, version)| (*rank, *version))
    }

    pub(super) fn get(&self, name: &Name, view: View) -> Option<Version> {
        self.ranked(name, view).map(|(_, version)| version)
    }

    fn ranked(&self, name: &Name, view: View) -> Option<(Rank, Version)> {
        self.newest_until(name, view.sequence).filter(|(_, newest)| newest.is_live_at(view.time))
    }

    /// What a view sees: name, rank and version.
    pub(super) fn live(&self, view: View) -> Vec<(Name, Rank, Version)> {
        let live = |name: &Name| self.ranked(name, view).map(|(rank, version)| (name.clone(), rank, version));
        self.keys.keys().filter_map(live).collect()
    }

    pub(super) fn page(
        &self,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        view: View,
        limit: usize,
        direction: Direction,
    ) -> Vec<(Vec<u8>, Version)> {
        let above = |key: &[u8]| match bounds.0 {
            Bound::Included(lower) => key >= lower,
            Bound::Excluded(lower) => key > lower,
            Bound::Unbounded => true,
        };
        let below = |key: &[u8]| match bounds.1 {
            Bound::Included(upper) => key <= upper,
            Bound::Excluded(upper) => key < upper,
            Bound::Unbounded => true,
        };
        let mut rows: Vec<_> = self
            .live(view)
            .into_iter()
            .filter(|((space, key), ..)| *space == Space::Keys && above(key) && below(key))
            .map(|((_, key), _, version)| (key, version))
            .collect();
        if direction == Direction::Backward {
            rows.reverse();
        }
        rows.truncate(limit);
        rows
    }

    /// The versions of a key, newest first, that some view at or above the horizon can tell from absence.
    pub(super) fn needed(&self, name: &Name, horizon: View) -> Vec<Version> {
        let mut needed = self.above(name, horizon);
        needed.extend(self.get(name, horizon));
        needed
    }

    /// The version that the horizon sees expired while a newer one waits above it. No view can tell it from absence; if it
    /// was not dropped before, it goes with what makes it the older one.
    pub(super) fn lingers(&self, name: &Name, horizon: View) -> Option<Version> {
        let (_, standing) = self.newest_until(name, horizon.sequence)?;
        let is_expired = standing.deadline().is_some() && !standing.is_live_at(horizon.time);
        (is_expired && !self.above(name, horizon).is_empty()).then_some(standing)
    }

    /// The versions that the horizon does not see, newest first; of those of one commit the last one.
    fn above(&self, name: &Name, horizon: View) -> Vec<Version> {
        let mut above: Vec<(Rank, Version)> = Vec::new();
        let lower = (horizon.sequence.next(), 0);
        for (&rank, &version) in
            self.keys.get(name).into_iter().flat_map(|versions| versions.range(lower..)).rev()
        {
            if above.last().is_none_or(|(newer, _)| newer.0 != rank.0) {
                above.push((rank, version));
            }
        }
        above.into_iter().map(|(_, version)| version).collect()
    }
}
