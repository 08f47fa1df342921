//! `incr`: adds to a number.

use pentad_engine::Batch;
use serde_json::json;

use crate::args::{Global, IncrArgs};
use crate::error::Result;
use crate::output::Output;
use crate::session;

/// Adds, and shows the sum.
pub(crate) fn run(global: &Global, arguments: &IncrArgs) -> Result<()> {
    let key = global.bytes("key", &arguments.key)?;
    let outcome = session::create(global, |store| {
        let mut batch = Batch::new();
        batch.increment(&key, arguments.by);
        Ok(store.commit(batch)?)
    })?;
    let sum = outcome.counter.unwrap_or_default();
    let mut output = Output::new();
    if global.json {
        output.json(&json!({ "value": sum, "sequence": outcome.sequence.map(u64::from) }))?;
    } else {
        output.line(&sum.to_string())?;
    }
    output.finish()
}
