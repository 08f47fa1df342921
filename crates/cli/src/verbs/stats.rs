//! `stats`: how big the store is.
//!
//! The counters that begin at zero with every open (commits, groups, syncs) say nothing about a store that was opened
//! for this command, and are left out.

use pentad_engine::{ScrubStats, Sequence, Stats};
use serde_json::{Value, json};

use crate::args::{AsOf, Global, StatsArgs};
use crate::error::Result;
use crate::human;
use crate::output::Output;
use crate::session;
use crate::time::rfc3339;
use crate::verbs::verify::{damage_line, damage_object};

/// Prints the sizes.
pub(crate) fn run(global: &Global, arguments: &StatsArgs) -> Result<()> {
    let (lines, object) = session::look(global, arguments.reading, AsOf::default(), |place| place.stats())?;
    let mut output = Output::new();
    if global.json {
        output.json(&object)?;
    } else {
        for line in lines {
            output.line(&line)?;
        }
    }
    output.finish()
}

/// The sizes of a store for people.
pub(crate) fn lines(stats: &Stats) -> Vec<String> {
    let rows = rows(stats).into_iter().map(|(name, value)| format!("{name:<16}{value}"));
    let findings = stats.scrub.iter().flat_map(|scrub| &scrub.findings);
    rows.chain(findings.map(|damage| damage_line("damaged", damage))).collect()
}

fn rows(stats: &Stats) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("keys", human::count(stats.keys)),
        ("last commit", human::count(stats.sequence.0)),
        ("oldest kept", commit(stats.oldest_batch)),
        ("readable from", commit(stats.oldest_readable)),
        ("on disk", human::bytes(stats.disk_bytes)),
        ("of that reserve", human::bytes(stats.reserve_bytes)),
        ("live", human::bytes(stats.live_bytes)),
        ("of that past", human::bytes(stats.held_bytes)),
        ("dead", human::bytes(stats.dead_bytes)),
        ("in the log", human::bytes(stats.log_bytes)),
        ("compacted", human::bytes(stats.compacted_bytes)),
        ("in streams", human::bytes(stats.stream_bytes)),
        ("segments", human::count(stats.segments)),
        ("streams", human::count(stats.stream_segments)),
        ("index in memory", human::bytes(stats.index_bytes)),
        ("checkpoint", checkpoint_row(stats)),
    ];
    if stats.recovered_tail_bytes > 0 {
        let bytes = human::bytes(stats.recovered_tail_bytes);
        rows.push(("unfinished tail", format!("{bytes}, never acknowledged; the next writer drops them")));
    }
    if let Some(fault) = &stats.namespaces_fault {
        rows.push(("namespaces", fault.clone()));
    }
    if let Some(scrub) = &stats.scrub {
        rows.push(("scrub", scrub_row(scrub)));
    }
    rows
}

fn commit(sequence: Option<Sequence>) -> String {
    sequence.map_or("none".to_owned(), |sequence| human::count(sequence.0))
}

fn checkpoint_row(stats: &Stats) -> String {
    let age = human::bytes(stats.checkpoint_age_bytes);
    let state = match stats.checkpoint_bytes {
        0 => format!("none; an open reads {age}"),
        bytes => format!("{}; an open reads {age} behind it", human::bytes(bytes)),
    };
    match &stats.checkpoint_failure {
        Some(failure) => format!("{state}; the last attempt failed: {failure}"),
        None => state,
    }
}

fn scrub_row(scrub: &ScrubStats) -> String {
    let last = scrub.last_pass.map_or("no whole pass yet".to_owned(), |time| {
        format!(
            "{}, the last ended {}",
            human::counted(scrub.passes, "whole pass", "whole passes"),
            rfc3339(time)
        )
    });
    format!(
        "{} found; {} of {} read; {last}",
        human::counted(scrub.found, "damaged place", "damaged places"),
        human::bytes(scrub.done_bytes),
        human::bytes(scrub.total_bytes),
    )
}

/// The sizes of a store for programs.
pub(crate) fn object(stats: &Stats) -> Value {
    json!({
        "keys": stats.keys,
        "sequence": stats.sequence.0,
        "oldest_batch": stats.oldest_batch.map(u64::from),
        "oldest_readable": stats.oldest_readable.map(u64::from),
        "tail": stats.tail.0,
        "disk_bytes": stats.disk_bytes,
        "reserve_bytes": stats.reserve_bytes,
        "live_bytes": stats.live_bytes,
        "held_bytes": stats.held_bytes,
        "dead_bytes": stats.dead_bytes,
        "hiding_bytes": stats.hiding_bytes,
        "log_bytes": stats.log_bytes,
        "compacted_bytes": stats.compacted_bytes,
        "stream_bytes": stats.stream_bytes,
        "segments": stats.segments,
        "stream_segments": stats.stream_segments,
        "index_bytes": stats.index_bytes,
        "checkpoint_bytes": stats.checkpoint_bytes,
        "checkpoint_age_bytes": stats.checkpoint_age_bytes,
        "checkpoint_failure": stats.checkpoint_failure,
        "unfinished_tail_bytes": stats.recovered_tail_bytes,
        "namespaces_fault": stats.namespaces_fault,
        "scrub": stats.scrub.as_ref().map(scrub_object),
    })
}

fn scrub_object(scrub: &ScrubStats) -> Value {
    let findings: Vec<_> = scrub.findings.iter().map(damage_object).collect();
    json!({
        "bytes_per_second": scrub.bytes_per_second,
        "done_bytes": scrub.done_bytes,
        "total_bytes": scrub.total_bytes,
        "passes": scrub.passes,
        "last_pass_ns": scrub.last_pass.map(|time| time.0),
        "found": scrub.found,
        "findings": findings,
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use pentad_engine::Options;

    use super::*;

    #[test]
    fn f03_what_a_scrub_found_is_in_the_words_and_in_the_json() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("store");
        let store = Options::new().scrub(1 << 30).open(&dir).unwrap();
        store.put("key", "a value").unwrap();
        let mut identity = std::fs::OpenOptions::new().write(true).open(dir.join("identity")).unwrap();
        identity.seek(std::io::SeekFrom::Start(40)).unwrap();
        identity.write_all(b"rot").unwrap();
        let stats = loop {
            let stats = store.stats();
            if stats.scrub.as_ref().is_some_and(|scrub| scrub.passes > 0) {
                break stats;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        };
        let (_, row) = rows(&stats).into_iter().find(|(name, _)| *name == "scrub").unwrap();
        assert!(
            row.starts_with("1 damaged place found; ") && row.contains("1 whole pass, the last"),
            "{row}"
        );
        let scrub = &object(&stats)["scrub"];
        assert_eq!((&scrub["found"], &scrub["passes"]), (&1.into(), &1.into()));
        assert!(scrub["findings"][0]["file"].as_str().unwrap().ends_with("identity"), "{scrub}");
        assert!(scrub["last_pass_ns"].as_u64().unwrap() > 0);
        assert_eq!(object(&Stats::default())["scrub"], Value::Null);
        assert!(rows(&Stats::default()).iter().all(|(name, _)| *name != "scrub"));
    }
}
