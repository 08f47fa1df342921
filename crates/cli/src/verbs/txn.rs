//! `txn`: conditions and changes, all in one commit.

mod parse;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use serde_json::json;

use self::parse::{Step, steps_of};
use crate::args::{Global, TxnArgs};
use crate::error::{Failure, Result};
use crate::human;
use crate::output::Output;
use crate::session;

/// Commits what the file says; fails as unmet when a condition does not hold.
pub(crate) fn run(global: &Global, arguments: &TxnArgs) -> Result<()> {
    let text = read(&arguments.path)?;
    let steps = steps_of(&text).map_err(|(line, what)| {
        Failure::Input(format!("{} line {line}: {what}; nothing was changed", shown(&arguments.path)))
    })?;
    let outcome = session::alter_or_create(global, |place| {
        let mut changes = place.changes();
        for step in steps {
            match step {
                Step::If(key, expect) => changes.require(&key, expect),
                Step::Then(change) => changes.add(change),
            }
        }
        changes.commit()
    })?;
    let mut output = Output::new();
    if global.json {
        output.json(&json!({
            "applied": outcome.applied,
            "sequence": outcome.sequence,
            "deleted": outcome.deleted,
            "renewed": outcome.renewed,
            "counter": outcome.counter,
        }))?;
    } else if let Some(sequence) = outcome.sequence {
        let deleted = match outcome.deleted {
            0 => String::new(),
            deleted => format!(", {} deleted", human::counted(deleted, "key", "keys")),
        };
        output.line(&format!("applied as commit {sequence}{deleted}"))?;
    } else if outcome.applied {
        output.line("applied; there was nothing to change")?;
    }
    output.finish()?;
    if outcome.applied {
        Ok(())
    } else {
        Err(Failure::Unmet("a condition does not hold; nothing was changed".to_owned()))
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().read_to_end(&mut text)
    } else {
        File::open(path).and_then(|file| BufReader::new(file).read_to_end(&mut text))
    };
    match read {
        Ok(_) => Ok(text),
        Err(error) => Err(Failure::io("read", Path::new(&shown(path)), error)),
    }
}

fn shown(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}
