//! `del`: deletes keys, all in one commit, and says which were not there.

use pentad_engine::{Batch, escape_key};
use serde_json::{Map, Value, json};

use crate::args::{DelArgs, Global};
use crate::error::{Failure, Result};
use crate::json::insert_bytes;
use crate::output::Output;
use crate::session;

/// Deletes the keys that are there; fails as absent when some were not.
pub(crate) fn run(global: &Global, arguments: &DelArgs) -> Result<()> {
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
