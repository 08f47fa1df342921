//! Which namespaces there are, and the way into one.
//!
//! Invariant: a name that stands for nothing is refused, never taken for another keyspace; the empty one is the store's own.

use pentad_client::wire::NamespacesResponse;
use pentad_client::{Failure, FailureKind};
use pentad_engine::{Store, escape_key};

use super::failure_of;
use super::view::check_answer;

/// What a name adds to an answer beyond its bytes, at most.
const AROUND_BYTES: usize = 4;

/// The keyspace of this name.
///
/// # Errors
///
/// `KEY_NOT_FOUND` when there is no such namespace; `DAMAGED` when that cannot be told.
pub(crate) fn keyspace(store: &Store, name: &str) -> Result<Store, Failure> {
    if name.is_empty() {
        return Ok(store.own_keyspace());
    }
    let found = store.find_namespace(name).map_err(|error| failure_of(&error))?;
    found.ok_or_else(|| {
        let text = format!("there is no namespace {}", escape_key(name.as_bytes()));
        Failure::new(FailureKind::KeyNotFound, text)
    })
}

pub(super) fn list(store: &Store) -> Result<NamespacesResponse, Failure> {
    // Named before the names, so that these are not of an older commit.
    let applied_sequence = store.sequence().0;
    let names = store.namespaces();
    check_answer("the list of namespaces", names.iter().map(|name| name.len() + AROUND_BYTES).sum())?;
    Ok(NamespacesResponse { names, fault: store.stats().namespaces_fault, applied_sequence })
}
