//! The ordered index on B-trees: one per space, behind one lock.
//!
//! Invariant: a key is in its tree exactly as long as it has a version. The lock is held for one slice at a time,
//! by readers as well: a long run of dead chains is skipped [`SCAN_SLICE`] keys at a time, so that no range makes
//! the commit leader wait for longer than that.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::chain::{Chain, Pruned};
use super::facade::WHOLE;
use super::key::{Change, Key, Space};
use super::memory::{bytes_of, shared_key_bytes, tree_bytes};
use super::ordered::{Direction, OrderedIndex, Relocated, Remains, Step, Versions};
use super::version::{Position, Version, View};
use crate::numbers::Sequence;
use crate::seams::lock::{RwLock, RwLockReadGuard, RwLockWriteGuard};

type Tree = BTreeMap<Arc<[u8]>, Chain>;

/// Keys that a reader looks at before it lets a waiting writer through.
const SCAN_SLICE: usize = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct TreeIndex {
    trees: RwLock<Trees>,
}

#[derive(Debug, Default)]
struct Trees {
    keys: Tree,
    hashes: Tree,
    /// Heap bytes of the keys.
    key_bytes: u64,
    /// Heap bytes of the chains of more than one version.
    spilled_bytes: u64,
}

impl Trees {
    fn of(&self, space: Space) -> &Tree {
        match space {
            Space::Keys => &self.keys,
            Space::Hashes => &self.hashes,
        }
    }

    fn of_mut(&mut self, space: Space) -> &mut Tree {
        match space {
            Space::Keys => &mut self.keys,
            Space::Hashes => &mut self.hashes,
        }
    }

    /// The chain of a key, and the shared copy of the key.
    fn chain_mut(&mut self, space: Space, key: &[u8]) -> Option<(&Arc<[u8]>, &mut Chain)> {
        let only = (Bound::Included(key), Bound::Included(key));
        self.of_mut(space).range_mut::<[u8], _>(only).next()
    }

    fn insert(&mut self, change: &Change<'_>, horizon: View, dropped: &mut Vec<Version>) -> Step {
        let Some((key, chain)) = self.chain_mut(change.space, change.key) else {
            return self.insert_new(change);
        };
        let key = Arc::clone(key);
        let before = chain.newest();
        let spilled_before = chain.spilled_bytes();
        let insertion = chain.insert(change.version);
        // The same entry applied twice is not a dead one.
        dropped.extend(insertion.replaced.filter(|replaced| replaced.position != change.version.position));
        let own = (insertion.has_older || change.version.is_tombstone()).then_some(change.version.sequence);
        let pruned = chain.prune(horizon, dropped);
        let after = (pruned == Pruned::Kept).then(|| chain.newest());
        let spilled_after = if after.is_some() { chain.spilled_bytes() } else { 0 };
        self.spilled_bytes = self.spilled_bytes + bytes_of(spilled_after, 1) - bytes_of(spilled_before, 1);
        if after.is_none() {
            self.forget(change.space, &key);
        }
        Step { key, before: Some(before), after, prune_at: [own, insertion.newer] }
    }

    fn insert_new(&mut self, change: &Change<'_>) -> Step {
        let key: Arc<[u8]> = Arc::from(change.key);
        self.key_bytes += shared_key_bytes(key.len());
        self.of_mut(change.space).insert(Arc::clone(&key), Chain::One(change.version));
        let own = change.version.is_tombstone().then_some(change.version.sequence);
        Step { key, before: None, after: Some(change.version), prune_at: [own, None] }
    }

    fn prune(&mut self, key: &Key, horizon: View, dropped: &mut Vec<Version>) -> Remains {
        let Some(chain) = self.of_mut(key.space).get_mut(&key.bytes) else { return Remains::Absent };
        let spilled_before = chain.spilled_bytes();
        match chain.prune(horizon, dropped) {
            Pruned::Kept => {
                let spilled_after = chain.spilled_bytes();
                self.spilled_bytes =
                    self.spilled_bytes + bytes_of(spilled_after, 1) - bytes_of(spilled_before, 1);
                Remains::Kept
            }
            Pruned::Everything => {
                self.spilled_bytes -= bytes_of(spilled_before, 1);
                self.forget(key.space, &key.bytes);
                Remains::Removed
            }
        }
    }

    fn forget(&mut self, space: Space, key: &[u8]) {
        if self.of_mut(space).remove(key).is_some() {
            self.key_bytes -= shared_key_bytes(key.len());
        }
    }
}

