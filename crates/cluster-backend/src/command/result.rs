//! What became of a batch, as a message.

use pentad_client::wire::{Previous, WriteResult};
use pentad_engine::Outcome;

/// The result of a write. It holds nothing that differs between nodes; the tail of the log, which does, is left out.
pub(crate) fn write_result(outcome: &Outcome) -> WriteResult {
    WriteResult {
        applied: outcome.applied,
        sequence: outcome.sequence.map(u64::from),
        deleted: outcome.deleted,
        counter: outcome.counter,
        renewed: outcome.renewed,
        previous: outcome.previous.iter().map(|value| Previous { value: value.clone() }).collect(),
    }
}
