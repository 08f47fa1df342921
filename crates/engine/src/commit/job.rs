//! What the commit queue carries.

use crate::batch::{Batch, Contents, Outcome};
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
        match self {
            Self::Commit(batch) if matches!(batch.contents.summary.deletes, deletes @ 1.. if deletes == batch.len()) => {
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
                let Contents { conditions, summary, .. } = &batch.contents;
                let parts = (batch.contents.entries() + conditions.len()) as u64;
                256 + 64 * parts + summary.bytes + summary.condition_bytes
            }
            Self::Sync | Self::Prune(_) => 64,
        }
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
    let summary = &batch.contents.summary;
    if summary.is_reserved {
        let text = "system entries whose keys begin with `pentad/` are the store's own; nothing was written";
        return Err(Error::new(ErrorKind::InvalidInput, text));
    }
    let operations = batch.contents.entries();
    if operations > BATCH_OPERATIONS_MAX {
        let limit = BATCH_OPERATIONS_MAX as u64;
        return beyond("the number of operations in the batch", operations as u64, limit);
    }
    if summary.longest_key > options.key_bytes_max {
        let limit = options.key_bytes_max as u64;
        return beyond("the key's length in bytes", summary.longest_key as u64, limit);
    }
    if summary.longest_value > options.value_bytes_max {
        return beyond("the value's length in bytes", summary.longest_value, options.value_bytes_max);
    }
    // One value of the greatest length is allowed, whatever its key's length is.
    if operations > 1 && summary.bytes > BATCH_BYTES_MAX {
        return beyond("the batch's length in bytes", summary.bytes, BATCH_BYTES_MAX);
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
