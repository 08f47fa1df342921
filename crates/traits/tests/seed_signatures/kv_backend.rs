//! `KvBackend`, spelled as zlayer-agent.

use pentad_traits::{KvBackend, KvError};

use crate::{Boxed, Spelled, never_called};

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
        never_called()
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
        never_called()
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
        never_called()
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
        never_called()
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
        never_called()
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
        never_called()
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
        never_called()
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
        never_called()
    }
}
