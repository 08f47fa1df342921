//! The tables: what the machine allows, and a line for each figure of each load with a column for each system.

use std::fmt::Write;

use super::collected::{Collected, Column, Row, Sample, median};
use crate::outcome::Unit;
use crate::report::{digits, show};

const HOW_TO_READ: &str = "Each cell has the median of the passes and, in brackets, the best of them. Processor time is that of all processes, the three nodes and \
the callers, for each operation: on a busy machine it is the steadier figure, but it does not count waiting for the disk. Every put is on the disks \
of a majority when it is answered, in etcd too. `-`: there is no such thing, or it is the same as in the rows of put.";

/// All of them.
pub(super) fn all(collected: &Collected) -> String {
    let mut text = limits(collected);
    write!(text, "{HOW_TO_READ}\n\n| |").expect("text");
    let columns: Vec<Column> = Column::ALL
        .into_iter()
        .filter(|column| collected.samples.iter().any(|it| it.column == *column))
        .collect();
    for column in &columns {
        write!(text, " {} |", column.name()).expect("text");
    }
    writeln!(text, "\n|{}", " --- |".repeat(columns.len() + 1)).expect("text");
    for row in Row::ALL {
        let mut line = |name: &str, of: &dyn Fn(&Sample) -> f64, unit| {
            write!(text, "| {}: {name} |", row.name()).expect("text");
            for column in &columns {
                text.push_str(&cell(collected.values(*column, row, of), unit));
            }
            text.push('\n');
        };
        line("a second", &|sample| sample.per_second, Unit::PerSecond);
        line("p50", &|sample| sample.p50_us, Unit::Microseconds);
        line("p99", &|sample| sample.p99_us, Unit::Microseconds);
        line("processor time", &|sample| sample.processor_us, Unit::Microseconds);
    }
    text.push('\n');
    text
}

fn cell(values: Vec<f64>, unit: Unit) -> String {
    let better = |a: f64, b: f64| if unit.more_is_better() { a.max(b) } else { a.min(b) };
    let best = values.iter().copied().reduce(better);
    match (median(values), best) {
        (Some(median), Some(best)) => format!(" {} ({}) |", show(median, unit), show(best, unit)),
        _ => " - |".to_owned(),
    }
}

fn limits(collected: &Collected) -> String {
    let mut text = "| what the machine allows | p50 | p99 |\n| --- | --- | --- |\n".to_owned();
    let mut line = |name: &str, p50: Option<f64>, p99: Option<f64>| {
        if let (Some(p50), Some(p99)) = (p50, p99) {
            writeln!(text, "| {name} | {} µs | {} µs |", digits(p50), digits(p99)).expect("text");
        }
    };
    line(
        "append of 300 bytes into fallocated blocks, and its sync",
        collected.limit(|limits| limits.sync_p50_us),
        collected.limit(|limits| limits.sync_p99_us),
    );
    line(
        "round trip over the loopback interface, 300 bytes there and 32 back",
        collected.limit(|limits| limits.round_trip_p50_us),
        collected.limit(|limits| limits.round_trip_p99_us),
    );
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::collected::Limits;

    #[test]
    fn a_system_that_was_not_there_has_no_column_and_a_load_that_was_not_run_no_figure() {
        let sample = |per_second| Sample {
            column: Column::Wire,
            row: Row::PUT,
            per_second,
            p50_us: 10.0,
            p99_us: 20.0,
            processor_us: 30.0,
        };
        let limits =
            Limits { sync_p50_us: 70.0, sync_p99_us: 90.0, round_trip_p50_us: 9.0, round_trip_p99_us: 20.0 };
        let samples = vec![sample(1_000.0), sample(3_000.0), sample(2_000.0)];
        let text = all(&Collected { limits: vec![limits], samples });
        assert!(text.contains("| put, 100 callers: a second | 2.00 k/s (3.00 k/s) |"), "{text}");
        assert!(text.contains("| lease read, 100 callers: p50 | - |"), "{text}");
        assert!(
            text.contains("and its sync | 70.0 µs | 90.0 µs |") && !text.contains("etcd, over"),
            "{text}"
        );
    }
}
