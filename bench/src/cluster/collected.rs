//! What a run collects: for each pass, what the machine allowed, and how each load went on each system.

use serde::Serialize;

use super::load::{Load, Loaded, Operation};

/// Who was loaded, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Column {
    /// The callers are in the process of the leader.
    Embedded,
    /// The callers are in a process of their own, with the network client.
    Wire,
    /// etcd, over its own gRPC.
    Etcd,
    /// Unary gRPC with a handler that does nothing.
    Unary,
}

impl Column {
    pub(super) const ALL: [Self; 4] = [Self::Embedded, Self::Wire, Self::Etcd, Self::Unary];

    /// As it stands above the tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Embedded => "pentad, embedded",
            Self::Wire => "pentad, over the wire",
            Self::Etcd => "etcd, over the wire",
            Self::Unary => "bare unary gRPC",
        }
    }

    /// Whether it answers such a load.
    pub(super) fn takes(self, row: Row) -> bool {
        match self {
            Self::Embedded | Self::Wire => true,
            Self::Etcd => row.operation != Operation::Lease,
            // A call is a call, whatever it would be for.
            Self::Unary => row.operation == Operation::Put,
        }
    }
}

/// A load but for its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Row {
    pub(super) operation: Operation,
    pub(super) callers: u32,
}

impl Row {
    pub(super) const PUT_ONE: Self = Self { operation: Operation::Put, callers: 1 };
    pub(super) const PUT: Self = Self { operation: Operation::Put, callers: 100 };
    pub(super) const LINEARIZABLE: Self = Self { operation: Operation::Linearizable, callers: 100 };
    pub(super) const LEASE: Self = Self { operation: Operation::Lease, callers: 100 };
    pub(super) const EVENTUAL: Self = Self { operation: Operation::Eventual, callers: 100 };
    pub(super) const ALL: [Self; 5] =
        [Self::PUT_ONE, Self::PUT, Self::LINEARIZABLE, Self::LEASE, Self::EVENTUAL];

    pub(super) fn load(self, millis: u64) -> Load {
        Load { operation: self.operation, callers: self.callers, millis }
    }

    pub(super) fn name(self) -> String {
        let what = match self.operation {
            Operation::Put => "put",
            Operation::Linearizable => "linearizable read",
            Operation::Lease => "lease read",
            Operation::Eventual => "eventual read",
        };
        match self.callers {
            1 => format!("{what}, 1 caller"),
            callers => format!("{what}, {callers} callers"),
        }
    }
}

/// One load on one system in one pass.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Sample {
    pub(super) column: Column,
    pub(super) row: Row,
    pub(super) per_second: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    /// Of all processes, for each operation.
    pub(super) processor_us: f64,
}

impl Sample {
    pub(super) fn new(column: Column, row: Row, loaded: Loaded, processor_s: f64) -> Self {
        let operations = loaded.operations.max(1) as f64;
        Self {
            column,
            row,
            per_second: operations / loaded.seconds.max(1e-9),
            p50_us: loaded.p50_us,
            p99_us: loaded.p99_us,
            processor_us: processor_s * 1e6 / operations,
        }
    }
}

/// What the machine allowed in one pass, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Limits {
    pub(super) sync_p50_us: f64,
    pub(super) sync_p99_us: f64,
    pub(super) round_trip_p50_us: f64,
    pub(super) round_trip_p99_us: f64,
}

/// All passes.
#[derive(Debug, Default, Serialize)]
pub(super) struct Collected {
    pub(super) limits: Vec<Limits>,
    pub(super) samples: Vec<Sample>,
}

impl Collected {
    /// One figure of all passes; empty when there was no such load.
    pub(super) fn values(&self, column: Column, row: Row, of: impl Fn(&Sample) -> f64) -> Vec<f64> {
        let fits = |sample: &&Sample| sample.column == column && sample.row == row;
        self.samples.iter().filter(fits).map(of).collect()
    }

    /// Its median.
    pub(super) fn median(&self, column: Column, row: Row, of: impl Fn(&Sample) -> f64) -> Option<f64> {
        median(self.values(column, row, of))
    }

    /// The median over the passes of what the machine allowed.
    pub(super) fn limit(&self, of: impl Fn(&Limits) -> f64) -> Option<f64> {
        median(self.limits.iter().map(of).collect())
    }
}

/// The one in the middle, or between the two there.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_of_the_load_and_the_system_that_was_asked_for() {
        let sample = |column, row, per_second| Sample {
            column,
            row,
            per_second,
            p50_us: 1.0,
            p99_us: 2.0,
            processor_us: 3.0,
        };
        let samples = [5.0, 1.0, 3.0].map(|speed| sample(Column::Wire, Row::PUT, speed)).to_vec();
        let mut collected = Collected { samples, ..Collected::default() };
        collected.samples.push(sample(Column::Etcd, Row::PUT, 100.0));
        assert_eq!(collected.median(Column::Wire, Row::PUT, |sample| sample.per_second), Some(3.0));
        assert_eq!(collected.median(Column::Wire, Row::LEASE, |sample| sample.per_second), None);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
