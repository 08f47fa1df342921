//! `AsyncDataStoreWriter`: writing, moving and deleting entries, by key or by key hash.
//!
//! The invariant of this interface: a call is one commit, all of which becomes visible or none. In particular a
//! reader that fails leaves nothing behind, and a batch with one unacceptable entry leaves nothing at all. Reading
//! is [`AsyncDataStoreReader`](crate::AsyncDataStoreReader).

use std::io::{Read, Result};
use std::pin::Pin;

use async_trait::async_trait;

/// Writes, moves and deletes entries.
///
/// Source: the trait of the same name of simd-r-drive. The crate's front page gives the rules common to all
/// interfaces, [`AsyncDataStoreReader`](crate::AsyncDataStoreReader#entries-without-a-key) those for entries
/// without a key.
///
/// # What is answered
///
/// Every method answers the tail offset: the length of the log in bytes after the call, as the log counts it over
/// the whole life of the store. It grows with every commit and never falls, and does not move when nothing was
/// written. [`copy`](Self::copy) and [`transfer`](Self::transfer) answer the tail of the target.
///
/// When a method answers, the write has the durability that the store gives: by default it survives power loss.
///
/// # Payloads
///
/// An empty payload is refused in this interface (entries with empty values, written through the other interfaces,
/// can be read, renamed, copied and deleted here). NUL bytes are ordinary data.
///
/// # Errors
///
/// Every method answers a [`std::io::Error`] whose message names the key (escaped and shortened) or the store:
///
/// - [`InvalidInput`](std::io::ErrorKind::InvalidInput): an empty payload, or a key, payload or batch beyond the
///   limits (the message gives limit and actual size); other cases where a method says so. Nothing was written;
/// - [`QuotaExceeded`](std::io::ErrorKind::QuotaExceeded): beyond a limit that an option of the implementation set
///   lower. Nothing was written;
/// - [`NotFound`](std::io::ErrorKind::NotFound): the entry to rename, copy or transfer is not there. Nothing was
///   written;
/// - [`StorageFull`](std::io::ErrorKind::StorageFull): no room; nothing was written, and deleting still works;
/// - [`InvalidData`](std::io::ErrorKind::InvalidData): the payload to move fails its checksum;
/// - the kind that the operating system reported, when writing failed. The outcome is then known only after the
///   store is opened again, and the store takes no further writes until then.
///
/// # Where this differs from simd-r-drive
///
/// There nothing is synced, a failing reader is acknowledged with the part that it gave, renaming a missing key
/// depends on the state of the file, and one NUL byte as payload deletes. Here all four are defects.
#[async_trait]
pub trait AsyncDataStoreWriter {
    /// The kind of store that [`copy`](Self::copy) and [`transfer`](Self::transfer) write into, usually the
    /// implementing type itself.
    ///
    /// simd-r-drive names its one concrete store there. It is a type of its own here so that this trait names no
    /// engine; calls read the same. `Sync`, because the futures hold a reference to the target.
    type DataStoreType: Sync;

    /// Writes everything that `reader` gives as the payload of `key`.
    ///
    /// **The reader is drained when this method is called, on the calling thread**, not when the future is polled:
    /// `R` need not be `Send` and the future is, so the future cannot hold the reader. What the future awaits is
    /// the commit alone. Call the method from a thread that may block when the reader can be slow.
    ///
    /// Memory is bounded: 64 KiB are read at a time and go to a place of their own in the store, so that other
    /// writers are not held up by a slow reader. The length is bounded by the disk only. Nothing is visible before
    /// the commit; dropping the future leaves nothing.
    ///
    /// # Errors
    ///
    /// An error of the reader is answered as it is ([`Interrupted`](std::io::ErrorKind::Interrupted) is retried),
    /// with nothing visible and nothing left behind. A reader that gives no byte at all is an empty payload:
    /// [`InvalidInput`](std::io::ErrorKind::InvalidInput).
    ///
    /// # Implementing it
    ///
    /// An `async fn` cannot satisfy this signature (its future would hold the reader), so the method is written
    /// out; inside an `impl` block under [`macro@async_trait`] the macro leaves it alone:
    ///
    /// ```
    /// # use std::{io::{self, Read}, pin::Pin};
    /// # struct Store;
    /// # struct Staged;
    /// # impl Store {
    /// #     fn stage(&self, _reader: &mut impl Read) -> io::Result<Staged> { Ok(Staged) }
    /// #     async fn publish(&self, _key: &[u8], _staged: Staged) -> io::Result<u64> { Ok(1) }
    /// // impl AsyncDataStoreWriter for Store { …
    /// fn write_stream<'life0, 'life1, 'life2, 'async_trait, R>(
    ///     &'life0 self,
    ///     key: &'life1 [u8],
    ///     reader: &'life2 mut R,
    /// ) -> Pin<Box<dyn Future<Output = io::Result<u64>> + Send + 'async_trait>>
    /// where
    ///     R: 'async_trait + Read,
    ///     Self: 'async_trait,
    ///     'life0: 'async_trait,
    ///     'life1: 'async_trait,
    ///     'life2: 'async_trait,
    /// {
    ///     // Before the future exists: the block below must not capture `reader`.
    ///     let staged = self.stage(reader);
    ///     Box::pin(async move { self.publish(key, staged?).await })
    /// }
    /// # }
    /// ```
    fn write_stream<'life0, 'life1, 'life2, 'async_trait, R>(
        &'life0 self,
        key: &'life1 [u8],
        reader: &'life2 mut R,
    ) -> Pin<Box<dyn Future<Output = Result<u64>> + Send + 'async_trait>>
    where
        R: 'async_trait + Read,
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait;

