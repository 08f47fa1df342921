//! The ordered index as the rest of the index sees it: every version that a view can still see, in key order.
//!
//! Invariant: what is inserted is found by every later call, on any thread, and by no call in part. Mutations come
//! from one thread at a time (the facade's `writer` lock); reads come from any, and are not held up for longer than
//! one slice of a mutation.

use std::fmt::Debug;
use std::ops::Bound;
use std::sync::Arc;

use super::key::{Change, Key, Space};
use super::version::{Position, Version, View};
use crate::numbers::Sequence;

/// From which end a page of a range is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Ascending from the lower bound.
    Forward,
    /// Descending from the upper bound.
    Backward,
}

/// What one change did to its key.
#[derive(Debug)]
pub(super) struct Step {
    /// The shared copy of the key.
    pub(super) key: Arc<[u8]>,
    /// The newest version before and after; `None` where the key has no version.
    pub(super) before: Option<Version>,
    pub(super) after: Option<Version>,
    /// Sequences which, once the horizon reaches them, leave something of this key to be pruned.
    pub(super) prune_at: [Option<Sequence>; 2],
}

/// What pruning did to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remains {
    /// There was no such key.
    Absent,
    /// The key is removed with its last version.
    Removed,
    /// Versions are left.
    Kept,
}

/// What a relocation met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Relocated {
    /// The version does not stand there.
    No,
    /// An older version of the key was moved.
    Older,
    /// The newest version of the key was moved; here are the shared copy of the key and the version.
    Newest(Arc<[u8]>, Version),
}

/// A key with all its versions, newest first.
pub(crate) type Versions = (Arc<[u8]>, Vec<Version>);

/// See the module.
pub(super) trait OrderedIndex: Debug + Send + Sync {
    /// Adds one version per change and prunes the keys that it touches; adds one step per change to `steps`.
    fn insert(
        &self,
        changes: &[Change<'_>],
        horizon: View,
        dropped: &mut Vec<Version>,
        steps: &mut Vec<Step>,
    );

    /// Prunes these keys; one answer per key, in their order.
    fn prune(&self, keys: &[Key], horizon: View, dropped: &mut Vec<Version>) -> Vec<Remains>;

    /// Moves one version.
    fn relocate(
        &self,
        space: Space,
        key: &[u8],
        sequence: Sequence,
        from: Position,
        to: Position,
    ) -> Relocated;

    /// The live version of a key at a view.
    fn visible(&self, space: Space, key: &[u8], view: View) -> Option<Version>;

    /// Live rows of [`Space::Keys`] in key order, from the end that `direction` names.
    fn page(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        view: View,
        limit: usize,
        direction: Direction,
    ) -> Vec<(Arc<[u8]>, Version)>;

    /// The chains of `limit` keys behind `after`, in key order.
    fn versions_page(&self, space: Space, after: Option<&[u8]>, limit: usize) -> Vec<Versions>;

    /// The live entry of highest rank; looks at every key.
    fn newest_live(&self, view: View) -> Option<(Space, Arc<[u8]>, Version)>;

    /// An estimate of the bytes held, keys included.
    fn memory_bytes(&self) -> u64;
}
