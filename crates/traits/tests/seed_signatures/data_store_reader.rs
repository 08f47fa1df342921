//! `AsyncDataStoreReader`, spelled as simd-r-drive.

use std::io::Error;

use pentad_traits::{AsyncDataStoreReader, EntryMetadata};

use crate::{Boxed, Spelled, never_called};

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
        never_called()
    }

    fn exists_with_key_hash<'life0, 'async_trait>(
        &'life0 self,
        _prehashed_key: u64,
    ) -> Boxed<'async_trait, Result<bool, Error>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        never_called()
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
        never_called()
    }

    fn read_with_key_hash<'life0, 'async_trait>(
        &'life0 self,
        _prehashed_key: u64,
    ) -> Boxed<'async_trait, Result<Option<Self::EntryHandleType>, Error>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        never_called()
    }

    fn read_last_entry<'life0, 'async_trait>(
        &'life0 self,
    ) -> Boxed<'async_trait, Result<Option<Self::EntryHandleType>, Error>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        never_called()
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
        never_called()
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
        never_called()
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
        never_called()
    }

    fn len<'life0, 'async_trait>(&'life0 self) -> Boxed<'async_trait, Result<usize, Error>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        never_called()
    }

    fn is_empty<'life0, 'async_trait>(&'life0 self) -> Boxed<'async_trait, Result<bool, Error>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        never_called()
    }

    fn file_size<'life0, 'async_trait>(&'life0 self) -> Boxed<'async_trait, Result<u64, Error>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        never_called()
    }
}