impl TreeIndex {
    /// An index of one version per key, from entries in ascending order of space and key.
    pub(super) fn from_sorted(entries: impl Iterator<Item = (Space, Arc<[u8]>, Version)>) -> Self {
        let mut trees = Trees::default();
        let mut keys = Vec::new();
        let mut hashes = Vec::new();
        for (space, key, version) in entries {
            trees.key_bytes += shared_key_bytes(key.len());
            let row = (key, Chain::One(version));
            match space {
                Space::Keys => keys.push(row),
                Space::Hashes => hashes.push(row),
            }
        }
        // Collecting builds full nodes bottom-up instead of inserting one key at a time.
        trees.keys = keys.into_iter().collect();
        trees.hashes = hashes.into_iter().collect();
        Self { trees: RwLock::new(trees) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Trees> {
        self.trees.read().expect(WHOLE)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Trees> {
        self.trees.write().expect(WHOLE)
    }
}

impl OrderedIndex for TreeIndex {
    fn insert(
        &self,
        changes: &[Change<'_>],
        horizon: View,
        dropped: &mut Vec<Version>,
        steps: &mut Vec<Step>,
    ) {
        let mut trees = self.write();
        steps.extend(changes.iter().map(|change| trees.insert(change, horizon, dropped)));
    }

    fn prune(&self, keys: &[Key], horizon: View, dropped: &mut Vec<Version>) -> Vec<Remains> {
        let mut trees = self.write();
        keys.iter().map(|key| trees.prune(key, horizon, dropped)).collect()
    }

    fn relocate(
        &self,
        space: Space,
        key: &[u8],
        sequence: Sequence,
        from: Position,
        to: Position,
    ) -> Relocated {
        let mut trees = self.write();
        let Some((key, chain)) = trees.chain_mut(space, key) else { return Relocated::No };
        match chain.relocate(sequence, from, to) {
            None => Relocated::No,
            Some(moved) if moved == chain.newest() => Relocated::Newest(Arc::clone(key), moved),
            Some(_) => Relocated::Older,
        }
    }

    fn visible(&self, space: Space, key: &[u8], view: View) -> Option<Version> {
        self.read().of(space).get(key)?.visible(view)
    }

    fn page(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        view: View,
        limit: usize,
        direction: Direction,
    ) -> Vec<(Arc<[u8]>, Version)> {
        let mut rows = Vec::new();
        let mut reached: Option<Arc<[u8]>> = None;
        while rows.len() < limit {
            let bounds = match (&reached, direction) {
                (None, _) => (lower, upper),
                (Some(key), Direction::Forward) => (Bound::Excluded(&**key), upper),
                (Some(key), Direction::Backward) => (lower, Bound::Excluded(&**key)),
            };
            if is_empty(bounds) {
                break;
            }
            let trees = self.read();
            let range = trees.keys.range::<[u8], _>(bounds);
            reached = match direction {
                Direction::Forward => take_rows(range, view, limit, &mut rows),
                Direction::Backward => take_rows(range.rev(), view, limit, &mut rows),
            };
            if reached.is_none() {
                break;
            }
        }
        rows
    }

    fn versions_page(&self, space: Space, after: Option<&[u8]>, limit: usize) -> Vec<Versions> {
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        let trees = self.read();
        let chains = trees.of(space).range::<[u8], _>((lower, Bound::Unbounded)).take(limit);
        chains.map(|(key, chain)| (Arc::clone(key), chain.versions())).collect()
    }

    fn newest_live(&self, view: View) -> Option<(Space, Arc<[u8]>, Version)> {
        let mut best: Option<(Space, Arc<[u8]>, Version)> = None;
        for space in [Space::Keys, Space::Hashes] {
            let mut reached: Option<Arc<[u8]>> = None;
            loop {
                let lower = reached.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
                let trees = self.read();
                let mut last = None;
                for (key, chain) in
                    trees.of(space).range::<[u8], _>((lower, Bound::Unbounded)).take(SCAN_SLICE)
                {
                    last = Some(key);
                    if let Some(version) = chain.visible(view)
                        && best.as_ref().is_none_or(|(_, _, best)| best.rank() < version.rank())
                    {
                        best = Some((space, Arc::clone(key), version));
                    }
                }
                let Some(last) = last else { break };
                reached = Some(Arc::clone(last));
            }
        }
        best
    }

    fn memory_bytes(&self) -> u64 {
        let trees = self.read();
        let entries = trees.keys.len() + trees.hashes.len();
        tree_bytes(entries, size_of::<(Arc<[u8]>, Chain)>()) + trees.key_bytes + trees.spilled_bytes
    }
}

/// Whether no key can lie between the bounds; `BTreeMap::range` panics on some of these.
fn is_empty(bounds: (Bound<&[u8]>, Bound<&[u8]>)) -> bool {
    match bounds {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
        (
            Bound::Included(lower) | Bound::Excluded(lower),
            Bound::Included(upper) | Bound::Excluded(upper),
        ) => lower >= upper,
    }
}

/// Takes live rows until `limit` is reached, the range ends (`None`), or enough keys were looked at for one slice;
/// then the answer is the last key looked at.
fn take_rows<'a>(
    chains: impl Iterator<Item = (&'a Arc<[u8]>, &'a Chain)>,
    view: View,
    limit: usize,
    rows: &mut Vec<(Arc<[u8]>, Version)>,
) -> Option<Arc<[u8]>> {
    for (looked_at, (key, chain)) in (1..).zip(chains) {
        if let Some(version) = chain.visible(view) {
            rows.push((Arc::clone(key), version));
            if rows.len() == limit {
                return None;
            }
        }
        if looked_at == SCAN_SLICE {
            return Some(Arc::clone(key));
        }
    }
    None
}
