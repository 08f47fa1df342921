//! The namespaces that a write names.
//!
//! Invariant: which ones there are is a function of the entries up to a write, so all nodes find the same, and refuse alike. The
//! numbers that stores give them need not be the same: a node that was brought up by a snapshot knows nothing of those that were dropped
//! before. Nothing that leaves a node says a number.

use pentad_client::wire::{Write, operation::Kind};
use pentad_engine::Store;

use crate::error::{Error, ErrorKind, Result};
use crate::requests::keyspace;

/// Makes the namespaces that a write makes. What a crash leaves of that is found again when the entry is replayed.
pub(super) fn make(store: &Store, write: &Write) -> Result<()> {
    for operation in &write.operations {
        if let Some(Kind::MakeNamespace(namespace)) = &operation.kind {
            store.namespace(&namespace.name)?;
        }
    }
    Ok(())
}

/// The keyspace of a name.
pub(super) fn find(store: &Store, name: &str) -> Result<Option<Store>> {
    Ok(Some(keyspace(store, name)?))
}

/// Whether every node gets this error for the write: it lies in the write and in what was applied before, not in the disk.
pub(super) fn is_of_the_command(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidInput | ErrorKind::KeyNotFound | ErrorKind::LimitExceeded | ErrorKind::Unsupported
    )
}
