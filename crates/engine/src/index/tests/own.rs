//! Short words for the store's own keyspace, which most tests are about.

use std::ops::Bound;
use std::sync::Arc;

use crate::index::{Direction, Entries, Index, Space, Version, View};
use crate::keyspace::Keyspace;

impl<E: Entries> Index<E> {
    pub(super) fn get(&self, key: &[u8], hash: u64, view: View) -> Option<Version> {
        self.find(Space::Keys, key, hash, view)
    }

    pub(super) fn get_hash_only(&self, hash: u64, view: View) -> Option<Version> {
        self.find(Space::Hashes, &hash.to_be_bytes(), hash, view)
    }

    pub(super) fn newest_with_hash(&self, hash: u64, view: View) -> Option<(Space, Arc<[u8]>, Version)> {
        self.newest_with_hash_in(Keyspace::OWN, hash, view)
    }

    pub(super) fn all_with_hash(&self, hash: u64, view: View) -> Vec<(Space, Arc<[u8]>)> {
        self.all_with_hash_in(Keyspace::OWN, hash, view)
    }

    pub(super) fn newest_live(&self, view: View) -> Option<(Space, Arc<[u8]>, Version)> {
        self.newest_live_in(Keyspace::OWN, view)
    }

    pub(super) fn page(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        view: View,
        limit: usize,
        direction: Direction,
    ) -> Vec<(Arc<[u8]>, Version)> {
        self.page_in(Space::Keys, (lower, upper), view, limit, direction)
    }
}
