//! A write as a batch of the engine.

use std::time::Duration;

use pentad_client::wire::{self, condition, expiry::When, operation::Kind};
use pentad_engine::{Batch, Expect, Expiry, Sequence, Timestamp};

use crate::error::{Error, ErrorKind, Result};
use crate::requests::engine_bounds;

/// The batch that `write` is. It refers to nothing but the write.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`] when something that a version of ours would have set is missing: a kind of operation or
/// condition that a newer version knows looks like that, so this is no word on the write. [`ErrorKind::InvalidInput`] for bounds that
/// contradict themselves.
pub(crate) fn batch_of(write: &wire::Write) -> Result<Batch> {
    let mut batch = Batch::with_capacity(write.operations.len(), 0);
    for condition in &write.conditions {
        batch.require(&condition.key, expect_of(condition)?);
    }
    for operation in &write.operations {
        add(&mut batch, operation)?;
    }
    if write.previous {
        batch.with_previous();
    }
    if write.always {
        batch.always();
    }
    if let Some(keys_max) = write.keys_max {
        batch.limit_keys(keys_max);
    }
    Ok(batch)
}

fn expect_of(condition: &wire::Condition) -> Result<Expect> {
    Ok(match condition.expect.as_ref().ok_or_else(|| unknown("condition"))? {
        condition::Expect::Absent(_) => Expect::Absent,
        condition::Expect::Present(_) => Expect::Present,
        condition::Expect::Value(value) => Expect::Value(value.clone()),
        condition::Expect::UnmodifiedSince(sequence) => Expect::Unmodified(Sequence(*sequence)),
    })
}

fn add(batch: &mut Batch, operation: &wire::Operation) -> Result<()> {
    match operation.kind.as_ref().ok_or_else(|| unknown("operation"))? {
        Kind::Put(put) => batch.put_expiring(&put.key, put.value.clone(), expiry_of(put.expiry.as_ref())?),
        Kind::Delete(delete) => batch.delete(&delete.key),
        Kind::DeleteRange(range) => batch.delete_range(engine_bounds(range.bounds.as_ref())?),
        Kind::Increment(increment) => batch.increment(&increment.key, increment.delta),
        Kind::SetExpiry(set) => batch.set_expiry(&set.key, expiry_of(set.expiry.as_ref())?),
        Kind::Rename(rename) => batch.rename(&rename.from, &rename.to),
    };
    Ok(())
}

fn expiry_of(expiry: Option<&wire::Expiry>) -> Result<Expiry> {
    let Some(expiry) = expiry else {
        return Ok(Expiry::Never);
    };
    Ok(match expiry.when.as_ref().ok_or_else(|| unknown("expiry"))? {
        When::AtNs(at) => Expiry::At(Timestamp(*at)),
        // No leader proposes one. Were it in an entry all the same, it counts from the time of the entry, on every node.
        When::AfterNs(after) => Expiry::After(Duration::from_nanos(*after)),
    })
}

fn unknown(what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("a write holds an {what} of no known kind; is the client newer than the node?"),
    )
}
