//! A write as a batch of the engine.

use std::time::Duration;

use pentad_client::wire::{self, condition, expiry::When, operation::Kind};
use pentad_engine::{Batch, Expect, Expiry, Sequence, Store, Timestamp};

use crate::error::{Error, ErrorKind, Result};
use crate::requests::engine_bounds;

/// Finds the keyspace of a name; `None` where it is only looked whether the write is one that is known.
type Find<'f> = &'f dyn Fn(&str) -> Result<Option<Store>>;

/// The batch that `write` is. It refers to nothing but the write, and the namespaces that `find` gives. Those that it makes are to be
/// there already.
///
/// # Errors
///
/// Those of `find`. [`ErrorKind::Unsupported`] when something that a version of ours would have set is missing: a kind of operation or
/// condition that a newer version knows looks like that, so this is no word on the write. [`ErrorKind::InvalidInput`] for bounds that
/// contradict themselves.
pub(crate) fn batch_of(write: &wire::Write, find: Find<'_>) -> Result<Batch> {
    let mut batch = Batch::with_capacity(write.operations.len(), 0);
    for condition in &write.conditions {
        match condition.expect.as_ref().ok_or_else(|| unknown("condition"))? {
            condition::Expect::Within(namespace) => within(&mut batch, namespace, find)?,
            expect => drop(batch.require(&condition.key, expect_of(expect)?)),
        }
    }
    let is_within =
        |condition: &wire::Condition| matches!(condition.expect, Some(condition::Expect::Within(_)));
    if write.conditions.iter().any(is_within) {
        // What the conditions were about says nothing of the operations.
        within(&mut batch, &wire::Namespace::default(), find)?;
    }
    for operation in &write.operations {
        add(&mut batch, operation, find)?;
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

fn within(batch: &mut Batch, namespace: &wire::Namespace, find: Find<'_>) -> Result<()> {
    if let Some(keyspace) = find(&namespace.name)? {
        batch.within(&keyspace);
    }
    Ok(())
}

fn expect_of(expect: &condition::Expect) -> Result<Expect> {
    Ok(match expect {
        condition::Expect::Within(_) => return Err(unknown("condition")),
        condition::Expect::Absent(_) => Expect::Absent,
        condition::Expect::Present(_) => Expect::Present,
        condition::Expect::Value(value) => Expect::Value(value.clone()),
        condition::Expect::UnmodifiedSince(sequence) => Expect::Unmodified(Sequence(*sequence)),
    })
}

fn add(batch: &mut Batch, operation: &wire::Operation, find: Find<'_>) -> Result<()> {
    match operation.kind.as_ref().ok_or_else(|| unknown("operation"))? {
        Kind::Put(put) => batch.put_expiring(&put.key, put.value.clone(), expiry_of(put.expiry.as_ref())?),
        Kind::Delete(delete) => batch.delete(&delete.key),
        Kind::DeleteRange(range) => batch.delete_range(engine_bounds(range.bounds.as_ref())?),
        Kind::Increment(increment) => batch.increment(&increment.key, increment.delta),
        Kind::SetExpiry(set) => batch.set_expiry(&set.key, expiry_of(set.expiry.as_ref())?),
        Kind::Rename(rename) => batch.rename(&rename.from, &rename.to),
        Kind::Within(namespace) => return within(batch, namespace, find),
        Kind::MakeNamespace(_) => batch,
        Kind::DropNamespace(namespace) => batch.drop_namespace(&namespace.name),
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
