//! `expire`: when an entry ends, its value left as it is.

use pentad_engine::{Batch, Expiry, escape_key};
use serde_json::json;

use crate::args::{ExpireArgs, Global};
use crate::error::{Failure, Result};
use crate::output::Output;
use crate::session;

/// Sets the time to live, or takes it away.
pub(crate) fn run(global: &Global, arguments: &ExpireArgs) -> Result<()> {
    let key = global.bytes("key", &arguments.key)?;
    let path = global.store()?;
    let outcome = session::change(global, |store| {
        let mut batch = Batch::new();
        batch.set_expiry(&key, arguments.ttl.map_or(Expiry::Never, Expiry::After));
        Ok(store.commit(batch)?)
    })?;
    if outcome.renewed == 0 {
        return Err(Failure::Absent(format!("there is no key {} in {}", escape_key(&key), path.display())));
    }
    let mut output = Output::new();
    if global.json {
        output.json(&json!({ "sequence": outcome.sequence.map(u64::from) }))?;
    }
    output.finish()
}
