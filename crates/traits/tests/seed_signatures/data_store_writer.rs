//! `AsyncDataStoreWriter`, spelled as simd-r-drive, with the associated type in the place of its concrete store.

use std::io::Read;

use pentad_traits::AsyncDataStoreWriter;

use crate::{Boxed, Spelled, never_called};

impl AsyncDataStoreWriter for Spelled {
    type DataStoreType = Self;

    fn write_stream<'life0, 'life1, 'life2, 'async_trait, R>(
        &'life0 self,
        _key: &'life1 [u8],
        _reader: &'life2 mut R,
    ) -> Boxed<'async_trait, std::io::Result<u64>>
    where
        R: 'async_trait + Read,
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        never_called()
    }

    fn write_stream_with_key_hash<'life0, 'life1, 'async_trait, R>(
        &'life0 self,
        _key_hash: u64,
        _reader: &'life1 mut R,
    ) -> Boxed<'async_trait, std::io::Result<u64>>
    where
        R: 'async_trait + Read,
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called()
    }

    fn write<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        _key: &'life1 [u8],
        _payload: &'life2 [u8],
    ) -> Boxed<'async_trait, std::io::Result<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        never_called()
    }

    fn write_with_key_hash<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _key_hash: u64,
        _payload: &'life1 [u8],
    ) -> Boxed<'async_trait, std::io::Result<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called()
    }

    fn batch_write<'life0, 'life1, 'life2, 'life3, 'async_trait>(
        &'life0 self,
        _entries: &'life1 [(&'life2 [u8], &'life3 [u8])],
    ) -> Boxed<'async_trait, std::io::Result<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
        'life3: 'async_trait,
    {
        never_called()
    }

    fn batch_write_with_key_hashes<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _prehashed_keys: Vec<(u64, &'life1 [u8])>,
        _allow_null_bytes: bool,
    ) -> Boxed<'async_trait, std::io::Result<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called()
    }

    fn rename<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        _old_key: &'life1 [u8],
        _new_key: &'life2 [u8],
    ) -> Boxed<'async_trait, std::io::Result<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        never_called()
    }

    fn copy<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        _key: &'life1 [u8],
        _target: &'life2 Spelled,
    ) -> Boxed<'async_trait, std::io::Result<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        never_called()
    }

    fn transfer<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        _key: &'life1 [u8],
        _target: &'life2 Spelled,
    ) -> Boxed<'async_trait, std::io::Result<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        never_called()
    }

    fn delete<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _key: &'life1 [u8],
    ) -> Boxed<'async_trait, std::io::Result<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called()
    }

    fn batch_delete<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        _keys: &'life1 [&'life2 [u8]],
    ) -> Boxed<'async_trait, std::io::Result<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        never_called()
    }

    fn batch_delete_key_hashes<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _prehashed_keys: &'life1 [u64],
    ) -> Boxed<'async_trait, std::io::Result<u64>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        never_called()
    }
}
