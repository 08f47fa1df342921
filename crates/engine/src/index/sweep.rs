//! Letting go of a whole namespace.
//!
//! Invariant: the namespace was dropped by a commit that every view in use includes, so nobody looks for its keys, and nobody
//! writes them. What waits in the queue of garbage goes by itself; what is the newest of its key goes here.

use std::ops::Bound;

use super::accounts::Ledgers;
use super::entries::Entries;
use super::facade::Index;
use super::version::{Extent, View};
use crate::keyspace::Keyspace;
use crate::numbers::Sequence;

/// Keys that are let go of under one hold of the lock.
const SLICE: usize = 256;

impl<E: Entries> Index<E> {
    /// Forgets every key of a namespace; `dropped` is called for each version that this lets go of. Its records stay in the
    /// runs until the segments that they lead to are removed. Costs time in proportion to the keys.
    pub(crate) fn sweep(&self, keyspace: Keyspace, horizon: View, dropped: &mut dyn FnMut(&Extent)) {
        let (lower, upper) = keyspace.bounds((Bound::Unbounded, Bound::Unbounded));
        let upper = upper.as_ref().map(Vec::as_slice);
        for space in [keyspace.keys(), keyspace.hashes()] {
            let mut lower = lower.clone();
            loop {
                let bounds = (lower.as_ref().map(Vec::as_slice), upper);
                let mut keys: Vec<Vec<u8>> = Vec::new();
                self.each(space, bounds.0, bounds.1, super::Direction::Forward, &mut |key, _| {
                    keys.push(key.to_vec());
                    let is_enough = keys.len() >= SLICE && !key.is_empty();
                    if is_enough {
                        std::ops::ControlFlow::Break(())
                    } else {
                        std::ops::ControlFlow::Continue(())
                    }
                });
                let _writer = self.writer();
                let mut ledgers = Ledgers::default();
                for key in keys.iter().filter(|key| space.keyspace(key) == keyspace) {
                    let hash = space.hash(key);
                    // A tombstone waits in the queue; what cannot be read may be of another key.
                    let newest = self.newest(space, key, hash);
                    let newest = newest.filter(|newest| newest.is_readable() && !newest.is_tombstone());
                    if let Some(newest) = newest
                        && self.forget(hash, newest.address)
                    {
                        dropped(&newest.extent());
                        ledgers.replace(space, hash, Some(newest), None);
                    }
                }
                self.settle(Sequence(0), ledgers);
                match keys.last() {
                    Some(last) if keys.len() >= SLICE && !last.is_empty() => {
                        lower = Bound::Excluded(last.clone())
                    }
                    _ => break,
                }
            }
        }
        self.raise_horizon(horizon);
    }
}
