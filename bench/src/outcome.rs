//! What the process of one engine tells the one that started it: one line of JSON.

use serde::{Deserialize, Serialize};

use crate::measure::Spent;

/// How a figure is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// Operations or rows a second.
    PerSecond,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// MiB a second.
    MebibytesPerSecond,
    /// Bytes.
    Bytes,
    /// Bytes for each live key.
    BytesPerKey,
    /// One figure divided by another one of the same process, of which more is better.
    ShareMoreIsBetter,
    /// One figure divided by another one of the same process, of which less is better.
    ShareLessIsBetter,
}

impl Unit {
    /// Whether a larger figure is the better one.
    pub(crate) fn more_is_better(self) -> bool {
        matches!(self, Self::PerSecond | Self::MebibytesPerSecond | Self::ShareMoreIsBetter)
    }
}

/// One figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measure {
    /// `W1` to `W10`, `mixed`, `churn` or `stream`.
    pub(crate) workload: String,
    /// What of the workload; together with the workload it names a row of the tables.
    pub(crate) row: String,
    /// How to read `value`.
    pub(crate) unit: Unit,
    /// The figure.
    pub(crate) value: f64,
    /// Processor time for each operation in microseconds, all threads of the process, where that means something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_us_per_operation: Option<f64>,
    /// The sum over everything that was read; equal for all engines, or one of them is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sum: Option<u64>,
}

/// A workload that the engine cannot do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Skipped {
    /// The workload.
    pub(crate) workload: String,
    /// What of it.
    pub(crate) row: String,
    /// Why.
    pub(crate) reason: String,
}

/// Everything that one process has to tell.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// The figures, in the order in which they were taken.
    pub(crate) measures: Vec<Measure>,
    /// What was left out.
    pub(crate) skipped: Vec<Skipped>,
}

impl Outcome {
    /// Adds a figure without processor time.
    pub(crate) fn figure(&mut self, workload: &str, row: &str, unit: Unit, value: f64) {
        self.measures.push(Measure {
            workload: workload.to_owned(),
            row: row.to_owned(),
            unit,
            value,
            cpu_us_per_operation: None,
            sum: None,
        });
    }

    /// Adds a rate: `operations` took what was `spent`, and reading gave `sum`.
    pub(crate) fn rate(
        &mut self,
        workload: &str,
        row: &str,
        operations: u64,
        spent: Spent,
        sum: Option<u64>,
    ) {
        let operations = operations.max(1) as f64;
        self.measures.push(Measure {
            workload: workload.to_owned(),
            row: row.to_owned(),
            unit: Unit::PerSecond,
            value: operations / spent.wall.as_secs_f64().max(1e-9),
            cpu_us_per_operation: Some(spent.cpu.as_secs_f64() * 1e6 / operations),
            sum,
        });
    }

    /// Says what the engine cannot do.
    pub(crate) fn skip(&mut self, workload: &str, row: &str, reason: &str) {
        self.skipped.push(Skipped {
            workload: workload.to_owned(),
            row: row.to_owned(),
            reason: reason.to_owned(),
        });
    }
}
