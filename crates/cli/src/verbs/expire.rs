//! `expire`: when an entry ends, its value left as it is.

use pentad_engine::{Expiry, escape_key};
use serde_json::json;

use crate::args::{ExpireArgs, Global};
use crate::error::{Failure, Result};
use crate::output::Output;
use crate::place::Change;
use crate::session;

/// Sets the time to live, or takes it away.
pub(crate) fn run(global: &Global, arguments: &ExpireArgs) -> Result<()> {
    let key = global.bytes("key", &arguments.key)?;
    let done = session::alter(global, |place| {
        let mut changes = place.changes();
        let expiry = arguments.ttl.map_or(Expiry::Never, Expiry::After);
        changes.add(Change::SetExpiry { key: key.as_slice().into(), expiry });
        match changes.commit()? {
            done if done.renewed > 0 => Ok(done),
            _ => Err(Failure::Absent(format!("there is no key {} in {}", escape_key(&key), place.name()))),
        }
    })?;
    let mut output = Output::new();
    if global.json {
        output.json(&json!({ "sequence": done.sequence }))?;
    }
    output.finish()
}
