//! `AsyncDataStoreReader` over the engine: payloads in place, by key or by hash.
//!
//! The invariant: a lookup by key finds the key's own entry, or else the one without a key under its hash, and never
//! that of another key. No method waits for a commit or a sync.

use std::fmt;
use std::io::{self, ErrorKind};

use pentad_engine::{Error, Snapshot, Value, escape_key, key_hash};
use pentad_traits::{AsyncDataStoreReader, EntryMetadata, async_trait};

use crate::backend::LocalBackend;
use crate::errors::io_error;

impl LocalBackend {
    /// Adds to an error of the engine that `what` was being read.
    fn reading<'a>(&'a self, what: impl fmt::Display + 'a) -> impl FnOnce(Error) -> io::Error + 'a {
        move |error| io_error(format_args!("cannot read {what} in {}", self.store.path().display()), error)
    }

    /// What `read` finds for each of `items`, all in one consistent view.
    fn in_one_view<T>(
        &self,
        items: impl Iterator<Item = T>,
        read: impl Fn(&Snapshot, T) -> Result<Option<Value>, Error>,
    ) -> Result<Vec<Option<Value>>, Error> {
        let snapshot = self.store.snapshot()?;
        items.map(|item| read(&snapshot, item)).collect()
    }
}

#[async_trait]
impl AsyncDataStoreReader for LocalBackend {
    /// Borrows the store's map, and outlives overwrite, delete, compaction and the store itself.
    type EntryHandleType = Value;

    async fn exists(&self, key: &[u8]) -> io::Result<bool> {
        let info = self.store.entry_info_with_hashed(key).map_err(self.reading(escape_key(key)))?;
        Ok(info.is_some())
    }

    async fn exists_with_key_hash(&self, prehashed_key: u64) -> io::Result<bool> {
        self.store.contains_hash(prehashed_key).map_err(self.reading(hash_text(prehashed_key)))
    }

    async fn read(&self, key: &[u8]) -> io::Result<Option<Value>> {
        self.store.get_with_hashed(key).map_err(self.reading(escape_key(key)))
    }

    async fn read_with_key_hash(&self, prehashed_key: u64) -> io::Result<Option<Value>> {
        self.store.get_hashed(prehashed_key).map_err(self.reading(hash_text(prehashed_key)))
    }

    async fn read_last_entry(&self) -> io::Result<Option<Value>> {
        self.store.last_entry().map_err(self.reading("the last entry"))
    }

    async fn batch_read(&self, keys: &[&[u8]]) -> io::Result<Vec<Option<Value>>> {
        self.in_one_view(keys.iter(), |snapshot, key| snapshot.get_with_hashed(key))
            .map_err(self.reading(format_args!("{} keys", keys.len())))
    }

    async fn batch_read_hashed_keys(
        &self,
        prehashed_keys: &[u64],
        non_hashed_keys: Option<&[&[u8]]>,
    ) -> io::Result<Vec<Option<Value>>> {
        let Some(keys) = non_hashed_keys else {
            return self
                .in_one_view(prehashed_keys.iter(), |snapshot, hash| snapshot.get_hashed(*hash))
                .map_err(self.reading(format_args!("{} key hashes", prehashed_keys.len())));
        };
        if prehashed_keys.len() != keys.len() {
            let text = format!(
                "cannot read from {}: {} key hashes were given with {} keys",
                self.store.path().display(),
                prehashed_keys.len(),
                keys.len(),
            );
            return Err(io::Error::new(ErrorKind::InvalidInput, text));
        }
        let read = |snapshot: &Snapshot, (hash, key): (&u64, &&[u8])| {
            // What is stored under a hash that is not the key's does not belong to the key.
            if key_hash(key) == *hash { snapshot.get_with_hashed(key) } else { Ok(None) }
        };
        self.in_one_view(prehashed_keys.iter().zip(keys), read)
            .map_err(self.reading(format_args!("{} keys", keys.len())))
    }

    async fn read_metadata(&self, key: &[u8]) -> io::Result<Option<EntryMetadata>> {
        let info = self.store.entry_info_with_hashed(key).map_err(self.reading(escape_key(key)))?;
        Ok(info.map(|info| EntryMetadata {
            key_hash: info.key_hash,
            prev_offset: info.log_offset.0,
            checksum: info.checksum,
        }))
    }

    async fn len(&self) -> io::Result<usize> {
        usize::try_from(self.store.len()).map_err(io::Error::other)
    }

    async fn is_empty(&self) -> io::Result<bool> {
        Ok(self.store.is_empty())
    }

    async fn file_size(&self) -> io::Result<u64> {
        Ok(self.store.disk_bytes())
    }
}

/// A key hash in a message.
pub(crate) fn hash_text(hash: u64) -> String {
    format!("key hash {hash:#018x}")
}
