//! The system entries of a commit, which come last: their values may be made of what became of the rest.
//!
//! Invariant: they are part of the commit. One that is refused, or fails, writes none of them.

use super::{Evaluation, Plan, check_entries};
use crate::batch::{Batch, Outcome, SystemValue};
use crate::commit::item::{Item, ItemKey, ItemValue};
use crate::error::{Error, ErrorKind, Result};
use crate::index::Space;
use crate::log::frame_writer::PayloadBytes;
use crate::store::namespaces::dropped_entry;

impl<'g> Evaluation<'g> {
    /// Adds the system entries of a batch to what it came to.
    pub(super) fn plan_system(&mut self, batch: &'g Batch, plan: &mut Plan<'g>) -> Result<()> {
        for (keyspace, name_entry) in plan.dropped.clone() {
            let (key, value) = dropped_entry(keyspace, plan.sequence.unwrap_or_default());
            let value = ItemValue::Made(PayloadBytes::Owned(value.into()));
            for (key, value) in [(name_entry, ItemValue::Tombstone), (key, value)] {
                let hash = Space::System.hash(&key);
                let item = Item { key: ItemKey::OwnSystem(key), hash, value, deadline: None };
                plan.take(item, self.core.identity.alignment.bytes());
            }
        }
        let operations = &batch.contents.system;
        if operations.is_empty() {
            return Ok(());
        }
        let outcome = Outcome {
            applied: plan.applied,
            sequence: plan.sequence,
            tail: self.core.published.tail(),
            deleted: plan.deleted,
            counter: plan.counter,
            renewed: plan.renewed,
            previous: std::mem::take(&mut plan.previous),
        };
        for operation in operations {
            let value = match &operation.value {
                SystemValue::Delete => ItemValue::Tombstone,
                SystemValue::Given(content) => self.value(&batch.contents, content)?,
                SystemValue::Made(made) => {
                    let value = made.of(&outcome);
                    self.check_length(value.len() as u64)?;
                    ItemValue::Made(PayloadBytes::Owned(value.into()))
                }
            };
            let key = batch.contents.bytes(operation.key);
            let hash = Space::System.hash(key);
            let item = Item { key: ItemKey::System(key), hash, value, deadline: None };
            plan.take(item, self.core.identity.alignment.bytes());
            check_entries(plan, batch)?;
        }
        plan.previous = outcome.previous;
        Ok(())
    }

    fn check_length(&self, length: u64) -> Result<()> {
        let limit = self.core.options.value_bytes_max;
        if length <= limit {
            return Ok(());
        }
        let text = format!(
            "the length in bytes of a system entry made of the outcome is {length}, and the limit is {limit}; nothing was written"
        );
        Err(Error::new(ErrorKind::InvalidInput, text))
    }
}
