//! What Pentad wants to reach, row by row, held against the run: relative to other stores in the same run where speed is
//! concerned, absolute where a promise is made about opening, disk and memory.

use super::collected::{Collected, Row, Set};
use super::figures::{advantage, digits, show};
use crate::data::{Shape, Size};
use crate::engines::EngineKind;
use crate::outcome::Unit;

/// One target.
struct Target {
    size: Size,
    workload: &'static str,
    row: &'static str,
    bar: Bar,
}

/// How high it is.
enum Bar {
    /// So many times better than the best of these.
    Times(f64, &'static [EngineKind]),
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

/// The stores that keep an order.
const ORDERED: &[EngineKind] = &[EngineKind::Lmdb, EngineKind::Redb, EngineKind::Fjall, EngineKind::RocksDb];
const LMDB: &[EngineKind] = &[EngineKind::Lmdb];
const LIMIT: &[EngineKind] = &[EngineKind::Limit];
const SIMD: &[EngineKind] = &[EngineKind::SimdRDrive];
const ROCKSDB: &[EngineKind] = &[EngineKind::RocksDb];

const LOAD: &str = "load in batches of 1,000, one sync at the end";
const GET: &str = "random get, one thread";
const OVERWRITE: &str = "overwrite at random in batches of 1,000, one sync at the end";
const EIGHT: &str = "durable puts, eight threads";

const TARGETS: &[Target] = &[
    v100("W1", LOAD, Bar::Times(0.9, SIMD)),
    v100("W1", LOAD, Bar::Times(6.0, ORDERED)),
    v100("W2", "durable put ÷ raw append into fallocated blocks, p50", Bar::AtMost(1.1)),
    v100("W2", EIGHT, Bar::Times(1.1, ROCKSDB)),
    v100("W2", "eight threads ÷ bare group commit", Bar::AtLeast(0.9)),
    v100("W3", GET, Bar::Times(1.2, SIMD)),
    v100("W3", GET, Bar::Times(4.0, LMDB)),
    v100("W3", "two threads: each against one alone", Bar::Times(0.95, LIMIT)),
    v100("W4", "get of an absent key", Bar::Times(0.8, SIMD)),
    v100("W5", "whole scan in order, rows", Bar::Times(1.2, LMDB)),
    v100("W5", "ranges of 100 rows, forward, rows", Bar::Times(1.0, LMDB)),
    v100("W5", "ranges of 100 rows, backward, rows", Bar::Times(1.0, LMDB)),
    v100("W6", OVERWRITE, Bar::Times(0.7, SIMD)),
    v100("W6", OVERWRITE, Bar::Times(5.0, ORDERED)),
    v100("W7", "get_many of 100, keys", Bar::Times(1.5, SIMD)),
    v100("W8", "open after closing", Bar::AtMost(5.0)),
    ten("W8", "open after closing", Bar::AtMost(50.0)),
    v100("W9", "the same after the load, indexes on the disk left out ÷ keys and values", Bar::AtMost(1.25)),
    v100("W9", "indexes on the disk after the load", Bar::AtMost(32.0)),
    v100(
        "W9",
        "the same after overwriting everything, indexes on the disk left out ÷ keys and values",
        Bar::AtMost(1.6),
    ),
    v100("W10", "the same for each key", Bar::AtMost(32.0)),
    v100("W10", "the same for each key, peak", Bar::AtMost(64.0)),
    v100("churn", "gets meanwhile ÷ alone", Bar::AtLeast(0.7)),
    v100("churn", "disk settled and closed ÷ live keys and values", Bar::AtMost(1.6)),
];

const fn v100(workload: &'static str, row: &'static str, bar: Bar) -> Target {
    Target { size: Size::V100, workload, row, bar }
}

const fn ten(workload: &'static str, row: &'static str, bar: Bar) -> Target {
    Target { size: Size::V100Ten, workload, row, bar }
}

/// A table of the targets that this run has figures for; empty when it has none.
pub(super) fn table(collected: &Collected) -> String {
    let lines: Vec<String> = TARGETS.iter().filter_map(|target| line(target, collected)).collect();
    if lines.is_empty() {
        return String::new();
    }
    let head = "| target | wanted | reached | |\n| --- | --- | --- | --- |\n";
    format!("{head}{}\n\n", lines.join("\n"))
}

fn line(target: &Target, collected: &Collected) -> Option<String> {
    let fits = |set: &&Set| {
        let data = set.data;
        data.size == target.size && data.shape == Shape::Random16 && data.memory_part.is_none()
    };
    let set = collected.sets().iter().find(fits)?;
    let mut rows = set.rows_of(target.workload).peekable();
    // The workload was not part of the run.
    rows.peek()?;
    let figure =
        rows.find(|row| row.row == target.row).and_then(|row| Some((row, row.median(EngineKind::Pentad)?)));
    // Said aloud, because a target that is quietly left out looks like one that is met.
    let Some((row, ours)) = figure else {
        return Some(format!("| {}, {}: {} | | | **no figure** |", set.data, target.workload, target.row));
    };
    let (wanted, reached, met) = match target.bar {
        Bar::Times(factor, stores) => {
            let (store, ratio) = best(row, ours, stores)?;
            let wanted = format!("≥ {} × {}", number(factor), store.name());
            (wanted, format!("{} ×", digits(ratio)), ratio >= factor)
        }
        Bar::AtMost(most) => (format!("≤ {}", bound(most, row.unit)), show(ours, row.unit), ours <= most),
        Bar::AtLeast(least) => (format!("≥ {}", bound(least, row.unit)), show(ours, row.unit), ours >= least),
    };
    let verdict = if met { "met" } else { "**missed**" };
    Some(format!("| {}, {}: {} | {wanted} | {reached} | {verdict} |", set.data, target.workload, target.row))
}

/// The store that we are the least ahead of, and by how much.
fn best(row: &Row, ours: f64, stores: &[EngineKind]) -> Option<(EngineKind, f64)> {
    let ratio = |kind: &EngineKind| Some((*kind, advantage(ours, row.median(*kind)?, row.unit)?));
    stores.iter().filter_map(ratio).min_by(|a, b| a.1.total_cmp(&b.1))
}

fn bound(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Milliseconds => format!("{} ms", number(value)),
        Unit::BytesPerKey => format!("{} B", number(value)),
        _ => number(value),
    }
}

/// A bound as it was set, without zeros at its end.
fn number(value: f64) -> String {
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{TARGETS, table};
    use crate::data::{DataSet, Shape, Size};
    use crate::engines::EngineKind;
    use crate::outcome::{Outcome, Unit};
    use crate::report::Collected;

    fn run(row: (&str, &str, Unit), figures: &[(EngineKind, f64)]) -> String {
        let data = DataSet { size: Size::V100, shape: Shape::Random16, quick: false, memory_part: None };
        let mut collected = Collected::default();
        for (kind, value) in figures {
            let mut outcome = Outcome::default();
            outcome.figure(row.0, row.1, row.2, *value);
            collected.add(data, *kind, &[row.0.to_owned()], outcome).unwrap();
        }
        table(&collected)
    }

    #[test]
    fn the_best_of_the_others_counts_and_a_miss_is_called_one() {
        let row = ("W1", super::LOAD, Unit::PerSecond);
        let text = run(row, &[(EngineKind::Pentad, 6.0), (EngineKind::Lmdb, 1.0), (EngineKind::Fjall, 2.0)]);
        assert!(text.contains("| ≥ 6 × fjall | 3.00 × | **missed** |"), "{text}");
        let text = run(row, &[(EngineKind::Pentad, 18.0), (EngineKind::Lmdb, 1.0), (EngineKind::Fjall, 2.0)]);
        assert!(text.contains("| 9.00 × | met |"), "{text}");
        let text = run(("W8", "open after closing", Unit::Milliseconds), &[(EngineKind::Pentad, 7.0)]);
        assert!(text.contains("| ≤ 5 ms | 7.00 ms | **missed** |"), "{text}");
        let text = run(("W4", "another row", Unit::PerSecond), &[(EngineKind::Pentad, 7.0)]);
        assert!(text.contains("W4: get of an absent key | | | **no figure** |"), "{text}");
        assert_eq!(run(("another workload", "a row", Unit::PerSecond), &[(EngineKind::Pentad, 7.0)]), "");
    }

    #[test]
    fn no_target_stands_twice() {
        let stores = |target: &super::Target| match target.bar {
            super::Bar::Times(_, stores) => stores,
            super::Bar::AtMost(_) | super::Bar::AtLeast(_) => &[],
        };
        let mut seen = HashSet::new();
        for target in TARGETS {
            let place = (target.size.name(), target.workload, target.row, stores(target));
            assert!(seen.insert(place), "{place:?}");
        }
    }
}
