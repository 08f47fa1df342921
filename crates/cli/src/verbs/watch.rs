//! `watch`: what has changed, commit by commit.
//!
//! Invariant: a commit is told once, and only with changes of watched keys. The store is open for reading only, so the stream ends
//! with the last commit.

use pentad_engine::{Sequence, Store, WatchEvent, WatchFilter, WatchedChange, WatchedCommit};
use serde_json::{Map, Value, json};

use crate::args::{Global, Reading, WatchArgs};
use crate::error::Result;
use crate::escape::escape_into;
use crate::json::insert_bytes;
use crate::output::Output;
use crate::session;
use crate::time::rfc3339;

/// Tells the commits.
pub(crate) fn run(global: &Global, arguments: &WatchArgs) -> Result<()> {
    let filter = match (&arguments.key, &arguments.prefix) {
        (Some(key), _) => WatchFilter::key(global.bytes("--key", key)?),
        (None, Some(prefix)) => WatchFilter::prefix(global.bytes("--prefix", prefix)?),
        (None, None) => WatchFilter::All,
    };
    if arguments.previous {
        return session::read_whole(global, |store| tell(global, arguments, store, filter));
    }
    session::read(global, Reading::default(), |store| tell(global, arguments, store, filter))
}

fn tell(global: &Global, arguments: &WatchArgs, store: &Store, filter: WatchFilter) -> Result<()> {
    let from = arguments.from.map(Sequence).or(store.oldest_batch());
    let mut watch = store.watch(filter, from)?;
    if arguments.previous {
        watch = watch.with_previous();
    }
    let limit = arguments.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut output = Output::new();
    for event in watch.take(limit) {
        // Nothing expires in a store that is only read.
        let WatchEvent::Commit(commit) = event? else { continue };
        if global.json {
            output.json(&object(&commit, arguments.previous))?;
        } else {
            for change in &commit.changes {
                output.line(&line(commit.sequence, change, arguments.previous))?;
            }
        }
    }
    output.finish()
}

/// `sequence, put, key, value` or `sequence, delete, key`, and `was` with the previous value, between tabs.
fn line(sequence: Sequence, change: &WatchedChange, with_previous: bool) -> String {
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

fn object(commit: &WatchedCommit, with_previous: bool) -> Value {
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
        "sequence": commit.sequence.0,
        "time": rfc3339(commit.time),
        "time_ns": commit.time.0,
        "changes": changes,
    })
}
