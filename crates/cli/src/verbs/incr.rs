//! `incr`: adds to a number.

use serde_json::json;

use crate::args::{Global, IncrArgs};
use crate::error::Result;
use crate::output::Output;
use crate::place::Change;
use crate::session;

/// Adds, and shows the sum.
pub(crate) fn run(global: &Global, arguments: &IncrArgs) -> Result<()> {
    let key = global.bytes("key", &arguments.key)?;
    let done = session::alter_or_create(global, |place| {
        let mut changes = place.changes();
        changes.add(Change::Increment { key: key.as_slice().into(), by: arguments.by });
        changes.commit()
    })?;
    let sum = done.counter.unwrap_or_default();
    let mut output = Output::new();
    if global.json {
        output.json(&json!({ "value": sum, "sequence": done.sequence }))?;
    } else {
        output.line(&sum.to_string())?;
    }
    output.finish()
}
