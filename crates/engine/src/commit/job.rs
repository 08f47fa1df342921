//! What the commit queue carries.

use crate::batch::{Batch, Condition, Expect, Operation, Outcome, Payload, PayloadSource};
use crate::error::{Error, ErrorKind, Result};
use crate::log::writer::Purpose;
use crate::numbers::Sequence;
use crate::options::{BATCH_BYTES_MAX, BATCH_OPERATIONS_MAX, Options};

/// A request to the commit leader.
#[derive(Debug)]
pub(crate) enum Job {
    /// Commit a batch.
    Commit(Box<Batch>),
    /// Raise everything so far to `Disk`.
    Sync,
    /// Move the floor of the batch log up to this sequence.
    Prune(Sequence),
}

/// What a job came to.
pub(crate) type JobResult = Result<Outcome>;

impl Job {
    /// What it is for, which decides how much of the reserve of disk is there for it.
    pub(crate) fn purpose(&self) -> Purpose {
        let deletes = |operation: &Operation| {
            matches!(
                operation,
                Operation::Delete { .. } | Operation::DeleteAny { .. } | Operation::DeleteHash { .. }
            )
        };
        match self {
            Self::Commit(batch) if !batch.operations.is_empty() && batch.operations.iter().all(deletes) => {
                Purpose::Delete
            }
            Self::Commit(_) => Purpose::Ordinary,
            Self::Sync | Self::Prune(_) => Purpose::Relief,
        }
    }

    /// Bytes of memory that the job holds while it waits.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Commit(batch) => {
                let operations = batch.operations.iter().map(|operation| 64 + operation_bytes(operation));
                let conditions = batch.conditions.iter().map(|condition| 64 + condition_bytes(condition));
                256 + operations.chain(conditions).sum::<u64>()
            }
            Self::Sync | Self::Prune(_) => 64,
        }
    }
}

/// Bytes of key and value, streams not counted.
fn operation_bytes(operation: &Operation) -> u64 {
    let sizes = match operation {
        Operation::Put { key, payload, .. } => (key.len(), payload_bytes(payload)),
        Operation::PutHash { payload, .. } => (8, payload_bytes(payload)),
        Operation::Delete { key } | Operation::DeleteAny { key } | Operation::Increment { key, .. } => {
            (key.len(), 0)
        }
        Operation::DeleteHash { .. } => (8, 0),
        Operation::Rename { from, to } => (from.len() + to.len(), 0),
    };
    sizes.0 as u64 + sizes.1
}

/// Bytes of the key, and of the value that it is compared with.
fn condition_bytes(condition: &Condition) -> u64 {
    let value = match &condition.expect {
        Expect::Value(value) => value.len(),
        Expect::Absent | Expect::Present | Expect::Unmodified(_) => 0,
    };
    (condition.key.len() + value) as u64
}

fn payload_bytes(payload: &Payload) -> u64 {
    match &payload.0 {
        PayloadSource::Bytes(bytes) => bytes.len() as u64,
        PayloadSource::Value(value) => value.len() as u64,
        PayloadSource::Stream(_) => 0,
    }
}

/// Refuses what is beyond the limits, before it is queued.
pub(crate) fn check_limits(batch: &Batch, options: &Options) -> Result<()> {
    let beyond = |what: &str, actual: u64, limit: u64| {
        Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{what} is {actual}, and the limit is {limit}; nothing was written"),
        ))
    };
    if batch.operations.len() > BATCH_OPERATIONS_MAX {
        return beyond(
            "the number of operations in the batch",
            batch.operations.len() as u64,
            BATCH_OPERATIONS_MAX as u64,
        );
    }
    let mut total = 0u64;
    for operation in &batch.operations {
        let keys: [Option<&[u8]>; 2] = match operation {
            Operation::Put { key, .. }
            | Operation::Delete { key }
            | Operation::DeleteAny { key }
            | Operation::Increment { key, .. } => [Some(key), None],
            Operation::Rename { from, to } => [Some(from), Some(to)],
            Operation::PutHash { .. } | Operation::DeleteHash { .. } => [None, None],
        };
        for key in keys.into_iter().flatten() {
            if key.len() > options.key_bytes_max {
                return beyond("the key's length in bytes", key.len() as u64, options.key_bytes_max as u64);
            }
        }
        if let Operation::Put { payload, .. } | Operation::PutHash { payload, .. } = operation {
            let length = payload_bytes(payload);
            if length > options.value_bytes_max {
                return beyond("the value's length in bytes", length, options.value_bytes_max);
            }
        }
        total += operation_bytes(operation);
    }
    // One value of the greatest length is allowed, whatever its key's length is.
    if batch.operations.len() > 1 && total > BATCH_BYTES_MAX {
        return beyond("the batch's length in bytes", total, BATCH_BYTES_MAX);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Job;
    use crate::batch::{Batch, Expect};

    #[test]
    fn what_a_condition_compares_with_counts_in_the_queue() {
        let mut batch = Batch::new();
        batch.require("key", Expect::Absent);
        let small = Job::Commit(Box::new(batch.clone())).bytes();
        batch.require("key", Expect::Value(vec![7; 100_000].into()));
        let large = Job::Commit(Box::new(batch)).bytes();
        assert!(large >= small + 100_000, "{small} and {large} bytes");
    }
}
