//! `log`: the commits that are retained, oldest first, those too that changed nothing in the keyspace that is looked at.

use serde_json::{Map, Value, json};

use crate::args::{AsOf, Global, LogArgs, Reading};
use crate::error::Result;
use crate::escape::escape;
use crate::human::counted;
use crate::json::insert_bytes;
use crate::output::{Output, warn};
use crate::place::Told;
use crate::session;
use crate::time::rfc3339;

/// Keys that a line shows before it only counts.
const KEYS_SHOWN: usize = 3;

/// Lists commits.
pub(crate) fn run(global: &Global, arguments: &LogArgs) -> Result<()> {
    session::look(global, Reading::default(), AsOf::default(), |place| {
        let Some(oldest) = place.oldest_commit()? else {
            return Ok(());
        };
        let from = arguments.from.unwrap_or(oldest);
        if from < oldest && from > 0 {
            warn(&format!("commits before {oldest} are no longer retained"));
        }
        let mut output = Output::new();
        place.log(from.max(oldest), &mut |commit| {
            if global.json { output.json(&object(&commit)) } else { output.line(&line(&commit)) }
        })?;
        output.finish()
    })
}

fn line(commit: &Told) -> String {
    let changes = counted(commit.changes.len() as u64, "change", "changes");
    let mut line = format!("{}\t{}\t{changes}", commit.sequence, rfc3339(commit.time));
    for (index, change) in commit.changes.iter().take(KEYS_SHOWN).enumerate() {
        line.push(if index == 0 { '\t' } else { ' ' });
        line.push(if change.value.is_some() { '+' } else { '-' });
        line.push_str(&escape(&change.key));
    }
    if commit.changes.len() > KEYS_SHOWN {
        line.push_str(" …");
    }
    line
}

fn object(commit: &Told) -> Value {
    let changes: Vec<_> = commit
        .changes
        .iter()
        .map(|change| {
            let mut object = Map::new();
            insert_bytes(&mut object, "key", &change.key);
            match &change.value {
                Some(value) => {
                    object.insert("op".to_owned(), "put".into());
                    object.insert("bytes".to_owned(), value.len().into());
                }
                None => {
                    object.insert("op".to_owned(), "delete".into());
                }
            }
            Value::from(object)
        })
        .collect();
    json!({
        "sequence": commit.sequence,
        "time": rfc3339(commit.time),
        "time_ns": commit.time.0,
        "changes": changes,
    })
}
