//! `AsyncDataStoreReader`: reading entries in place, by key or by key hash.
//!
//! The invariant of this interface: bytes are handed out as they were written or not at all. A lookup by key
//! compares keys, so that two keys with one hash are two entries; a payload that fails its checksum is an error.
//! Writing is [`AsyncDataStoreWriter`](crate::AsyncDataStoreWriter).

mod entry_metadata;

use std::io::Error;

use async_trait::async_trait;

pub use entry_metadata::EntryMetadata;

/// Reads entries without copying them.
///
/// Source: the trait of the same name of simd-r-drive, an append-only store in one memory-mapped file. The crate's
/// front page gives the rules common to all interfaces.
///
/// # Handles
///
/// A read answers [`EntryHandleType`](Self::EntryHandleType), a handle to the payload where it lies. A handle of
/// Pentad dereferences to `[u8]`, converts to `Bytes` without copying, is `Send + Sync + Clone`, and stays valid
/// and unchanged after the entry is overwritten or deleted, after compaction, and after the store is closed. In a
/// store created with the alignment of 64 bytes the payload starts at a multiple of 64 in memory, which typed
/// slices need; a remote implementation hands out copies that keep the rest of these promises.
///
/// # Entries without a key
///
/// The `*_with_key_hash` writes of [`AsyncDataStoreWriter`](crate::AsyncDataStoreWriter) store an entry under a
/// hash alone. It is found by that hash and, in this interface only, by any key with that hash that has no entry
/// of its own. Lookups by hash answer the newest live entry with the hash, with a key or without.
///
/// # Errors
///
/// Every method answers a [`std::io::Error`] whose message names the key (escaped and shortened) or the store:
///
/// - [`InvalidInput`](std::io::ErrorKind::InvalidInput): only where a method says so;
/// - [`InvalidData`](std::io::ErrorKind::InvalidData): stored bytes fail their checksum; the message gives file,
///   offset and sequence, and the payload is not returned;
/// - the kind that the operating system reported, for reads that failed.
///
/// A key longer than the limit cannot be stored, so reading it finds nothing.
///
/// # Where this differs from simd-r-drive
///
/// There a lookup by key compares 16 bits cut from the hash itself, so that keys with equal hashes answer for one
/// another; here keys are stored and compared. There a payload of one NUL byte is a deleted entry; here it is data.
/// There a handle borrows one map of one file; here it also outlives compaction and the store.
#[async_trait]
pub trait AsyncDataStoreReader {
    /// A handle to a payload in place; see [the promises above](AsyncDataStoreReader#handles).
    type EntryHandleType;

    /// Whether `key` has a live entry, of its own or without a key under its hash.
    ///
    /// An empty key is an ordinary key.
    async fn exists(&self, key: &[u8]) -> Result<bool, Error>;

    /// Whether any live entry, with a key or without, has the hash `prehashed_key`.
    async fn exists_with_key_hash(&self, prehashed_key: u64) -> Result<bool, Error>;

    /// The payload of `key`: that of its own entry or, failing that, of the entry without a key under its hash.
    ///
    /// `None` when there is neither. An entry of another key that has the same hash is never answered.
    async fn read(&self, key: &[u8]) -> Result<Option<Self::EntryHandleType>, Error>;

    /// The payload of the newest live entry, with a key or without, that has the hash `prehashed_key`.
    ///
    /// Without the key nothing can be compared: of several keys with this hash, the one written last is answered.
    async fn read_with_key_hash(&self, prehashed_key: u64) -> Result<Option<Self::EntryHandleType>, Error>;

    /// The payload of the live entry with the highest sequence; of one batch, of its last such entry.
    ///
    /// `None` when the store has no live entry. Deleting the newest entry makes the one before it the answer.
    async fn read_last_entry(&self) -> Result<Option<Self::EntryHandleType>, Error>;

    /// What [`read`](Self::read) answers for each of `keys`, in their order, duplicates included, in one consistent
    /// view.
    async fn batch_read(&self, keys: &[&[u8]]) -> Result<Vec<Option<Self::EntryHandleType>>, Error>;

    /// One answer for each of `prehashed_keys`, in their order, in one consistent view.
    ///
    /// Without `non_hashed_keys` each is what [`read_with_key_hash`](Self::read_with_key_hash) answers. With them,
    /// `non_hashed_keys[i]` is the key that `prehashed_keys[i]` was computed from, and an entry counts only if it
    /// belongs to that key: each answer is what [`read`](Self::read) answers for the key. A key that does not have
    /// the hash at its index finds nothing.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](std::io::ErrorKind::InvalidInput) when the two slices differ in length; the message gives
    /// both lengths.
    async fn batch_read_hashed_keys(
        &self,
        prehashed_keys: &[u64],
        non_hashed_keys: Option<&[&[u8]]>,
    ) -> Result<Vec<Option<Self::EntryHandleType>>, Error>;

    /// Hash, place and checksum of the entry that [`read`](Self::read) answers for `key`; the payload is not read.
    async fn read_metadata(&self, key: &[u8]) -> Result<Option<EntryMetadata>, Error>;

    /// How many live entries there are: keys and entries without a key. Expired entries do not count.
    async fn len(&self) -> Result<usize, Error>;

    /// Whether there is no live entry.
    async fn is_empty(&self) -> Result<bool, Error>;

    /// Bytes on disk of the whole store, all its files and dead entries included.
    async fn file_size(&self) -> Result<u64, Error>;
}
