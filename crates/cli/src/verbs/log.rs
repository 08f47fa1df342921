//! `log`: the commits that are retained, oldest first.

use pentad_engine::{CommitRecord, Sequence};
use serde_json::{Map, Value, json};

use crate::args::{Global, LogArgs, Reading};
use crate::error::Result;
use crate::escape::escape;
use crate::human::counted;
use crate::json::insert_bytes;
use crate::output::{Output, warn};
use crate::session;
use crate::time::rfc3339;

/// Keys that a line shows before it only counts.
const KEYS_SHOWN: usize = 3;

/// Lists commits.
pub(crate) fn run(global: &Global, arguments: &LogArgs) -> Result<()> {
    session::read(global, Reading::default(), |store| {
        let Some(oldest) = store.oldest_batch() else {
            return Ok(());
        };
        let from = arguments.from.map_or(oldest, Sequence);
        if from < oldest && from > Sequence(0) {
            warn(&format!("commits before {oldest} are no longer retained"));
        }
        let mut output = Output::new();
        for commit in store.commits(from.max(oldest))? {
            let commit = commit?;
            if global.json {
                output.json(&object(&commit))?;
            } else {
                output.line(&line(&commit))?;
            }
        }
        output.finish()
    })
}

fn line(commit: &CommitRecord) -> String {
    let changes = counted(commit.changes.len() as u64, "change", "changes");
    let mut line = format!("{}\t{}\t{changes}", commit.sequence, rfc3339(commit.time));
    for (index, (key, value)) in commit.changes.iter().take(KEYS_SHOWN).enumerate() {
        line.push(if index == 0 { '\t' } else { ' ' });
        line.push(if value.is_some() { '+' } else { '-' });
        line.push_str(&escape(key));
    }
    if commit.changes.len() > KEYS_SHOWN {
        line.push_str(" …");
    }
    line
}

fn object(commit: &CommitRecord) -> Value {
    let changes: Vec<_> = commit
        .changes
        .iter()
        .map(|(key, value)| {
            let mut change = Map::new();
            insert_bytes(&mut change, "key", key);
            match value {
                Some(value) => {
                    change.insert("op".to_owned(), "put".into());
                    change.insert("bytes".to_owned(), value.len().into());
                }
                None => {
                    change.insert("op".to_owned(), "delete".into());
                }
            }
            Value::from(change)
        })
        .collect();
    json!({
        "sequence": commit.sequence.0,
        "time": rfc3339(commit.time),
        "time_ns": commit.time.0,
        "changes": changes,
    })
}
