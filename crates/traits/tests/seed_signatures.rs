//! The signatures are those of the systems that the traits come from, down to the lifetimes.
//!
//! The implementations below are written without the macro, with each method spelled as the documentation of its
//! system prints it. They compile only while the traits say the same. They are never called.

use std::fmt::Debug;
use std::io::{Error, Read};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use pentad_traits::{
    AsyncDataStoreReader, AsyncDataStoreWriter, ClientApi, ClientApiResult, EntryMetadata, KvBackend,
    KvError, NodeMeta, ReadConsistencyPolicy, StoreEngine,
};

/// What the seeds write as `Pin<Box<dyn Future<Output = T> + Send + 'a>>`.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type IoResult<T> = std::io::Result<T>;

#[derive(Debug)]
struct Spelled;

macro_rules! never_called {
    () => {
        unreachable!("the signatures are compiled, not called")
    };
}

impl AsyncDataStoreReader for Spelled {
    type EntryHandleType = Vec<u8>;

    fn exists<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _key: &'life1 [u8],
    ) -> Boxed<'async_trait, Result<bool, Error>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        never_called!()
    }

    fn exists_with_key_hash<'life0, 'async_trait>(
        &'life0 self,
        _prehashed_key: u64,
    ) -> Boxed<'async_trait, Result<bool, Error>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        never_called!()
    }

    fn read<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _key: &'life1 [u8],
    ) -> Boxed<'async_trait, Result<Option<Self::EntryHandleType>, Error>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        never_called!()
    }

    fn read_with_key_hash<'life0, 'async_trait>(
        &'life0 self,
        _prehashed_key: u64,
    ) -> Boxed<'async_trait, Result<Option<Self::EntryHandleType>, Error>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        never_called!()
    }

    fn read_last_entry<'life0, 'async_trait>(
        &'life0 self,
    ) -> Boxed<'async_trait, Result<Option<Self::EntryHandleType>, Error>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        never_called!()
    }

    fn batch_read<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        _keys: &'life1 [&'life2 [u8]],
    ) -> Boxed<'async_trait, Result<Vec<Option<Self::EntryHandleType>>, Error>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
        Self: 'async_trait,
    {
        never_called!()
    }

    fn batch_read_hashed_keys<'life0, 'life1, 'life2, 'life3, 'async_trait>(
        &'life0 self,
        _prehashed_keys: &'life1 [u64],
        _non_hashed_keys: Option<&'life2 [&'life3 [u8]]>,
    ) -> Boxed<'async_trait, Result<Vec<Option<Self::EntryHandleType>>, Error>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
        'life3: 'async_trait,
        Self: 'async_trait,
    {
        never_called!()
    }

    fn read_metadata<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _key: &'life1 [u8],
    ) -> Boxed<'async_trait, Result<Option<EntryMetadata>, Error>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        never_called!()
    }

    fn len<'life0, 'async_trait>(&'life0 self) -> Boxed<'async_trait, Result<usize, Error>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        never_called!()
    }

    fn is_empty<'life0, 'async_trait>(&'life0 self) -> Boxed<'async_trait, Result<bool, Error>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        never_called!()
    }

    fn file_size<'life0, 'async_trait>(&'life0 self) -> Boxed<'async_trait, Result<u64, Error>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        never_called!()
    }
}

impl AsyncDataStoreWriter for Spelled {
    type DataStoreType = Self;

