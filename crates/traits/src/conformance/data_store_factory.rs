//! `DataStoreFactory`: what the suites of the two data store traits need besides [`Factory`].
//!
//! Reader and writer are checked through one another, so one factory serves both suites.

use std::ops::Deref;
use std::time::Duration;

use bytes::Bytes;

use super::{Factory, block_on};
use crate::{AsyncDataStoreReader, AsyncDataStoreWriter};

/// What the contract asks of a handle to a payload.
pub trait Handle: Deref<Target = [u8]> + Into<Bytes> + Clone + Send + Sync {}

impl<T: Deref<Target = [u8]> + Into<Bytes> + Clone + Send + Sync> Handle for T {}

/// Makes stores for the suites of [`AsyncDataStoreReader`] and [`AsyncDataStoreWriter`].
pub trait DataStoreFactory:
    Factory<
        Store: AsyncDataStoreReader<EntryHandleType: Handle>
                   + AsyncDataStoreWriter<DataStoreType = Self::Store>
                   + Sync,
    > + Sync
{
    /// The key hash that the stores use. The crate's front page fixes it for Pentad; the suites only ask that all
    /// stores use this one.
    fn key_hash(&self, key: &[u8]) -> u64;

    /// Two different keys with the same [`key_hash`](Self::key_hash).
    ///
    /// The pair provided collides under XXH3-64 with seed 0: the first eight bytes of a key of 32 cancel those of
    /// the secret, which multiplies the next eight by zero.
    fn colliding_keys(&self) -> (Vec<u8>, Vec<u8>) {
        let key = |middle: &[u8; 8]| {
            [&b"\xb8\xfe\x6c\x39\x23\xa4\x4b\xbe"[..], middle, b"the same sixteen"].concat()
        };
        (key(b"one key "), key(b"another "))
    }

    /// Writes a key that expires after `ttl`, through whichever interface offers it.
    fn put_expiring(
        &self,
        store: &Self::Store,
        key: &[u8],
        value: &[u8],
        ttl: Duration,
    ) -> impl Future<Output = ()>;

    /// Reclaims the space of dead entries now, as far as the implementation does that; nothing otherwise.
    fn compact(&self, store: &Self::Store) -> impl Future<Output = ()>;

    /// Closes `store`, flips one bit of the stored payload that consists of exactly the bytes `payload`, which occur
    /// nowhere else in it, and opens it again. `None` when the stored bytes are out of reach.
    fn damage_payload(&self, store: Self::Store, payload: &[u8])
    -> impl Future<Output = Option<Self::Store>>;

    /// What the address of every payload in memory is a multiple of: 64 for stores created with that alignment, 1
    /// for none.
    fn payload_alignment(&self) -> usize;

    /// Whether handles point into the map of the store, as all but remote implementations must.
    fn reads_in_place(&self) -> bool;

    /// Runs `future` to its end on a thread that the suite started, while the suite's own thread is blocked. Override
    /// it where the futures of the store need a runtime around them.
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        block_on(future)
    }
}
