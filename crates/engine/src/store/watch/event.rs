//! What a watch tells.

use bytes::Bytes;

use crate::numbers::{Sequence, Timestamp};
use crate::value::Value;

/// One thing that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WatchEvent {
    /// A commit that changed at least one of the watched keys.
    Commit(WatchedCommit),
    /// A watched key has expired. It takes no sequence, and is told once, while the watch is live.
    Expired {
        /// The key.
        key: Bytes,
        /// When it ended, in store time.
        deadline: Timestamp,
        /// The commit behind which it is told: the key was not written again up to it.
        sequence: Sequence,
    },
}

/// A commit, as far as the watched keys are concerned.
#[derive(Clone, Debug)]
pub struct WatchedCommit {
    /// Its place in the order of commits.
    pub sequence: Sequence,
    /// Store time when it was accepted.
    pub time: Timestamp,
    /// What it did to the watched keys, in the caller's order.
    pub changes: Vec<WatchedChange>,
}

/// What a commit did to one key.
#[derive(Clone, Debug)]
pub struct WatchedChange {
    /// The key.
    pub key: Bytes,
    /// The value, in place; `None` when the key was deleted.
    pub value: Option<Value>,
    /// When the value ends, in store time, if it does.
    pub deadline: Option<Timestamp>,
    /// What the key held right before, where that was asked for: `None` if it was absent or had expired.
    pub previous: Option<Value>,
}
