//! `del`: deletes keys, all in one commit, and says which were not there.

use std::ffi::OsString;
use std::ops::Bound;

use pentad_engine::{Batch, escape_key};
use serde_json::{Map, Value, json};

use crate::args::{DelArgs, Global};
use crate::error::{Failure, Result};
use crate::human;
use crate::json::insert_bytes;
use crate::output::Output;
use crate::session;

/// Deletes the keys that are there; fails as absent when some were not.
pub(crate) fn run(global: &Global, arguments: &DelArgs) -> Result<()> {
    if arguments.keys.is_empty() {
        return delete_range(global, arguments);
    }
    let keys = arguments.keys.iter().map(|key| global.bytes("key", key)).collect::<Result<Vec<_>>>()?;
    let path = global.store()?;
    session::change(global, |store| {
        // Nobody else writes while the store is open here, so what is absent now is absent at the commit.
        let mut absent = Vec::new();
        let mut batch = Batch::new();
        for key in &keys {
            if store.contains_key(key)? {
                batch.delete(key);
            } else {
                absent.push(key);
            }
        }
        let outcome = if batch.is_empty() { None } else { Some(store.commit(batch)?) };
        if global.json {
            let rows: Vec<_> = absent
                .iter()
                .map(|key| {
                    let mut row = Map::new();
                    insert_bytes(&mut row, "key", key);
                    Value::from(row)
                })
                .collect();
            let deleted = outcome.as_ref().map_or(0, |outcome| outcome.deleted);
            let sequence = outcome.and_then(|outcome| outcome.sequence).map(u64::from);
            let mut output = Output::new();
            output.json(&json!({ "deleted": deleted, "absent": rows, "sequence": sequence }))?;
            output.finish()?;
        }
        if absent.is_empty() {
            return Ok(());
        }
        let shown: Vec<_> = absent.iter().map(|key| escape_key(key)).collect();
        let what = if shown.len() == 1 { "is no key" } else { "are no keys" };
        Err(Failure::Absent(format!("there {what} {} in {}", shown.join(", "), path.display())))
    })
}

/// Deletes all that the options leave, and says how much that was.
fn delete_range(global: &Global, arguments: &DelArgs) -> Result<()> {
    let bytes = |what: &str, argument: &Option<OsString>| -> Result<Option<Vec<u8>>> {
        argument.as_deref().map(|argument| global.bytes(what, argument)).transpose()
    };
    let mut batch = Batch::new();
    match bytes("--prefix", &arguments.prefix)? {
        Some(prefix) => batch.delete_prefix(prefix),
        None => {
            let from = bytes("--from", &arguments.from)?.map_or(Bound::Unbounded, Bound::Included);
            let to = bytes("--to", &arguments.to)?.map_or(Bound::Unbounded, Bound::Included);
            batch.delete_range::<Vec<u8>>((from, to))
        }
    };
    let outcome = session::change(global, |store| Ok(store.commit(batch)?))?;
    let mut output = Output::new();
    if global.json {
        let sequence = outcome.sequence.map(u64::from);
        output.json(&json!({ "deleted": outcome.deleted, "absent": [], "sequence": sequence }))?;
    } else {
        output.line(&format!("deleted {}", human::counted(outcome.deleted, "key", "keys")))?;
    }
    output.finish()
}
