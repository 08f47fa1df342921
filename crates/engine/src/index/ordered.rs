//! The ordered index: every version that a view can still see, in key order.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::RwLock;

use crate::address::Address;
use super::key::Change;

/// A version to be added.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub(super) key: &'a [u8],
    pub(super) address: Address,
    pub(super) is_tombstone: bool,
}

impl<'a> Row<'a> {
    pub(super) fn of(change: &Change<'a>) -> Self {
        Self { key: change.key, address: change.version.address, is_tombstone: change.version.is_tombstone() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Ascending from the lower bound.
    Forward,
    /// Descending from the upper bound.
    Backward,
}

#[derive(Debug, Default)]
pub(super) struct Ordered(RwLock<BTreeMap<Vec<u8>, Vec<Address>>>);

impl Ordered {
    pub(super) fn load(&self, sorted: Vec<Address>, keys: &impl super::entries::KeysAt) {
        let mut t = self.0.write().unwrap();
        for a in sorted {
            let k = keys.key(a, <[u8]>::to_vec).unwrap();
            t.insert(k, vec![a]);
        }
    }
    pub(super) fn push<'a, K, D>(&self, rows: impl Iterator<Item = Row<'a>>, _: &K, _: &D) {
        let mut t = self.0.write().unwrap();
        for r in rows {
            t.entry(r.key.to_vec()).or_default().insert(0, r.address);
        }
    }
    pub(super) fn relocate<K>(&self, key: &[u8], from: Address, to: Address, _: &K) -> bool {
        let mut t = self.0.write().unwrap();
        let Some(v) = t.get_mut(key) else { return false };
        for a in v {
            if *a == from {
                *a = to;
                return true;
            }
        }
        false
    }
    pub(super) fn maintain<K, D>(&self, _: &K, _: &D, _: bool) -> bool {
        false
    }
    pub(super) fn versions<K>(&self, key: &[u8], _: &K) -> Vec<Address> {
        self.0.read().unwrap().get(key).cloned().unwrap_or_default()
    }
    pub(super) fn each<K>(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        direction: Direction,
        _: &K,
        visit: &mut dyn FnMut(&[u8], &[Address]) -> ControlFlow<()>,
    ) {
        let t = self.0.read().unwrap();
        let empty = match (lower, upper) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(l), Bound::Included(u)) => l > u,
            (Bound::Included(l) | Bound::Excluded(l), Bound::Included(u) | Bound::Excluded(u)) => l >= u,
        };
        if empty {
            return;
        }
        let r = t.range::<[u8], _>((lower, upper));
        match direction {
            Direction::Forward => {
                let _ = r.into_iter().try_for_each(|(k, v)| visit(k, v));
            }
            Direction::Backward => {
                let _ = r.rev().try_for_each(|(k, v)| visit(k, v));
            }
        }
    }
    pub(super) fn memory_bytes(&self) -> u64 {
        0
    }
}
