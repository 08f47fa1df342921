//! `watch`: what has changed, commit by commit.
//!
//! Invariant: a commit is told once, and only with changes of watched keys. A store in a directory is open for reading only, so its
//! stream ends with the last commit; that of a cluster goes on until the limit, or for ever.

use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use crate::args::{AsOf, Global, Reading, WatchArgs};
use crate::error::Result;
use crate::escape::escape_into;
use crate::json::insert_bytes;
use crate::output::Output;
use crate::place::{Look, Told, ToldChange, WatchWanted};
use crate::session;
use crate::time::rfc3339;

/// Tells the commits.
pub(crate) fn run(global: &Global, arguments: &WatchArgs) -> Result<()> {
    let bytes = |what: &str, argument: &Option<_>| -> Result<Option<Vec<u8>>> {
        argument.as_deref().map(|argument| global.bytes(what, argument)).transpose()
    };
    let wanted = WatchWanted {
        key: bytes("--key", &arguments.key)?,
        prefix: bytes("--prefix", &arguments.prefix)?,
        from: arguments.from,
        previous: arguments.previous,
    };
    if arguments.previous {
        return session::look_back(global, |place| tell(global, arguments, place, &wanted));
    }
    session::look(global, Reading::default(), AsOf::default(), |place| {
        tell(global, arguments, place, &wanted)
    })
}

fn tell(global: &Global, arguments: &WatchArgs, place: &dyn Look, wanted: &WatchWanted) -> Result<()> {
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    let mut output = Output::new();
    if left > 0 {
        place.watch(wanted, &mut |commit| {
            if global.json {
                output.json(&object(&commit, arguments.previous))?;
            } else {
                for change in &commit.changes {
                    output.line(&line(commit.sequence, change, arguments.previous))?;
                }
            }
            if place.directory().is_none() {
                // The next commit may be long in coming.
                output.flush()?;
            }
            left -= 1;
            Ok(if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
    }
    output.finish()
}

/// `sequence, put, key, value` or `sequence, delete, key`, and `was` with the previous value, between tabs.
fn line(sequence: u64, change: &ToldChange, with_previous: bool) -> String {
    let mut line = format!("{sequence}\t{}\t", if change.value.is_some() { "put" } else { "delete" });
    escape_into(&change.key, &mut line);
    if let Some(value) = &change.value {
        line.push('\t');
        escape_into(value, &mut line);
    }
    if let Some(previous) = change.previous.as_ref().filter(|_| with_previous) {
        line.push_str("\twas\t");
        escape_into(previous, &mut line);
    }
    line
}

fn object(commit: &Told, with_previous: bool) -> Value {
    let changes: Vec<Value> = commit
        .changes
        .iter()
        .map(|change| {
            let mut object = Map::new();
            object.insert("op".to_owned(), if change.value.is_some() { "put" } else { "delete" }.into());
            insert_bytes(&mut object, "key", &change.key);
            if let Some(value) = &change.value {
                insert_bytes(&mut object, "value", value);
            }
            if let Some(deadline) = change.deadline {
                object.insert("expires_ns".to_owned(), deadline.0.into());
            }
            match &change.previous {
                _ if !with_previous => {}
                Some(previous) => insert_bytes(&mut object, "previous", previous),
                None => drop(object.insert("previous".to_owned(), Value::Null)),
            }
            object.into()
        })
        .collect();
    json!({
        "sequence": commit.sequence,
        "time": rfc3339(commit.time),
        "time_ns": commit.time.0,
        "changes": changes,
    })
}
