//! `ClientApi`, spelled as d-engine.

use bytes::Bytes;
use pentad_traits::{ClientApi, ClientApiResult, NodeMeta, ReadConsistencyPolicy};

use crate::{Boxed, Spelled, never_called};

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
        never_called()
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
        never_called()
    }

    fn get<'life0, 'async_trait>(
        &'life0 self,
        _key: impl 'async_trait + AsRef<[u8]> + Send,
    ) -> Boxed<'async_trait, ClientApiResult<Option<Bytes>>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called()
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
        never_called()
    }

    fn delete<'life0, 'async_trait>(
        &'life0 self,
        _key: impl 'async_trait + AsRef<[u8]> + Send,
    ) -> Boxed<'async_trait, ClientApiResult<()>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called()
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
        never_called()
    }

    fn list_members<'life0, 'async_trait>(&'life0 self) -> Boxed<'async_trait, ClientApiResult<Vec<NodeMeta>>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called()
    }

    fn get_leader_id<'life0, 'async_trait>(&'life0 self) -> Boxed<'async_trait, ClientApiResult<Option<u32>>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called()
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
        never_called()
    }

    fn get_linearizable<'life0, 'async_trait>(
        &'life0 self,
        _key: impl 'async_trait + AsRef<[u8]> + Send,
    ) -> Boxed<'async_trait, ClientApiResult<Option<Bytes>>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called()
    }

    fn get_lease<'life0, 'async_trait>(
        &'life0 self,
        _key: impl 'async_trait + AsRef<[u8]> + Send,
    ) -> Boxed<'async_trait, ClientApiResult<Option<Bytes>>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called()
    }

    fn get_eventual<'life0, 'async_trait>(
        &'life0 self,
        _key: impl 'async_trait + AsRef<[u8]> + Send,
    ) -> Boxed<'async_trait, ClientApiResult<Option<Bytes>>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
    {
        never_called()
    }
}
