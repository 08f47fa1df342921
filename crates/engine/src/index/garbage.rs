//! The queue of keys that will have something to prune once the horizon reaches a sequence.
//!
//! Invariant: whenever a chain holds a version above which another one stands, or a tombstone, the sequence of the
//! upper one, or of the tombstone, is queued with the key. So what the horizon frees is found by the horizon alone,
//! without looking at a key that keeps everything. An entry whose reason has gone by another way costs one lookup.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::key::Key;
use super::memory::{bytes_of, shrink_heap};
use crate::numbers::Sequence;

/// Keys by the sequence that they wait for. Sequences arrive nearly in order, for which a heap is cheap.
#[derive(Debug, Default)]
pub(super) struct Garbage {
    waiting: BinaryHeap<Reverse<(Sequence, Key)>>,
}

impl Garbage {
    pub(super) fn push(&mut self, sequence: Sequence, key: Key) {
        self.waiting.push(Reverse((sequence, key)));
    }

    /// The next keys, `limit` at most, that wait for a sequence at or below the horizon.
    pub(super) fn take(&mut self, horizon: Sequence, limit: usize) -> Vec<Key> {
        let mut due = Vec::new();
        while due.len() < limit
            && let Some(Reverse((sequence, _))) = self.waiting.peek()
            && *sequence <= horizon
            && let Some(Reverse((_, key))) = self.waiting.pop()
        {
            due.push(key);
        }
        shrink_heap(&mut self.waiting);
        due
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        bytes_of(self.waiting.capacity(), size_of::<(Sequence, Key)>())
    }
}
