//! Reads of the index.
//!
//! Invariant: no answer holds a version above its view, and none misses one that its view includes, whatever is
//! applied, collected or moved meanwhile, as long as the view is not below the horizon. An expired version is
//! absent and hides what is older. A read takes one lock at a time and holds none between two of them.

use std::ops::Bound;
use std::sync::Arc;

use super::facade::Index;
use super::key::Space;
use super::ordered::{Direction, OrderedIndex, Versions};
use super::point::{Found, PointIndex, Slot};
use super::version::{Version, View};

impl Index {
    /// The live version of `key` at `view`; `hash` is its key hash.
    pub(crate) fn get(&self, key: &[u8], hash: u64, view: View) -> Option<Version> {
        self.find(Space::Keys, key, hash, view)
    }

    /// The live version of the entry that was stored under `hash` alone.
    pub(crate) fn get_hash_only(&self, hash: u64, view: View) -> Option<Version> {
        self.find(Space::Hashes, &hash.to_be_bytes(), hash, view)
    }

    /// The newest live entry with this key hash, keyed or not: the highest sequence and, within one commit, the
    /// highest position. When very many keys share the hash, the cost follows those of them that were written
    /// after the view, not all.
    pub(crate) fn newest_with_hash(&self, hash: u64, view: View) -> Option<(Space, Arc<[u8]>, Version)> {
        let candidates = self.point.candidates(hash, view).into_iter();
        candidates.filter_map(|slot| self.resolve(slot, view)).max_by_key(|(_, _, version)| version.rank())
    }

    /// Every live entry with this key hash, keyed or not, in no particular order.
    pub(crate) fn all_with_hash(&self, hash: u64, view: View) -> Vec<(Space, Arc<[u8]>)> {
        let slots = self.point.with_hash(hash).into_iter();
        slots.filter_map(|slot| self.resolve(slot, view)).map(|(space, key, _)| (space, key)).collect()
    }

    /// At most `limit` live rows between the bounds in key order, ascending from the lower or descending from the
    /// upper bound; hash-only entries are not among them. Bounds that leave nothing between them are no error. A
    /// long range is read by calling again with the last key as an excluded bound. The cost follows the rows
    /// returned and the keys passed over because they are dead, or not there yet, at this view.
    pub(crate) fn page(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        view: View,
        limit: usize,
        direction: Direction,
    ) -> Vec<(Arc<[u8]>, Version)> {
        self.ordered.page(lower, upper, view, limit, direction)
    }

    /// The keys behind `after` in key order, `limit` at most, each with every version that is held, newest first,
    /// dead ones and unpublished ones included: what compaction has to know.
    pub(crate) fn versions_page(&self, space: Space, after: Option<&[u8]>, limit: usize) -> Vec<Versions> {
        self.ordered.versions_page(space, after, limit)
    }

    /// The live entry with the highest sequence and, within one commit, the highest position. Looks at every key.
    pub(crate) fn newest_live(&self, view: View) -> Option<(Space, Arc<[u8]>, Version)> {
        self.ordered.newest_live(view)
    }

    fn find(&self, space: Space, key: &[u8], hash: u64, view: View) -> Option<Version> {
        match self.point.find(space, key, hash) {
            Found::Absent => None,
            Found::Newest(newest) if newest.sequence <= view.sequence => {
                newest.is_live_at(view.time).then_some(newest)
            }
            Found::Newest(_) | Found::Crowded => self.ordered.visible(space, key, view),
        }
    }

    /// What a view sees of the key in a slot.
    fn resolve(&self, slot: Slot, view: View) -> Option<(Space, Arc<[u8]>, Version)> {
        let Slot { space, key, version: newest } = slot;
        let version = if newest.sequence <= view.sequence {
            newest.is_live_at(view.time).then_some(newest)
        } else {
            self.ordered.visible(space, &key, view)
        };
        version.map(|version| (space, key, version))
    }
}
