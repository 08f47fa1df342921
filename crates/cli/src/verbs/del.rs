//! `del`: deletes keys, all in one commit, and says which were not there.

use std::ffi::OsString;
use std::ops::Bound;

use pentad_engine::escape_key;
use serde_json::{Map, Value, json};

use crate::args::{DelArgs, Global};
use crate::error::{Failure, Result};
use crate::human;
use crate::json::insert_bytes;
use crate::output::Output;
use crate::place::Change;
use crate::session;

/// Deletes the keys that are there; fails as absent when some were not.
pub(crate) fn run(global: &Global, arguments: &DelArgs) -> Result<()> {
    if arguments.keys.is_empty() {
        return delete_range(global, arguments);
    }
    let keys = arguments.keys.iter().map(|key| global.bytes("key", key)).collect::<Result<Vec<_>>>()?;
    session::alter(global, |place| {
        // Nobody else writes while a store is open here, so what is absent now is absent at the commit; in a cluster it was
        // absent a moment before.
        let mut absent = Vec::new();
        let mut changes = place.changes();
        for key in &keys {
            if place.contains(key)? {
                changes.add(Change::Delete { key: key.into() });
            } else {
                absent.push(key);
            }
        }
        let done = if changes.len() == 0 { None } else { Some(changes.commit()?) };
        if global.json {
            let rows: Vec<_> = absent
                .iter()
                .map(|key| {
                    let mut row = Map::new();
                    insert_bytes(&mut row, "key", key);
                    Value::from(row)
                })
                .collect();
            let deleted = done.map_or(0, |done| done.deleted);
            let sequence = done.and_then(|done| done.sequence);
            let mut output = Output::new();
            output.json(&json!({ "deleted": deleted, "absent": rows, "sequence": sequence }))?;
            output.finish()?;
        }
        if absent.is_empty() {
            return Ok(());
        }
        let shown: Vec<_> = absent.iter().map(|key| escape_key(key)).collect();
        let what = if shown.len() == 1 { "is no key" } else { "are no keys" };
        Err(Failure::Absent(format!("there {what} {} in {}", shown.join(", "), place.name())))
    })
}

/// Deletes all that the options leave, and says how much that was.
fn delete_range(global: &Global, arguments: &DelArgs) -> Result<()> {
    let bytes = |what: &str, argument: &Option<OsString>| -> Result<Option<Vec<u8>>> {
        argument.as_deref().map(|argument| global.bytes(what, argument)).transpose()
    };
    let change = match bytes("--prefix", &arguments.prefix)? {
        Some(prefix) => Change::DeletePrefix { prefix: prefix.into() },
        None => {
            let from = bytes("--from", &arguments.from)?.map_or(Bound::Unbounded, Bound::Included);
            let to = bytes("--to", &arguments.to)?.map_or(Bound::Unbounded, Bound::Included);
            Change::DeleteRange { bounds: (from, to) }
        }
    };
    let done = session::alter(global, |place| {
        let mut changes = place.changes();
        changes.add(change);
        changes.commit()
    })?;
    let mut output = Output::new();
    if global.json {
        output.json(&json!({ "deleted": done.deleted, "absent": [], "sequence": done.sequence }))?;
    } else {
        output.line(&format!("deleted {}", human::counted(done.deleted, "key", "keys")))?;
    }
    output.finish()
}
