//! `compact`: gives back the space of what was overwritten or deleted.

use std::path::Path;

use pentad_engine::{CompactReport, ErrorKind};
use serde_json::json;

use crate::args::{CompactArgs, Global};
use crate::error::{Failure, Result};
use crate::human;
use crate::interrupt;
use crate::output::Output;
use crate::progress::Progress;
use crate::session;

/// Compacts the store and says what that gave; fails when damage kept it from some of it.
pub(crate) fn run(global: &Global, arguments: &CompactArgs) -> Result<()> {
    let path = global.store()?;
    interrupt::watch()?;
    let progress = Progress::new("compacting", Some(0));
    let done = session::change(global, |store| {
        let pruned = if arguments.prune { store.prune(store.sequence().next())? } else { 0 };
        let report = store.compact_with(&mut |done| {
            progress.set(done.done_bytes, done.total_bytes);
            interrupt::flow()
        });
        progress.clear();
        let report = report.map_err(|error| match error.kind() {
            ErrorKind::Cancelled => Failure::Interrupted.after("the store is as it was".to_owned()),
            _ => error.into(),
        })?;
        Ok((pruned, report))
    });
    let (pruned, report) = done?;
    let mut output = Output::new();
    if global.json {
        output.json(&json!({
            "segments_before": report.segments_before,
            "segments_after": report.segments_after,
            "bytes_before": report.bytes_before,
            "bytes_after": report.bytes_after,
            "entries": report.entries,
            "damaged_segments": report.damaged_segments,
            "held_back_segments": report.held_back_segments,
            "pruned_commits": pruned,
        }))?;
    } else {
        output.line(&summary(&report))?;
    }
    output.finish()?;
    match report.damaged_segments {
        0 => Ok(()),
        segments => Err(left_alone(path, segments, report.held_back_segments)),
    }
}

fn summary(report: &CompactReport) -> String {
    if report.segments_before == 0 {
        // Otherwise zeros would look like a failure to someone who has just deleted a lot.
        let text = "nothing to compact: a segment stays as long as `log` lists a commit in it, which it does for the newest \
                    64 MiB at least; --prune gives those commits up";
        return text.to_owned();
    }
    format!(
        "compacted {} into {}: {} instead of {}, {} kept",
        human::counted(report.segments_before, "segment", "segments"),
        human::count(report.segments_after),
        human::bytes(report.bytes_after),
        human::bytes(report.bytes_before),
        human::counted(report.entries, "entry", "entries"),
    )
}

fn left_alone(path: &Path, segments: u64, behind: u64) -> Failure {
    let held_back = match behind {
        0 => String::new(),
        _ => format!(", and {} behind because the log may have no hole", human::count(behind)),
    };
    Failure::Damage(format!(
        "{} of {} left alone because of damaged values{held_back}; `pentad verify` lists them, `pentad repair` copies the \
         rest into a new store",
        human::counted(segments, "segment", "segments"),
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compaction_that_had_nothing_to_do_says_why() {
        assert!(summary(&CompactReport::default()).starts_with("nothing to compact: "));
        let report = CompactReport {
            segments_before: 2,
            segments_after: 1,
            bytes_before: 4096,
            bytes_after: 1024,
            entries: 1,
            ..CompactReport::default()
        };
        assert_eq!(summary(&report), "compacted 2 segments into 1: 1.0 KiB instead of 4.0 KiB, 1 entry kept");
    }

    #[test]
    fn f03_segments_that_damage_kept_from_compaction_are_not_passed_over_in_silence() {
        assert_eq!(
            left_alone(Path::new("demo"), 1, 0).to_string(),
            "1 segment of demo left alone because of damaged values; `pentad verify` lists them, `pentad repair` copies the \
             rest into a new store"
        );
        assert!(left_alone(Path::new("demo"), 1, 3).to_string().contains("values, and 3 behind because"));
    }
}
