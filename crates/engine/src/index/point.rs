//! The point index as the rest of the index sees it: the newest version of a key, and the keys of a hash.
//!
//! Invariant: keys are compared in full, so two keys with one hash never stand for each other. Mutations come from
//! one thread at a time (the facade's `writer` lock) and show at once, each as a whole; reads come from any thread.

use std::fmt::Debug;
use std::sync::Arc;

use super::key::Space;
use super::version::{Version, View};

/// Entries of one hash that a lookup compares before it asks the ordered index instead.
pub(super) const CROWD: usize = 16;

/// A key and its newest version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) space: Space,
    pub(super) key: Arc<[u8]>,
    pub(super) version: Version,
}

/// The answer to a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The key has no version at all.
    Absent,
    /// Its newest version, which may be above the reader's view, or dead.
    Newest(Version),
    /// More than [`CROWD`] entries share the hash: ask the ordered index.
    Crowded,
}

/// See the module. A hash belongs to its key for ever: the same one must be given at every call.
pub(super) trait PointIndex: Debug + Send + Sync {
    /// The newest version of a key.
    fn find(&self, space: Space, key: &[u8], hash: u64) -> Found;

    /// Makes `version` the newest of the key.
    fn set(&self, space: Space, key: &Arc<[u8]>, hash: u64, version: Version);

    /// Forgets a key; not knowing it is no error.
    fn remove(&self, space: Space, key: &[u8], hash: u64);

    /// Every slot with this hash.
    fn with_hash(&self, hash: u64) -> Vec<Slot>;

    /// The slots that can decide which live entry of this hash ranks highest at a view: every one above the view,
    /// and at least the highest live one below.
    fn candidates(&self, hash: u64, view: View) -> Vec<Slot>;

    /// Gives memory back if much more is held than the keys need; called after keys were removed.
    fn shrink(&self);

    /// An estimate of the bytes held, without the keys, which the ordered index shares.
    fn memory_bytes(&self) -> u64;
}
