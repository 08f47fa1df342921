//! `stats`: how big the store is.
//!
//! The counters that begin at zero with every open (commits, groups, syncs) say nothing about a store that was opened
//! for this command, and are left out.

use pentad_engine::Stats;
use serde_json::json;

use crate::args::{Global, StatsArgs};
use crate::error::Result;
use crate::human;
use crate::output::Output;
use crate::session;

/// Prints the sizes.
pub(crate) fn run(global: &Global, arguments: &StatsArgs) -> Result<()> {
    let stats = session::read(global, arguments.reading, |store| Ok(store.stats()))?;
    let mut output = Output::new();
    if global.json {
        output.json(&object(&stats))?;
    } else {
        for (name, value) in rows(&stats) {
            output.line(&format!("{name:<16}{value}"))?;
        }
    }
    output.finish()
}

fn rows(stats: &Stats) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("keys", human::count(stats.keys)),
        ("last commit", human::count(stats.sequence.0)),
        ("oldest kept", stats.oldest_batch.map_or("none".to_owned(), |oldest| human::count(oldest.0))),
        ("on disk", human::bytes(stats.disk_bytes)),
        ("live", human::bytes(stats.live_bytes)),
        ("dead", human::bytes(stats.dead_bytes)),
        ("segments", human::count(stats.segments)),
        ("streams", human::count(stats.stream_segments)),
        ("index in memory", human::bytes(stats.index_bytes)),
    ];
    if stats.recovered_tail_bytes > 0 {
        let bytes = human::bytes(stats.recovered_tail_bytes);
        rows.push(("unfinished tail", format!("{bytes}, never acknowledged; the next writer drops them")));
    }
    rows
}

fn object(stats: &Stats) -> serde_json::Value {
    json!({
        "keys": stats.keys,
        "sequence": stats.sequence.0,
        "oldest_batch": stats.oldest_batch.map(u64::from),
        "tail": stats.tail.0,
        "disk_bytes": stats.disk_bytes,
        "live_bytes": stats.live_bytes,
        "dead_bytes": stats.dead_bytes,
        "segments": stats.segments,
        "stream_segments": stats.stream_segments,
        "index_bytes": stats.index_bytes,
        "unfinished_tail_bytes": stats.recovered_tail_bytes,
    })
}
