//! How long single calls take: all of them are kept, and the quantiles read off afterwards.

use std::time::Duration;

/// The times of many calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    nanos: Vec<u64>,
}

impl Latencies {
    /// With room for `calls`, so that nothing is allocated while the clock runs.
    pub(crate) fn with_capacity(calls: usize) -> Self {
        Self { nanos: Vec::with_capacity(calls) }
    }

    /// Adds one call.
    pub(crate) fn push(&mut self, took: Duration) {
        self.nanos.push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds the calls of another thread.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.nanos.append(&mut other.nanos);
    }

    /// How many there are.
    #[cfg(feature = "cluster")]
    pub(crate) fn len(&self) -> u64 {
        self.nanos.len() as u64
    }

    /// The time in microseconds that `per_mille` of a thousand calls did not exceed; 0 without any call.
    pub(crate) fn quantile_us(&mut self, per_mille: usize) -> f64 {
        self.nanos.sort_unstable();
        let last = self.nanos.len().saturating_sub(1);
        self.nanos.get(last * per_mille / 1000).map_or(0.0, |nanos| *nanos as f64 / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Latencies;

    #[test]
    fn quantiles_are_read_off_the_sorted_calls() {
        let mut latencies = Latencies::default();
        for micros in (0..=1000).rev() {
            latencies.push(Duration::from_micros(micros));
        }
        assert_eq!([500, 990, 1000].map(|at| latencies.quantile_us(at)), [500.0, 990.0, 1000.0]);
    }
}
