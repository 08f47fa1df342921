//! How much a range holds, exactly or about, and ranges cut into parts for several threads.

use std::ops::{Bound, ControlFlow, RangeBounds};

use super::core::Core;
use super::range::{Range, bounds_of};
use super::snapshot::Snapshot;
use crate::batch::Bounds;
use crate::error::Result;
use crate::index::{Direction, View};
use crate::keyspace::Keyspace;

/// About how much a range holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Estimate {
    /// Keys. Those that were deleted or overwritten lately may count as well, until the index has been tidied up.
    pub keys: u64,
    /// Bytes on the disk that their entries take, at the average of the store. Streams, which have files of their own, are
    /// not counted.
    pub bytes: u64,
}

impl Snapshot {
    /// How many keys lie in `bounds`. Exact; costs time in proportion to them, and touches no value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    pub fn count<K: AsRef<[u8]>>(&self, bounds: impl RangeBounds<K>) -> Result<u64> {
        let core = &self.pinned.core;
        core.check_open()?;
        Ok(core.count_between(self.pinned.keyspace, self.pinned.view, bounds_of(&bounds)))
    }

    /// About how much lies in `bounds`. Costs a few searches, whatever lies there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    pub fn estimate<K: AsRef<[u8]>>(&self, bounds: impl RangeBounds<K>) -> Result<Estimate> {
        let core = &self.pinned.core;
        core.check_open()?;
        let keyspace = self.pinned.keyspace;
        if !core.namespaces.shows(keyspace, self.pinned.view) {
            return Ok(Estimate::default());
        }
        let bounds = keyspace.bounds(bounds_of(&bounds));
        let live = core.len_at(core.time.now()) + core.index.named_len();
        let keys = core.index.count_about(keyspace.keys(), borrowed(&bounds)).min(live);
        let bytes = u128::from(core.live_bytes()) * u128::from(keys) / u128::from(live.max(1));
        Ok(Estimate { keys, bytes: u64::try_from(bytes).unwrap_or(u64::MAX) })
    }

    /// Ranges that together hold the rows in `bounds`, each row once, in key order: at most `parts` of them, about equal,
    /// fewer where there is little. Each can be read by a thread of its own.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let store = pentad_engine::Store::open(dir.path())?;
    /// store.put("a", "1")?;
    /// store.put("b", "2")?;
    /// let parts = store.snapshot()?.parts::<&str>(.., 4)?;
    /// let bytes: usize = std::thread::scope(|scope| {
    ///     let read = |part: pentad_engine::Range| part.map(|row| row.map_or(0, |(_, value)| value.len())).sum::<usize>();
    ///     let threads: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || read(part))).collect();
    ///     threads.into_iter().map(|thread| thread.join().expect("no reader panics")).sum()
    /// });
    /// assert_eq!(bytes, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    pub fn parts<K: AsRef<[u8]>>(&self, bounds: impl RangeBounds<K>, parts: usize) -> Result<Vec<Range>> {
        let core = &self.pinned.core;
        core.check_open()?;
        let bounds = bounds_of(&bounds);
        let keyspace = self.pinned.keyspace;
        let full = keyspace.bounds(bounds.clone());
        let dividers = core.index.dividers(keyspace.keys(), borrowed(&full), parts);
        let dividers = dividers
            .into_iter()
            .filter(|divider| keyspace.is_own() || divider.starts_with(&keyspace.number().to_be_bytes()));
        let dividers: Vec<Vec<u8>> = dividers.map(|divider| keyspace.strip(&divider).to_vec()).collect();
        let (mut lower, upper) = bounds;
        let mut ranges = Vec::with_capacity(dividers.len() + 1);
        for divider in dividers {
            let end = Bound::Excluded(divider.clone());
            ranges.push(Range::new(self.pinned.clone(), (lower, end)));
            lower = Bound::Included(divider);
        }
        ranges.push(Range::new(self.pinned.clone(), (lower, upper)));
        Ok(ranges)
    }
}

impl Core {
    /// How many keys a view sees between the bounds.
    fn count_between(&self, keyspace: Keyspace, view: View, bounds: Bounds) -> u64 {
        let mut count = 0;
        if self.namespaces.shows(keyspace, view) {
            let bounds = keyspace.bounds(bounds);
            self.index.scan(keyspace.keys(), borrowed(&bounds), view, Direction::Forward, |_, _| {
                count += 1;
                ControlFlow::Continue(())
            });
        }
        count
    }

    /// How many entries of a keyspace a view sees, hash-only ones included. Costs time in proportion to them.
    pub(crate) fn count_live(&self, keyspace: Keyspace, view: View) -> u64 {
        let mut count = self.count_between(keyspace, view, (Bound::Unbounded, Bound::Unbounded));
        if self.namespaces.shows(keyspace, view) {
            self.index.scan_hash_only(keyspace, view, |_| count += 1);
        }
        count
    }
}

fn borrowed((lower, upper): &(Bound<Vec<u8>>, Bound<Vec<u8>>)) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice))
}
