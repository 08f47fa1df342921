//! `verify`: reads everything, also of a store that refuses to open, and says what does not check.

use std::path::Path;
use std::time::{Duration, Instant};

use pentad_engine::{Damage, ErrorKind, Options, TornTail, VerifyReport, escape_key};
use serde_json::{Map, Value, json};

use crate::args::Global;
use crate::error::{Failure, Result, not_there};
use crate::human;
use crate::interrupt;
use crate::json::insert_bytes;
use crate::output::Output;
use crate::progress::Progress;

/// Verifies the store; fails when there is damage.
pub(crate) fn run(global: &Global) -> Result<()> {
    let path = global.store()?;
    let begun = Instant::now();
    interrupt::watch()?;
    let progress = Progress::new("verifying", Some(0));
    let report = pentad_engine::verify(path, &Options::new(), &mut |done| {
        progress.set(done.done_bytes, done.total_bytes);
        interrupt::flow()
    });
    progress.clear();
    let report = report.map_err(|error| match error.kind() {
        ErrorKind::Cancelled => Failure::Interrupted.after("not everything was read".to_owned()),
        _ => not_there(error),
    })?;
    let mut output = Output::new();
    if global.json {
        output.json(&object(&report))?;
    } else {
        print(&report, begun.elapsed(), &mut output)?;
    }
    output.finish()?;
    match report.damage.len() as u64 {
        0 => Ok(()),
        places => Err(damaged(path, places)),
    }
}

fn damaged(path: &Path, places: u64) -> Failure {
    Failure::Damage(format!(
        "{} is damaged in {}; nothing was changed; `pentad repair` copies the rest into a new store",
        path.display(),
        human::counted(places, "place", "places")
    ))
}

fn print(report: &VerifyReport, time: Duration, output: &mut Output) -> Result<()> {
    for damage in &report.damage {
        output.line(&damage_line("damaged", damage))?;
    }
    if let Some(TornTail { file, offset, bytes }) = &report.torn_tail {
        output.line(&format!(
            "torn tail: {} offset {offset}: {} of an unfinished write, never acknowledged; the next writer drops them",
            file.display(),
            human::counted(*bytes, "byte", "bytes"),
        ))?;
    }
    let verdict = if report.damage.is_empty() { "sound" } else { "read" };
    output.line(&format!(
        "{verdict}: {} in {} and {}, {} in {}",
        human::counted(report.entries, "entry", "entries"),
        human::counted(report.frames, "frame", "frames"),
        human::counted(report.segments, "segment", "segments"),
        human::bytes(report.bytes),
        human::duration(time),
    ))
}

/// A place as a line that begins with `label`.
pub(super) fn damage_line(label: &str, damage: &Damage) -> String {
    let mut line = format!("{label}: {} offset {}", damage.file.display(), damage.offset);
    if let Some(sequence) = damage.sequence {
        line.push_str(&format!(" sequence {sequence}"));
    }
    if let Some(key) = &damage.key {
        line.push_str(&format!(" key {}", escape_key(key)));
    }
    format!("{line}: {}", damage.what)
}

fn object(report: &VerifyReport) -> Value {
    let torn_tail = report.torn_tail.as_ref().map(|tail| {
        let mut object = Map::new();
        insert_bytes(&mut object, "file", tail.file.as_os_str().as_encoded_bytes());
        object.insert("offset".to_owned(), tail.offset.into());
        object.insert("bytes".to_owned(), tail.bytes.into());
        object
    });
    let damage: Vec<_> = report.damage.iter().map(damage_object).collect();
    json!({
        "segments": report.segments,
        "frames": report.frames,
        "entries": report.entries,
        "bytes": report.bytes,
        "torn_tail": torn_tail,
        "damage": damage,
    })
}

pub(super) fn damage_object(damage: &Damage) -> Map<String, Value> {
    let mut object = Map::new();
    insert_bytes(&mut object, "file", damage.file.as_os_str().as_encoded_bytes());
    object.insert("offset".to_owned(), damage.offset.into());
    object.insert("sequence".to_owned(), damage.sequence.map(u64::from).into());
    match &damage.key {
        Some(key) => insert_bytes(&mut object, "key", key),
        None => {
            object.insert("key".to_owned(), Value::Null);
        }
    }
    object.insert("what".to_owned(), damage.what.clone().into());
    object
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use pentad_engine::Sequence;

    use super::*;

    fn damage() -> Damage {
        Damage {
            file: "demo/0001.log".into(),
            offset: 4096,
            sequence: Some(Sequence(7)),
            key: Some(Bytes::from_static(b"k\xff")),
            what: "the payload does not match its checksum".to_owned(),
        }
    }

    #[test]
    fn f03_damage_is_named_by_file_offset_sequence_and_key() {
        insta::assert_snapshot!(
            damage_line("damaged", &damage()),
            @r#"damaged: demo/0001.log offset 4096 sequence 7 key "k\xff": the payload does not match its checksum"#
        );
        let nameless = Damage { sequence: None, key: None, ..damage() };
        insta::assert_snapshot!(
            damage_line("damaged", &nameless),
            @"damaged: demo/0001.log offset 4096: the payload does not match its checksum"
        );
    }

    #[test]
    fn the_json_report_keeps_its_schema() {
        let torn_tail = Some(TornTail { file: "demo/0002.log".into(), offset: 64, bytes: 312 });
        let report = VerifyReport {
            segments: 2,
            frames: 9,
            entries: 8,
            bytes: 5000,
            torn_tail,
            damage: vec![damage(), Damage { sequence: None, key: None, ..damage() }],
        };
        insta::assert_snapshot!(format!("{:#}", object(&report)));
    }
}
