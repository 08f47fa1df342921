//! The tables in Markdown: for each data set and workload one, a column for each store.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::collected::{Collected, Row, Set};
use super::figures::{advantage, digits, show, times};
use crate::engines::EngineKind;
use crate::outcome::Unit;

/// What stands above the first table.
pub(super) const HOW_TO_READ: &str = "Each cell has the median of the passes and, in brackets, how many times better Pentad is in the \
same row; below 1 Pentad is worse. `-` is explained below the table. Processor time is that of all threads of the store's process, \
for each operation; on a busy machine it is the steadier figure, but it does not count waiting for the disk.";

/// All tables.
pub(super) fn all(collected: &Collected, engines: &[EngineKind]) -> String {
    let mut text = String::new();
    for set in collected.sets() {
        let passes =
            if set.passes() == 1 { "one pass".to_owned() } else { format!("{} passes", set.passes()) };
        writeln!(text, "### {}, {passes}\n", set.data).expect("text");
        for workload in set.workloads() {
            table(set, workload, engines, &mut text);
        }
    }
    text
}

fn table(set: &Set, workload: &str, engines: &[EngineKind], text: &mut String) {
    let rows: Vec<&Row> = set.rows_of(workload).collect();
    write!(text, "| {workload} |").expect("text");
    for kind in engines {
        write!(text, " {} |", kind.name()).expect("text");
    }
    writeln!(text, "\n|{}", " --- |".repeat(engines.len() + 1)).expect("text");
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in &rows {
        line(&row.row, engines, text, |kind| row.median(kind), |value| show(value, row.unit), row.unit);
        if !row.cpu_us.is_empty() {
            let name = format!("{}: processor time", row.row);
            let show = |value: f64| format!("{} µs", digits(value));
            line(&name, engines, text, |kind| row.median_cpu_us(kind), show, Unit::Microseconds);
        }
        for (kind, reason) in &row.skipped {
            let names = reasons.entry(reason).or_default();
            if !names.contains(&kind.name()) {
                names.push(kind.name());
            }
        }
    }
    text.push('\n');
    for (reason, names) in reasons {
        writeln!(text, "`-` for {}: {reason}.\n", names.join(", ")).expect("text");
    }
}

fn line(
    name: &str,
    engines: &[EngineKind],
    text: &mut String,
    median: impl Fn(EngineKind) -> Option<f64>,
    show: impl Fn(f64) -> String,
    unit: Unit,
) {
    write!(text, "| {name} |").expect("text");
    let ours = median(EngineKind::Pentad);
    for kind in engines {
        match median(*kind) {
            None => text.push_str(" - |"),
            Some(value) => {
                let ratio = ours
                    .filter(|_| *kind != EngineKind::Pentad)
                    .and_then(|ours| advantage(ours, value, unit));
                let ratio = ratio.map(|ratio| format!(" ({})", times(ratio))).unwrap_or_default();
                write!(text, " {}{ratio} |", show(value)).expect("text");
            }
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::all;
    use crate::data::{DataSet, Shape, Size};
    use crate::engines::EngineKind;
    use crate::measure::Spent;
    use crate::outcome::Outcome;
    use crate::report::Collected;

    #[test]
    fn losses_show_as_plainly_as_wins_and_gaps_have_their_reason() {
        let data = DataSet { size: Size::V100, shape: Shape::Random16, quick: true, memory_part: None };
        let workloads = ["W5".to_owned()];
        let mut collected = Collected::default();
        for (kind, seconds) in [(EngineKind::Pentad, 2), (EngineKind::Lmdb, 1), (EngineKind::Redb, 4)] {
            let spent = Spent { wall: Duration::from_secs(seconds), cpu: Duration::from_secs(seconds) };
            let mut outcome = Outcome::default();
            outcome.rate("W5", "scan", 1000, spent, None);
            collected.add(data, kind, &workloads, outcome).unwrap();
        }
        let mut outcome = Outcome::default();
        outcome.skip("W5", "scan", "has no order");
        collected.add(data, EngineKind::SimdRDrive, &workloads, outcome).unwrap();
        let engines = [EngineKind::Pentad, EngineKind::SimdRDrive, EngineKind::Lmdb, EngineKind::Redb];
        let text = all(&collected, &engines);
        assert!(text.contains("| scan | 500 /s | - | 1.00 k/s (0.50×) | 250 /s (2.00×) |"), "{text}");
        assert!(text.contains("`-` for simd-r-drive: has no order."), "{text}");
    }
}
