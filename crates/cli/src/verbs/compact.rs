//! `compact`: gives back the space of what was overwritten or deleted.

use serde_json::json;

use crate::args::Global;
use crate::error::Result;
use crate::human;
use crate::output::Output;
use crate::session;

/// Compacts the store and says what that gave.
pub(crate) fn run(global: &Global) -> Result<()> {
    let report = session::change(global, |store| Ok(store.compact()?))?;
    let mut output = Output::new();
    if global.json {
        output.json(&json!({
            "segments_before": report.segments_before,
            "segments_after": report.segments_after,
            "bytes_before": report.bytes_before,
            "bytes_after": report.bytes_after,
            "entries": report.entries,
        }))?;
    } else {
        output.line(&format!(
            "compacted {} into {}: {} instead of {}, {} kept",
            human::counted(report.segments_before, "segment", "segments"),
            human::count(report.segments_after),
            human::bytes(report.bytes_after),
            human::bytes(report.bytes_before),
            human::counted(report.entries, "entry", "entries"),
        ))?;
    }
    output.finish()
}
