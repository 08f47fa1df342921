//! The batch log, and how much there is.

use bytes::Bytes;
use pentad_client::Failure;
use pentad_client::wire::{BatchRequest, BatchResponse, ExtentResponse, Row};
use pentad_engine::{Sequence, Store};

use super::failure_of;
use super::view::{bytes_of, check_answer};

pub(super) fn batch(store: &Store, request: &BatchRequest) -> Result<BatchResponse, Failure> {
    let pairs = store.batch(Sequence(request.sequence)).map_err(|error| failure_of(&error))?;
    let Some(pairs) = pairs else { return Ok(BatchResponse::default()) };
    let row = |(key, value)| Row { key, value: Bytes::from(value), deadline_ns: None };
    let pairs: Vec<Row> = pairs.into_iter().map(row).collect();
    check_answer("a commit", pairs.iter().map(bytes_of).sum())?;
    Ok(BatchResponse { found: true, pairs })
}

pub(super) fn extent(store: &Store) -> ExtentResponse {
    ExtentResponse {
        sequence: store.sequence().0,
        oldest_batch: store.oldest_batch().map(u64::from),
        live_keys: store.len(),
        now_ns: store.now().0,
        oldest_readable: store.oldest_readable().map(u64::from),
        namespaces_fault: store.stats().namespaces_fault,
    }
}
