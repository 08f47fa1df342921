//! `StoreEngine`, spelled as exoware.

use bytes::Bytes;
use pentad_traits::StoreEngine;

use crate::{Spelled, never_called};

impl StoreEngine for Spelled {
    fn put_batch(&self, _kvs: &[(Bytes, Bytes)]) -> Result<u64, String> {
        never_called()
    }

    fn get(&self, _key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        never_called()
    }

    fn range_scan(
        &self,
        _start: &[u8],
        _end: &[u8],
        _limit: usize,
        _forward: bool,
    ) -> Result<Vec<(Bytes, Bytes)>, String> {
        never_called()
    }

    fn delete_batch(&self, _keys: &[&[u8]]) -> Result<u64, String> {
        never_called()
    }

    fn current_sequence(&self) -> u64 {
        never_called()
    }

    fn get_batch(&self, _sequence_number: u64) -> Result<Option<Vec<(Bytes, Bytes)>>, String> {
        never_called()
    }

    fn oldest_retained_batch(&self) -> Result<Option<u64>, String> {
        never_called()
    }

    fn prune_batch_log(&self, _cutoff_exclusive: u64) -> Result<u64, String> {
        never_called()
    }

    // `get_many` is provided: leaving it out must compile.
}
