//! The index as its definition says it: every version ever applied, looked through from end to end.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::super::{Change, Space, Version, View};
use crate::index::Direction;
use crate::numbers::Sequence;

pub(super) type Name = (Space, Vec<u8>);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) keys: BTreeMap<Name, BTreeMap<Sequence, Version>>,
    hashes: BTreeMap<Name, u64>,
}

impl Model {
    pub(super) fn apply(&mut self, change: &Change<'_>) {
        let name = (change.space, change.key.to_vec());
        self.hashes.insert(name.clone(), change.hash);
        self.keys.entry(name).or_default().insert(change.version.sequence, change.version);
    }

    pub(super) fn hash(&self, name: &Name) -> u64 {
        self.hashes[name]
    }

    pub(super) fn get(&self, name: &Name, view: View) -> Option<Version> {
        let (_, newest) = self.keys.get(name)?.range(..=view.sequence).next_back()?;
        newest.is_live_at(view.time).then_some(*newest)
    }

    pub(super) fn live(&self, view: View) -> Vec<(Name, Version)> {
        let live = |name: &Name| self.get(name, view).map(|version| (name.clone(), version));
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
            .filter(|((space, key), _)| *space == Space::Keys && above(key) && below(key))
            .map(|((_, key), version)| (key, version))
            .collect();
        if direction == Direction::Backward {
            rows.reverse();
        }
        rows.truncate(limit);
        rows
    }

    /// The versions of a key, oldest first, that some view at or above the horizon can tell from absence.
    pub(super) fn needed(&self, name: &Name, horizon: View) -> Vec<Version> {
        let Some(versions) = self.keys.get(name) else { return Vec::new() };
        let standing = versions.range(..=horizon.sequence).next_back();
        let above = versions.range(horizon.sequence.next()..);
        standing
            .filter(|(_, version)| version.is_live_at(horizon.time))
            .into_iter()
            .chain(above)
            .map(|(_, version)| *version)
            .collect()
    }

    /// What is left when the store is opened again: the newest version of each key, unless it is a tombstone.
    pub(super) fn reopen(&mut self) {
        for versions in self.keys.values_mut() {
            let newest = versions.pop_last();
            versions.clear();
            versions.extend(newest.filter(|(_, version)| !version.is_tombstone()));
        }
        self.keys.retain(|_, versions| !versions.is_empty());
    }
}
