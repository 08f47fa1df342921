//! Building the index at open, from entries of the log in any order.
//!
//! Invariant: of each key the entry of highest rank is kept, tombstones included until the end, so that a deleted
//! key stays deleted even when the older entry is met after its tombstone. Nobody reads while this happens, so there
//! is no view to keep an older version for.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::accounts::Ledger;
use super::facade::Index;
use super::key::{Change, Key, Space};
use super::point::PointIndex;
use super::table::TableIndex;
use super::tree::TreeIndex;
use super::version::Version;
use crate::numbers::Timestamp;

/// See the module.
#[derive(Debug)]
pub(crate) struct Rebuild {
    secret: u64,
    keys: Newest,
    hashes: Newest,
}

/// The hash and the newest version of each key.
type Newest = BTreeMap<Arc<[u8]>, (u64, Version)>;

impl Rebuild {
    /// Nothing yet. `secret` is a random number of the store's own; who knows it can make lookups slow.
    pub(crate) fn new(secret: u64) -> Self {
        Self { secret, keys: Newest::new(), hashes: Newest::new() }
    }

    /// Takes an entry of the log in. Of two entries of one key the one with the higher sequence stays and, within one
    /// commit, the one at the higher position; `dropped` is called for the other. The same entry met twice counts
    /// once.
    pub(crate) fn insert(&mut self, change: &Change<'_>, dropped: &mut dyn FnMut(&Version)) {
        let newest = match change.space {
            Space::Keys => &mut self.keys,
            Space::Hashes => &mut self.hashes,
        };
        let Some((_, held)) = newest.get_mut(change.key) else {
            newest.insert(Arc::from(change.key), (change.hash, change.version));
            return;
        };
        if held.rank() < change.version.rank() {
            dropped(&std::mem::replace(held, change.version));
        } else if held.rank() > change.version.rank() {
            dropped(&change.version);
        }
    }

    /// The index over what was inserted, as of `now`: what has expired is not counted. Tombstones are left out, and
    /// `dropped` is called for each of them; expired entries go at the next [`Index::collect`].
    pub(crate) fn finish(self, now: Timestamp, dropped: &mut dyn FnMut(&Version)) -> Index {
        let point = TableIndex::new(self.secret);
        let mut ledger = Ledger::default();
        let mut live = Vec::with_capacity(self.keys.len() + self.hashes.len());
        for (space, newest) in [(Space::Keys, self.keys), (Space::Hashes, self.hashes)] {
            for (bytes, (hash, version)) in newest {
                if version.is_tombstone() {
                    dropped(&version);
                    continue;
                }
                point.set(space, &bytes, hash, version);
                let key = Key { hash, space, bytes };
                ledger.replace(&key, None, Some(version));
                live.push((space, key.bytes, version));
            }
        }
        let index = Index::from_parts(point, TreeIndex::from_sorted(live.into_iter()), ledger);
        index.reap(now);
        index
    }
}
