//! Reading system entries: what whoever builds on a store keeps about it, outside every keyspace.
//!
//! Invariant: what is read was written by a commit that is as durable as it asked to be. There are no views of system entries,
//! only the newest of each; it may show a moment before the rest of its commit does.

use bytes::Bytes;

use super::core::Core;
use super::handle::Store;
use super::range::prefix_bounds;
use super::read::Hit;
use crate::address::Address;
use crate::error::{Error, Result};
use crate::index::Space;
use crate::log::frame_of::sequence_around;
use crate::log::frame_writer::DraftSubject;
use crate::options::VerifyReads;
use crate::payload::PayloadRef;
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
    /// As [`Store::get`]; [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) also when an entry that may be one of them cannot be
    /// read any more.
    pub fn system_entries(&self, prefix: impl AsRef<[u8]>) -> Result<Vec<(Bytes, Bytes)>> {
        self.core().system_pairs(prefix.as_ref())
    }
}

/// What there is to know of the system entries with a prefix.
#[derive(Debug, Default)]
pub(super) struct SystemKeys {
    /// The keys of those that can be told, in their order.
    pub(super) known: Vec<Bytes>,
    /// One that may be among them, and that cannot be read any more.
    pub(super) lost: Option<Error>,
}

impl Core {
    fn system_pairs(&self, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>> {
        self.check_open()?;
        let keys = self.system_keys(prefix);
        if let Some(lost) = keys.lost {
            return Err(lost);
        }
        let pair = |key: Bytes| {
            let value = self.system_value(&key).transpose()?;
            Some(value.map(|value| (key, Bytes::copy_from_slice(&value))))
        };
        keys.known.into_iter().filter_map(pair).collect()
    }

    pub(super) fn system_keys(&self, prefix: &[u8]) -> SystemKeys {
        let (lower, upper) = prefix_bounds(prefix);
        let bounds = (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice));
        let mut keys = SystemKeys::default();
        self.index.each_system(bounds, |entry| match entry {
            Ok(key) => keys.known.push(Bytes::copy_from_slice(key)),
            Err(address) => {
                keys.lost.get_or_insert_with(|| self.lost_system_entry(address));
            }
        });
        keys
    }

    fn lost_system_entry(&self, address: Address) -> Error {
        let segment = self.segments.now().in_slot(address.slot()).cloned();
        let place = segment.as_ref().map_or(&self.dir, |segment| &segment.path);
        let sequence = segment
            .as_ref()
            .and_then(|segment| sequence_around(segment, self.identity.alignment.bytes(), address.offset()));
        let sequence = sequence.map_or_else(|| "unknown".to_owned(), |sequence| sequence.to_string());
        let text = format!("a system entry (sequence {sequence}) cannot be read any more");
        Error::damaged(place, address.offset(), text)
    }

    pub(super) fn system_value(&self, key: &[u8]) -> Result<Option<Value>> {
        self.read_again(|| Ok(self.look_up_system(key)), |hit| self.value_of(hit))
    }

    /// The same for what the store itself goes by: verified, whatever the options say.
    pub(super) fn verified_system_value(&self, key: &[u8]) -> Result<Option<Value>> {
        let read = |hit: &Hit| PayloadRef { policy: VerifyReads::Always, ..self.payload_of(hit)? }.value();
        self.read_again(|| Ok(self.look_up_system(key)), read)
    }

    fn look_up_system(&self, key: &[u8]) -> Option<Hit> {
        let hash = Space::System.hash(key);
        let version = self.index.get_system(key, hash)?;
        Some(Hit { version, subject: DraftSubject::System(Bytes::copy_from_slice(key)), hash })
    }
}
