//! The conformance suites over the network client of a node: every rule of them; what is passed over is named.

mod nodes;
mod remote;

use pentad_traits::conformance::{Report, Verdict};

/// No rule is broken, and none is passed over but those named in `skipped`.
fn assert_conforms_skipping(report: &Report, skipped: &[&str]) {
    report.assert_conforms();
    let outcomes = report.outcomes().iter();
    let found: Vec<_> = outcomes
        .filter(|outcome| matches!(outcome.verdict, Verdict::Skipped(_)))
        .map(|outcome| outcome.rule)
        .collect();
    assert_eq!(found, skipped, "{report}");
}
