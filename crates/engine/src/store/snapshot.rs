//! Snapshots: a consistent view that stays while writes and compaction go on.

use std::ops::RangeBounds;
use std::sync::Arc;

use super::core::Core;
use super::entry::EntryInfo;
use super::range::{Range, bounds_of, prefix_bounds};
use super::read::Target;
use crate::error::{Error, ErrorKind, Result};
use crate::index::View;
use crate::keyspace::Keyspace;
use crate::numbers::{Sequence, Timestamp};
use crate::value::{Value, ValueReader};

/// A view that is in use: what it sees is kept until it is dropped.
#[derive(Debug)]
pub(crate) struct PinnedView {
    pub(crate) core: Arc<Core>,
    pub(crate) view: View,
    /// Whose keys are looked at.
    pub(crate) keyspace: Keyspace,
}

impl PinnedView {
    /// Pins what is visible now.
    pub(crate) fn now(core: &Arc<Core>, keyspace: Keyspace) -> Self {
        let view = core.pins.pin(|| core.view());
        Self { core: Arc::clone(core), view, keyspace }
    }
}

impl Clone for PinnedView {
    fn clone(&self) -> Self {
        self.core.pins.repeat(self.view);
        Self { core: Arc::clone(&self.core), view: self.view, keyspace: self.keyspace }
    }
}

impl Drop for PinnedView {
    fn drop(&mut self) {
        self.core.pins.unpin(self.view);
    }
}

impl Core {
    /// Whether one more snapshot may be had.
    pub(crate) fn check_snapshots(&self) -> Result<()> {
        let (held, max) = (self.pins.count(), self.options.snapshots_max);
        if held < max {
            return Ok(());
        }
        let text = format!(
            "{held} snapshots and ranges of {} are in use, and at most {max} may be",
            self.dir.display()
        );
        Err(Error::new(ErrorKind::LimitExceeded, text))
    }
}

/// A consistent view of the store at one sequence and one store time.
///
/// Writes after it do not show, entries that were alive at its time stay alive in it. It keeps the versions that it sees
/// from being dropped, so drop it when it is not needed.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) pinned: PinnedView,
}

impl Snapshot {
    /// The last commit that the snapshot sees.
    pub fn sequence(&self) -> Sequence {
        self.pinned.view.sequence
    }

    /// The store time by which it judges deadlines.
    pub fn time(&self) -> Timestamp {
        self.pinned.view.time
    }

    /// The value of `key`, in place.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) when the value fails its checksum,
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) after the store was closed.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>> {
        let core = &self.pinned.core;
        core.read_at(Target::Key(key.as_ref()), &self.pinned, |hit| core.value_of(hit))
    }

    /// The value of the newest entry whose key has this XXH3-64 hash, stored with its key or under the hash alone.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::get`].
    pub fn get_hashed(&self, hash: u64) -> Result<Option<Value>> {
        let core = &self.pinned.core;
        core.read_at(Target::Hash(hash), &self.pinned, |hit| core.value_of(hit))
    }

    /// The value of `key`, or else the one stored under the key's hash alone.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::get`].
    pub fn get_with_hashed(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>> {
        let core = &self.pinned.core;
        core.read_at(Target::KeyOrHash(key.as_ref()), &self.pinned, |hit| core.value_of(hit))
    }

    /// A reader of the value of `key`, which verifies piece by piece.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::get`]; damage shows when the piece is read.
    pub fn reader(&self, key: impl AsRef<[u8]>) -> Result<Option<ValueReader>> {
        let core = &self.pinned.core;
        core.read_at(Target::Key(key.as_ref()), &self.pinned, |hit| {
            Ok(ValueReader::new(core.payload_of(hit)?))
        })
    }

    /// What is known of the entry of `key`; its value is not touched.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::reader`].
    pub fn entry_info(&self, key: impl AsRef<[u8]>) -> Result<Option<EntryInfo>> {
        let core = &self.pinned.core;
        core.read_at(Target::Key(key.as_ref()), &self.pinned, |hit| core.info_of(hit))
    }

    /// The rows with keys in `bounds`, in key order; see [`Store::range`](crate::Store::range).
    pub fn range<K: AsRef<[u8]>>(&self, bounds: impl RangeBounds<K>) -> Range {
        Range::new(self.pinned.clone(), bounds_of(&bounds))
    }

    /// The rows whose keys start with `prefix`.
    pub fn prefix(&self, prefix: impl AsRef<[u8]>) -> Range {
        Range::new(self.pinned.clone(), prefix_bounds(prefix.as_ref()))
    }
}
