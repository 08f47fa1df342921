//! Reading system entries: what whoever builds on a store keeps about it, outside every keyspace.
//!
//! Invariant: what is read was written by a commit that is as durable as it asked to be. There are no views of system entries,
//! only the newest of each; it may show a moment before the rest of its commit does.

use bytes::Bytes;

use super::core::Core;
use super::handle::Store;
use super::range::prefix_bounds;
use super::read::Hit;
use crate::error::Result;
use crate::index::Space;
use crate::log::frame_writer::DraftSubject;
use crate::value::Value;

impl Store {
    /// The value of a system entry, in place; see [`Batch::put_system`](crate::Batch::put_system).
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let store = pentad_engine::Store::open(dir.path())?;
    /// let mut batch = pentad_engine::Batch::new();
    /// batch.put("stock", "7").put_system("feed/position", "1024");
    /// store.commit(batch)?;
    /// assert_eq!(store.get_system("feed/position")?.as_deref(), Some(&b"1024"[..]));
    /// assert_eq!((store.len(), store.get("feed/position")?.is_none()), (1, true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    pub fn get_system(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>> {
        self.core().system_value(key.as_ref())
    }

    /// The system entries whose keys start with `prefix`, in the order of their keys; all of them for an empty one. Each is
    /// the newest, which need not be that of one moment while others are written.
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    pub fn system_entries(&self, prefix: impl AsRef<[u8]>) -> Result<Vec<(Bytes, Bytes)>> {
        self.core().system_pairs(prefix.as_ref())
    }
}

impl Core {
    fn system_pairs(&self, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>> {
        self.check_open()?;
        let pair = |key: Bytes| {
            let value = self.system_value(&key).transpose()?;
            Some(value.map(|value| (key, Bytes::copy_from_slice(&value))))
        };
        self.system_keys(prefix).into_iter().filter_map(pair).collect()
    }

    pub(super) fn system_keys(&self, prefix: &[u8]) -> Vec<Bytes> {
        let (lower, upper) = prefix_bounds(prefix);
        let bounds = (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice));
        let mut keys = Vec::new();
        self.index.each_system(bounds, |key| keys.push(Bytes::copy_from_slice(key)));
        keys
    }

    pub(super) fn system_value(&self, key: &[u8]) -> Result<Option<Value>> {
        let hash = Space::System.hash(key);
        let subject = DraftSubject::System(Bytes::copy_from_slice(key));
        let look_up = || {
            let version = self.index.get_system(key, hash);
            Ok(version.map(|version| Hit { version, subject: subject.clone(), hash }))
        };
        self.read_again(look_up, |hit| self.value_of(hit))
    }
}