    /// Writes everything that `reader` gives as the payload of an entry without a key, under `key_hash`.
    ///
    /// In all else, including when the reader is drained and how the method is implemented, this is
    /// [`write_stream`](Self::write_stream).
    ///
    /// # Errors
    ///
    /// Those of [`write_stream`](Self::write_stream).
    fn write_stream_with_key_hash<'life0, 'life1, 'async_trait, R>(
        &'life0 self,
        key_hash: u64,
        reader: &'life1 mut R,
    ) -> Pin<Box<dyn Future<Output = Result<u64>> + Send + 'async_trait>>
    where
        R: 'async_trait + Read,
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait;

    /// Writes `payload` (1 byte to 1 GiB) under `key` (0 to 65,535 bytes), replacing what is there and removing its
    /// deadline.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](std::io::ErrorKind::InvalidInput) for an empty payload and beyond the limits.
    async fn write(&self, key: &[u8], payload: &[u8]) -> Result<u64>;

    /// Writes `payload` (1 byte to 1 GiB) as an entry without a key, under `key_hash`.
    ///
    /// It replaces an earlier entry without a key under the same hash, never the entry of a key. It is counted by
    /// [`len`](crate::AsyncDataStoreReader::len), takes a sequence, and is in no range, list or batch of the log.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](std::io::ErrorKind::InvalidInput) for an empty payload and beyond the limits.
    async fn write_with_key_hash(&self, key_hash: u64, payload: &[u8]) -> Result<u64>;

    /// Writes all `entries`, pairs of key and payload, in one commit.
    ///
    /// Of a key that is given more than once the last payload counts. An empty slice is no error: it answers the
    /// current tail, and nothing is written.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](std::io::ErrorKind::InvalidInput) when any payload is empty, or any key, payload or the
    /// whole batch (1,048,576 entries, 1 GiB) is beyond the limits. Nothing of the batch was written then.
    async fn batch_write(&self, entries: &[(&[u8], &[u8])]) -> Result<u64>;

    /// Writes all of `prehashed_keys`, pairs of hash and payload, as entries without a key in one commit.
    ///
    /// Of a hash that is given more than once the last payload counts. An empty vector answers the current tail.
    ///
    /// `allow_null_bytes` exists because of simd-r-drive, where a payload of one NUL byte marks a deleted entry.
    /// With `false` a payload of exactly one NUL byte is refused, for callers that rely on it; with `true` it is
    /// data like any other. All other payloads are accepted either way.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](std::io::ErrorKind::InvalidInput) when any payload is empty or refused, or beyond the
    /// limits. Nothing of the batch was written then.
    async fn batch_write_with_key_hashes(
        &self,
        prehashed_keys: Vec<(u64, &[u8])>,
        allow_null_bytes: bool,
    ) -> Result<u64>;

    /// Moves the entry of `old_key` to `new_key` in one commit: no reader sees both or neither.
    ///
    /// An entry at `new_key` is replaced. The deadline moves along. The batch log records the pair of `new_key` and
    /// the value.
    ///
    /// # Errors
    ///
    /// [`NotFound`](std::io::ErrorKind::NotFound) when `old_key` has no live entry of its own,
    /// [`InvalidInput`](std::io::ErrorKind::InvalidInput) when both keys are the same, there or not, or when
    /// `new_key` is too long.
    async fn rename(&self, old_key: &[u8], new_key: &[u8]) -> Result<u64>;

    /// Writes the entry of `key`, deadline included, into `target` under the same key; answers the tail of `target`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](std::io::ErrorKind::InvalidInput) when `target` is this very store,
    /// [`NotFound`](std::io::ErrorKind::NotFound) when `key` has no live entry of its own.
    async fn copy(&self, key: &[u8], target: &Self::DataStoreType) -> Result<u64>;

    /// Moves the entry of `key`, deadline included, into `target`; answers the tail of `target`.
    ///
    /// Two stores cannot commit as one. The entry is durable in `target` first and deleted here after that, if it
    /// is still the entry that was copied; if it was overwritten meanwhile, it is copied again. A crash in between,
    /// or dropping the future, leaves the entry in both stores and never in none.
    ///
    /// # Errors
    ///
    /// Those of [`copy`](Self::copy).
    async fn transfer(&self, key: &[u8], target: &Self::DataStoreType) -> Result<u64>;

    /// Deletes the entry of `key` and the entry without a key under its hash, as far as they are there.
    ///
    /// A missing key is no error: nothing is written, and the current tail is answered.
    async fn delete(&self, key: &[u8]) -> Result<u64>;

    /// Does what [`delete`](Self::delete) does for all of `keys` in one commit.
    ///
    /// Missing and repeated keys are no error; if nothing is deleted, nothing is written.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](std::io::ErrorKind::InvalidInput) beyond the limits of a batch.
    async fn batch_delete(&self, keys: &[&[u8]]) -> Result<u64>;

    /// Deletes, in one commit, every entry that has one of the hashes, with a key or without.
    ///
    /// Different keys with one hash go together. Hashes without an entry are no error; if nothing is deleted,
    /// nothing is written.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](std::io::ErrorKind::InvalidInput) beyond the limits of a batch.
    async fn batch_delete_key_hashes(&self, prehashed_keys: &[u64]) -> Result<u64>;
}
