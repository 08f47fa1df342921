//! `backup` and `backups`: taking a backup of the store, and listing those that there are.

use pentad_engine::{BackupInfo, BackupReport, Backups, ErrorKind};
use serde_json::{Map, Value};

use crate::args::{BackupArgs, BackupsArgs, Global, Reading};
use crate::error::{Failure, Result};
use crate::human;
use crate::interrupt;
use crate::output::Output;
use crate::progress::Progress;
use crate::session;
use crate::time::rfc3339;

/// Takes a backup; gives up old ones if that was asked for.
pub(crate) fn take(global: &Global, arguments: &BackupArgs) -> Result<()> {
    interrupt::watch()?;
    let progress = Progress::new("backing up", Some(0));
    let taken = session::read(global, Reading::default(), |store| {
        let taken = store.backup(&arguments.to, &mut |done| {
            progress.set(done.done_bytes, done.total_bytes);
            interrupt::flow()
        });
        progress.clear();
        taken.map_err(|error| match error.kind() {
            ErrorKind::Cancelled => Failure::Interrupted.after("no backup was made".to_owned()),
            _ => refusal(error),
        })
    })?;
    let given_up = match arguments.keep {
        None => 0,
        Some(count) => {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            Backups::open(&arguments.to).and_then(|backups| backups.keep_newest(count)).map_err(refusal)?
        }
    };
    let mut output = Output::new();
    if global.json {
        output.json(&taken_object(&taken, given_up))?;
    } else {
        output.line(&taken_line(&taken, given_up))?;
    }
    output.finish()
}

/// Lists the backups.
pub(crate) fn list(global: &Global, arguments: &BackupsArgs) -> Result<()> {
    global.check_no_endpoints()?;
    let backups = Backups::open(&arguments.from).and_then(|backups| backups.list()).map_err(refusal)?;
    let mut output = Output::new();
    for backup in &backups {
        if global.json {
            output.json(&object(backup).into())?;
        } else {
            output.line(&line(backup))?;
        }
    }
    output.finish()
}

/// An error of backups in the terms of the exit codes: what the arguments name cannot be used, or the machine refused.
pub(super) fn refusal(error: pentad_engine::Error) -> Failure {
    match error.kind() {
        ErrorKind::InvalidInput | ErrorKind::StoreNotFound | ErrorKind::NotAStore => {
            Failure::Refused(error.to_string())
        }
        _ => error.into(),
    }
}

fn taken_line(taken: &BackupReport, given_up: usize) -> String {
    let BackupReport { backup, copied, copied_bytes, linked, reused, .. } = taken;
    let mut line = format!(
        "backup {}: up to commit {}, {} in {}: {} copied ({}), {} linked, {} from earlier backups",
        backup.number,
        backup.sequence,
        human::bytes(backup.bytes),
        human::counted(backup.files, "file", "files"),
        human::count(*copied),
        human::bytes(*copied_bytes),
        human::count(*linked),
        human::count(*reused),
    );
    if given_up > 0 {
        line.push_str(&format!("; gave up {}", human::counted(given_up as u64, "old backup", "old backups")));
    }
    line
}

/// A backup as a line of a list.
pub(super) fn line(backup: &BackupInfo) -> String {
    format!(
        "{}\t{}\tcommit {}\t{}\t{}",
        backup.number,
        rfc3339(backup.taken),
        backup.sequence,
        human::counted(backup.files, "file", "files"),
        human::bytes(backup.bytes),
    )
}

/// A backup as the fields of a JSON object.
pub(super) fn object(backup: &BackupInfo) -> Map<String, Value> {
    let fields = [
        ("number", Value::from(backup.number)),
        ("sequence", u64::from(backup.sequence).into()),
        ("oldest", u64::from(backup.oldest).into()),
        ("taken", rfc3339(backup.taken).into()),
        ("files", backup.files.into()),
        ("bytes", backup.bytes.into()),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn taken_object(taken: &BackupReport, given_up: usize) -> Value {
    let mut object = object(&taken.backup);
    for (name, value) in [
        ("copied", taken.copied),
        ("copied_bytes", taken.copied_bytes),
        ("linked", taken.linked),
        ("reused", taken.reused),
        ("given_up", given_up as u64),
    ] {
        object.insert(name.to_owned(), value.into());
    }
    object.into()
}
