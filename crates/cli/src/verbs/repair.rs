//! `repair`: what is good of a damaged store, as a new one.
//!
//! The damaged store is only read. Whatever is not in the new one is said, place by place.

use std::path::Path;
use std::time::{Duration, Instant};

use pentad_engine::{ErrorKind, Options, RepairReport, Skipped};
use serde_json::{Map, Value, json};

use super::verify::{damage_line, damage_object};
use crate::args::{Global, RepairArgs};
use crate::error::{Failure, Result, not_there};
use crate::human;
use crate::interrupt;
use crate::json::insert_bytes;
use crate::output::Output;
use crate::progress::Progress;

/// Makes the new store; fails when it does not have everything.
pub(crate) fn run(global: &Global, arguments: &RepairArgs) -> Result<()> {
    let path = global.store()?;
    let begun = Instant::now();
    interrupt::watch()?;
    let progress = Progress::new("repairing", Some(0));
    let report = pentad_engine::repair(path, &arguments.new, &Options::new(), &mut |done| {
        progress.set(done.done_bytes, done.total_bytes);
        interrupt::flow()
    });
    progress.clear();
    let report = report.map_err(|error| match error.kind() {
        ErrorKind::Cancelled => {
            Failure::Interrupted.after(format!("{} was not made", arguments.new.display()))
        }
        ErrorKind::InvalidInput => Failure::Refused(error.to_string()),
        _ => not_there(error),
    })?;
    let mut output = Output::new();
    if global.json {
        output.json(&object(&report, begun.elapsed(), &arguments.new))?;
    } else {
        for line in lines(&report) {
            output.line(&line)?;
        }
        output.line(&summary(&report, begun.elapsed(), &arguments.new))?;
    }
    output.finish()?;
    if report.is_complete() { Ok(()) } else { Err(incomplete(&report, path)) }
}

fn lines(report: &RepairReport) -> impl Iterator<Item = String> {
    let skipped = report.skipped.iter().map(skipped_line);
    skipped.chain(report.left_out.iter().map(|damage| damage_line("left out", damage)))
}

fn skipped_line(skipped: &Skipped) -> String {
    let label = if skipped.made_up_for { "made up for" } else { "skipped" };
    let mut line = format!("{label}: {} offset {}", skipped.file.display(), skipped.offset);
    if let Some(frames) = &skipped.frames {
        match frames.end().0 - frames.start().0 {
            0 => line.push_str(&format!(" frame {}", frames.start())),
            _ => line.push_str(&format!(" frames {} to {}", frames.start(), frames.end())),
        }
    }
    if let Some(sequence) = skipped.sequence {
        line.push_str(&format!(" sequence {sequence}"));
    }
    format!("{line}: {}", skipped.what)
}

fn summary(report: &RepairReport, time: Duration, new: &Path) -> String {
    format!(
        "repaired: {} ({}) in {}, {}; sequences begin anew",
        human::counted(report.entries, "entry", "entries"),
        human::bytes(report.bytes),
        new.display(),
        human::duration(time),
    )
}

fn incomplete(report: &RepairReport, path: &Path) -> Failure {
    let places = report.skipped.iter().filter(|skipped| !skipped.made_up_for).count() as u64;
    let entries = human::counted(report.left_out.len() as u64, "entry", "entries");
    let path = path.display();
    Failure::Damage(match places {
        0 => format!("{entries} of {path} left out; everything else is in the new store"),
        _ => format!(
            "{} of {path} skipped and {entries} left out; values in the new store may be older than what was \
             acknowledged, and deleted keys may be back",
            human::counted(places, "place", "places")
        ),
    })
}

fn object(report: &RepairReport, time: Duration, new: &Path) -> Value {
    let mut object = Map::new();
    object.insert("entries".to_owned(), report.entries.into());
    object.insert("bytes".to_owned(), report.bytes.into());
    object.insert("streams".to_owned(), report.streams.into());
    object.insert("seconds".to_owned(), json!(time.as_secs_f64()));
    object.insert("complete".to_owned(), report.is_complete().into());
    insert_bytes(&mut object, "store", new.as_os_str().as_encoded_bytes());
    object.insert("skipped".to_owned(), report.skipped.iter().map(skipped_object).collect());
    let left_out = report.left_out.iter().map(|damage| Value::from(damage_object(damage)));
    object.insert("left_out".to_owned(), left_out.collect());
    object.into()
}

fn skipped_object(skipped: &Skipped) -> Value {
    let frames = skipped.frames.as_ref();
    let mut object = Map::new();
    insert_bytes(&mut object, "file", skipped.file.as_os_str().as_encoded_bytes());
    object.insert("offset".to_owned(), skipped.offset.into());
    object.insert("first_frame".to_owned(), frames.map(|frames| frames.start().0).into());
    object.insert("last_frame".to_owned(), frames.map(|frames| frames.end().0).into());
    object.insert("sequence".to_owned(), skipped.sequence.map(u64::from).into());
    object.insert("made_up_for".to_owned(), skipped.made_up_for.into());
    object.insert("what".to_owned(), skipped.what.clone().into());
    object.into()
}
