//! What the cluster wants to reach, held against the same run: against what the machine allows, and against etcd where there is one.

use std::fmt::Write;

use super::collected::{Collected, Column, Row, Sample};
use crate::report::digits;

/// One target.
struct Target {
    what: &'static str,
    bar: Bar,
    /// What was reached, as far as the run has it.
    reached: fn(&Collected) -> Option<f64>,
}

enum Bar {
    AtMost(f64),
    AtLeast(f64),
}

const TARGETS: &[Target] = &[
    Target {
        what: "put, 1 caller, embedded: p50 ÷ (one sync + one round trip)",
        bar: Bar::AtMost(1.5),
        reached: |run| {
            let allowed = run.limit(|limits| limits.sync_p50_us + limits.round_trip_p50_us)?;
            Some(run.median(Column::Embedded, Row::PUT_ONE, p50)? / allowed)
        },
    },
    Target {
        what: "put, 1 caller, over the wire: p50 ÷ etcd's",
        bar: Bar::AtMost(1.0),
        reached: |run| {
            let etcd = run.median(Column::Etcd, Row::PUT_ONE, p50)?;
            Some(run.median(Column::Wire, Row::PUT_ONE, p50)? / etcd)
        },
    },
    Target {
        what: "put, 100 callers, embedded ÷ etcd",
        bar: Bar::AtLeast(2.0),
        reached: |run| speed(run, Column::Embedded, Row::PUT, Column::Etcd, Row::PUT),
    },
    Target {
        what: "put, 100 callers, over the wire ÷ etcd",
        bar: Bar::AtLeast(2.0),
        reached: |run| speed(run, Column::Wire, Row::PUT, Column::Etcd, Row::PUT),
    },
    Target {
        what: "linearizable read, 100 callers, over the wire ÷ etcd",
        bar: Bar::AtLeast(3.0),
        reached: |run| speed(run, Column::Wire, Row::LINEARIZABLE, Column::Etcd, Row::LINEARIZABLE),
    },
    Target {
        what: "lease read, 100 callers, over the wire ÷ bare unary gRPC",
        bar: Bar::AtLeast(3.0),
        reached: |run| speed(run, Column::Wire, Row::LEASE, Column::Unary, Row::PUT),
    },
    Target {
        what: "eventual read, 100 callers, over the wire ÷ bare unary gRPC",
        bar: Bar::AtLeast(3.0),
        reached: |run| speed(run, Column::Wire, Row::EVENTUAL, Column::Unary, Row::PUT),
    },
];

const NOTES: &str = "Speeds are held against each other by their medians. The bars of the last two rows are meant against d-engine, which answers \
reads by unary gRPC; it is not part of the run, and the bare service stands for the most that it could reach. Its embedded figures have nothing that \
could stand for them: the bars against those (puts 1.3 ×, linearizable reads 1.3 ×, lease and eventual reads 4 ×) are not judged here.";

fn p50(sample: &Sample) -> f64 {
    sample.p50_us
}

fn speed(run: &Collected, ours: Column, row: Row, theirs: Column, their_row: Row) -> Option<f64> {
    let per_second = |sample: &Sample| sample.per_second;
    Some(run.median(ours, row, per_second)? / run.median(theirs, their_row, per_second)?)
}

/// The table of the targets.
pub(super) fn table(run: &Collected) -> String {
    let mut text = "| target | wanted | reached | |\n| --- | --- | --- | --- |\n".to_owned();
    for Target { what, bar, reached } in TARGETS {
        let (wanted, meets): (String, Box<dyn Fn(f64) -> bool>) = match *bar {
            Bar::AtMost(most) => (format!("≤ {most}"), Box::new(move |reached| reached <= most)),
            Bar::AtLeast(least) => (format!("≥ {least} ×"), Box::new(move |reached| reached >= least)),
        };
        // Said aloud, because a target that is quietly left out looks like one that is met.
        let (reached, verdict) = match reached(run) {
            None => (String::new(), "**no figure**"),
            Some(reached) if meets(reached) => (digits(reached), "met"),
            Some(reached) => (digits(reached), "**missed**"),
        };
        writeln!(text, "| {what} | {wanted} | {reached} | {verdict} |").expect("text");
    }
    format!("{text}\n{NOTES}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::collected::Limits;

    #[test]
    fn a_bar_is_met_or_missed_or_has_no_figure() {
        let sample = |column, row, per_second, p50_us| Sample {
            column,
            row,
            per_second,
            p50_us,
            p99_us: 0.0,
            processor_us: 0.0,
        };
        let limits =
            Limits { sync_p50_us: 70.0, sync_p99_us: 0.0, round_trip_p50_us: 30.0, round_trip_p99_us: 0.0 };
        let samples = vec![
            sample(Column::Embedded, Row::PUT_ONE, 1.0, 151.0),
            sample(Column::Wire, Row::LEASE, 90.0, 1.0),
            sample(Column::Unary, Row::PUT, 30.0, 1.0),
        ];
        let text = table(&Collected { limits: vec![limits], samples });
        assert!(text.contains("round trip) | ≤ 1.5 | 1.51 | **missed** |"), "{text}");
        assert!(
            text.contains("lease read, 100 callers, over the wire ÷ bare unary gRPC | ≥ 3 × | 3.00 | met |")
        );
        assert!(text.contains("embedded ÷ etcd | ≥ 2 × |  | **no figure** |"), "{text}");
    }
}