    fn write_stream<'life0, 'life1, 'life2, 'async_trait, R>(
        &'life0 self,
        _key: &'life1 [u8],
        _reader: &'life2 mut R,
    ) -> Boxed<'async_trait, IoResult<u64>>
    where
        R: 'async_trait + Read,
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        never_called!()
    }

    fn write_stream_with_key_hash<'life0, 'life1, 'async_trait, R>(
        &'life0 self,
        _key_hash: u64,
        _reader: &'life1 mut R,
    ) -> Boxed<'async_trait, IoResult<u64>>
    where
        R: 'async_trait + Read,
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called!()
    }

    fn write<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        _key: &'life1 [u8],
        _payload: &'life2 [u8],
    ) -> Boxed<'async_trait, IoResult<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        never_called!()
    }

    fn write_with_key_hash<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _key_hash: u64,
        _payload: &'life1 [u8],
    ) -> Boxed<'async_trait, IoResult<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called!()
    }

    fn batch_write<'life0, 'life1, 'life2, 'life3, 'async_trait>(
        &'life0 self,
        _entries: &'life1 [(&'life2 [u8], &'life3 [u8])],
    ) -> Boxed<'async_trait, IoResult<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
        'life3: 'async_trait,
    {
        never_called!()
    }

    fn batch_write_with_key_hashes<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _prehashed_keys: Vec<(u64, &'life1 [u8])>,
        _allow_null_bytes: bool,
    ) -> Boxed<'async_trait, IoResult<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called!()
    }

    fn rename<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        _old_key: &'life1 [u8],
        _new_key: &'life2 [u8],
    ) -> Boxed<'async_trait, IoResult<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        never_called!()
    }

    fn copy<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        _key: &'life1 [u8],
        _target: &'life2 Spelled,
    ) -> Boxed<'async_trait, IoResult<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        never_called!()
    }

    fn transfer<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        _key: &'life1 [u8],
        _target: &'life2 Spelled,
    ) -> Boxed<'async_trait, IoResult<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        never_called!()
    }

    fn delete<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _key: &'life1 [u8],
    ) -> Boxed<'async_trait, IoResult<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called!()
    }

    fn batch_delete<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        _keys: &'life1 [&'life2 [u8]],
    ) -> Boxed<'async_trait, IoResult<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        never_called!()
    }

    fn batch_delete_key_hashes<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _prehashed_keys: &'life1 [u64],
    ) -> Boxed<'async_trait, IoResult<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called!()
    }
}

impl StoreEngine for Spelled {
    fn put_batch(&self, _kvs: &[(Bytes, Bytes)]) -> Result<u64, String> {
        never_called!()
    }

    fn get(&self, _key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        never_called!()
    }

    fn range_scan(
        &self,
        _start: &[u8],
        _end: &[u8],
        _limit: usize,
        _forward: bool,
    ) -> Result<Vec<(Bytes, Bytes)>, String> {
        never_called!()
    }

    fn delete_batch(&self, _keys: &[&[u8]]) -> Result<u64, String> {
        never_called!()
    }

    fn current_sequence(&self) -> u64 {
        never_called!()
    }

    fn get_batch(&self, _sequence_number: u64) -> Result<Option<Vec<(Bytes, Bytes)>>, String> {
        never_called!()
    }

    fn oldest_retained_batch(&self) -> Result<Option<u64>, String> {
        never_called!()
    }

    fn prune_batch_log(&self, _cutoff_exclusive: u64) -> Result<u64, String> {
        never_called!()
    }

    // `get_many` is provided: leaving it out must compile.
}

impl KvBackend for Spelled {
    fn get<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _key: &'life1 str,
    ) -> Boxed<'async_trait, Result<Option<Vec<u8>>, KvError>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called!()
    }

    fn set<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        _key: &'life1 str,
        _value: &'life2 [u8],
    ) -> Boxed<'async_trait, Result<(), KvError>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        never_called!()
    }

    fn set_with_ttl<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        _key: &'life1 str,
        _value: &'life2 [u8],
        _ttl_ns: u64,
    ) -> Boxed<'async_trait, Result<(), KvError>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        never_called!()
    }

    fn delete<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _key: &'life1 str,
    ) -> Boxed<'async_trait, Result<bool, KvError>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called!()
    }

    fn exists<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _key: &'life1 str,
    ) -> Boxed<'async_trait, Result<bool, KvError>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called!()
    }

    fn list_keys<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _prefix: &'life1 str,
    ) -> Boxed<'async_trait, Result<Vec<String>, KvError>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called!()
    }

    fn increment<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _key: &'life1 str,
        _delta: i64,
    ) -> Boxed<'async_trait, Result<i64, KvError>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called!()
    }

    fn compare_and_swap<'life0, 'life1, 'life2, 'life3, 'async_trait>(
        &'life0 self,
        _key: &'life1 str,
        _expected: Option<&'life2 [u8]>,
        _new: &'life3 [u8],
    ) -> Boxed<'async_trait, Result<bool, KvError>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
        'life3: 'async_trait,
    {
        never_called!()
    }
}

