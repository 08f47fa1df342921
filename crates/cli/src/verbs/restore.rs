//! `restore`: a new store, made of a backup.

use std::time::Instant;

use pentad_engine::{Backups, ErrorKind, RestoreReport};
use serde_json::{Value, json};

use super::backup::{object, refusal};
use super::verify::{damage_line, damage_object};
use crate::args::{Global, RestoreArgs};
use crate::error::{Failure, Result};
use crate::human;
use crate::interrupt;
use crate::output::Output;
use crate::progress::Progress;

/// Makes the store; fails when what it is made of is damaged.
pub(crate) fn run(global: &Global, arguments: &RestoreArgs) -> Result<()> {
    let path = global.store()?;
    let begun = Instant::now();
    interrupt::watch()?;
    let backups = Backups::open(&arguments.from).map_err(refusal)?;
    let progress = Progress::new("restoring", Some(0));
    let mut tell = |done: pentad_engine::Progress| {
        progress.set(done.done_bytes, done.total_bytes);
        interrupt::flow()
    };
    let report = if arguments.damaged {
        backups.restore_damaged(arguments.number, path, &mut tell)
    } else {
        backups.restore(arguments.number, path, &mut tell)
    };
    progress.clear();
    let report = report.map_err(|error| match error.kind() {
        ErrorKind::Cancelled => Failure::Interrupted.after(format!("{} was not made", path.display())),
        ErrorKind::Damaged => Failure::Damage(error.to_string()),
        _ => refusal(error),
    })?;
    let RestoreReport { backup, entries, damage, .. } = &report;
    let mut output = Output::new();
    if global.json {
        let mut object = object(backup);
        object.insert("entries".to_owned(), (*entries).into());
        object.insert("seconds".to_owned(), json!(begun.elapsed().as_secs_f64()));
        let damage = damage.iter().map(|damage| Value::from(damage_object(damage)));
        object.insert("damage".to_owned(), damage.collect());
        output.json(&object.into())?;
    } else {
        for damage in damage {
            output.line(&damage_line("damaged", damage))?;
        }
        output.line(&format!(
            "restored: backup {}, up to commit {}, {} ({}) in {}, {}",
            backup.number,
            backup.sequence,
            human::counted(*entries, "entry", "entries"),
            human::bytes(backup.bytes),
            path.display(),
            human::duration(begun.elapsed()),
        ))?;
    }
    output.finish()?;
    match damage.len() as u64 {
        0 => Ok(()),
        places => Err(Failure::Damage(format!(
            "{} is damaged in {}; `pentad repair` copies the rest into a new store",
            path.display(),
            human::counted(places, "place", "places")
        ))),
    }
}
