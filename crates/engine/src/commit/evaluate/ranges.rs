//! Whole ranges: deleting all that is in one, and whether something in one has changed.

use std::ops::{Bound, ControlFlow};

use bytes::Bytes;

use super::{Evaluation, Plan};
use crate::batch::Reads;
use crate::commit::item::ItemKey;
use crate::error::{Error, ErrorKind, Result};
use crate::index::Direction;
use crate::options::BATCH_OPERATIONS_MAX;
use crate::planted::{Bug, planted};

impl<'g> Evaluation<'g> {
    /// Deletes what is there between the bounds: in the store, and of what the group has put so far.
    pub(super) fn delete_range(
        &mut self,
        plan: &mut Plan<'g>,
        (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
    ) -> Result<()> {
        let space = self.keyspace.keys();
        let owned = |bound: Bound<&[u8]>| bound.map(<[u8]>::to_vec);
        let (lower, upper) = self.keyspace.bounds((owned(lower), owned(upper)));
        let (lower, upper) = (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice));
        let mut keys: Vec<Bytes> = Vec::new();
        let mut is_whole = true;
        self.core.index.scan(space, (lower, upper), self.view, Direction::Forward, |_, entry| {
            is_whole &= !entry.is_damaged;
            keys.push(Bytes::copy_from_slice(entry.key));
            // One more than may be: that is enough to be refused.
            let is_enough = !is_whole || plan.items.len() + keys.len() > BATCH_OPERATIONS_MAX;
            if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if !is_whole {
            let text = format!(
                "{} has an entry in the range whose key cannot be read any more, so it is not known what is to be deleted",
                self.core.dir.display()
            );
            return Err(Error::new(ErrorKind::Damaged, text));
        }
        let held = keys.len();
        keys.extend(self.overlay.keys_between(space, lower, upper).map(Bytes::copy_from_slice));
        // The group's own are in no order of their own, and the log is to be the same in every run.
        keys[held..].sort_unstable();
        for key in keys {
            let hash = space.hash(&key);
            self.delete(plan, ItemKey::Found(space, key), hash);
        }
        Ok(())
    }

    /// Whether all that was read is as it was.
    pub(super) fn is_unchanged(&self, reads: &Reads) -> bool {
        let index = &self.core.index;
        let (keyspace, space) = (self.keyspace, self.keyspace.keys());
        let is_same = |key: &Vec<u8>| {
            let full = keyspace.full(key);
            self.overlay.get(space.subject(&full)).is_none()
                && index.is_unchanged(space, &full, keyspace.hash(key), reads.view)
        };
        reads.keys.iter().all(is_same)
            && (planted(Bug::PhantomMissed)
                || reads.ranges.iter().all(|bounds| {
                    let (lower, upper) = keyspace.bounds(bounds.clone());
                    let (lower, upper) =
                        (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice));
                    self.overlay.keys_between(space, lower, upper).next().is_none()
                        && index.is_unchanged_between(space, (lower, upper), reads.view)
                }))
    }
}