impl ClientApi for Spelled {
    fn put<'life0, 'async_trait>(
        &'life0 self,
        _key: impl 'async_trait + AsRef<[u8]> + Send,
        _value: impl 'async_trait + AsRef<[u8]> + Send,
    ) -> Boxed<'async_trait, ClientApiResult<()>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called!()
    }

    fn put_with_ttl<'life0, 'async_trait>(
        &'life0 self,
        _key: impl 'async_trait + AsRef<[u8]> + Send,
        _value: impl 'async_trait + AsRef<[u8]> + Send,
        _ttl_secs: u64,
    ) -> Boxed<'async_trait, ClientApiResult<()>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called!()
    }

    fn get<'life0, 'async_trait>(
        &'life0 self,
        _key: impl 'async_trait + AsRef<[u8]> + Send,
    ) -> Boxed<'async_trait, ClientApiResult<Option<Bytes>>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called!()
    }

    fn get_multi<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _keys: &'life1 [Bytes],
    ) -> Boxed<'async_trait, ClientApiResult<Vec<Option<Bytes>>>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called!()
    }

    fn delete<'life0, 'async_trait>(
        &'life0 self,
        _key: impl 'async_trait + AsRef<[u8]> + Send,
    ) -> Boxed<'async_trait, ClientApiResult<()>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called!()
    }

    fn compare_and_swap<'life0, 'async_trait>(
        &'life0 self,
        _key: impl 'async_trait + AsRef<[u8]> + Send,
        _expected_value: Option<impl 'async_trait + AsRef<[u8]> + Send>,
        _new_value: impl 'async_trait + AsRef<[u8]> + Send,
    ) -> Boxed<'async_trait, ClientApiResult<bool>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called!()
    }

    fn list_members<'life0, 'async_trait>(&'life0 self) -> Boxed<'async_trait, ClientApiResult<Vec<NodeMeta>>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called!()
    }

    fn get_leader_id<'life0, 'async_trait>(&'life0 self) -> Boxed<'async_trait, ClientApiResult<Option<u32>>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called!()
    }

    fn get_multi_with_policy<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _keys: &'life1 [Bytes],
        _consistency_policy: Option<ReadConsistencyPolicy>,
    ) -> Boxed<'async_trait, ClientApiResult<Vec<Option<Bytes>>>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called!()
    }

    fn get_linearizable<'life0, 'async_trait>(
        &'life0 self,
        _key: impl 'async_trait + AsRef<[u8]> + Send,
    ) -> Boxed<'async_trait, ClientApiResult<Option<Bytes>>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called!()
    }

    fn get_lease<'life0, 'async_trait>(
        &'life0 self,
        _key: impl 'async_trait + AsRef<[u8]> + Send,
    ) -> Boxed<'async_trait, ClientApiResult<Option<Bytes>>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called!()
    }

    fn get_eventual<'life0, 'async_trait>(
        &'life0 self,
        _key: impl 'async_trait + AsRef<[u8]> + Send,
    ) -> Boxed<'async_trait, ClientApiResult<Option<Bytes>>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called!()
    }
}

#[test]
fn the_dyn_compatible_traits_are_held_as_trait_objects() {
    let backend: Arc<dyn KvBackend> = Arc::new(Spelled);
    let engine: Arc<dyn StoreEngine> = Arc::new(Spelled);
    assert_eq!(format!("{backend:?}"), "Spelled");
    assert_eq!(engine.get_many(&[]), Ok(Vec::new()), "the provided method is reachable through the object");
}

#[test]
fn trait_objects_and_their_futures_cross_threads() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    fn is_shared<T: Send + Sync + Debug + 'static>() {}
    is_shared::<Arc<dyn KvBackend>>();

    let backend: Arc<dyn KvBackend> = Arc::new(Spelled);
    drop(is_send(async move { backend.get("key").await }));
    drop(is_send(async move { AsyncDataStoreWriter::delete(&Spelled, b"key").await }));
    drop(is_send(async move { ClientApi::put(&Spelled, b"key", String::from("value")).await }));
}
