//! The outcomes of all processes, sorted into rows; and the comparison of what the stores read.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::data::DataSet;
use crate::engines::EngineKind;
use crate::error::{Error, Result};
use crate::outcome::{Outcome, Unit};

/// Everything that was measured.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    sets: Vec<Set>,
    /// Which sum the first store had in a row, and which store that was.
    sums: HashMap<(DataSet, String, String), (u64, EngineKind)>,
}

/// The rows of one data set.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Set {
    pub(crate) data: DataSet,
    pub(crate) rows: Vec<Row>,
}

/// One row of a table: a value for each pass of each store.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) workload: String,
    pub(crate) row: String,
    pub(crate) unit: Unit,
    pub(crate) values: BTreeMap<EngineKind, Vec<f64>>,
    /// Processor time for each operation, in microseconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) cpu_us: BTreeMap<EngineKind, Vec<f64>>,
    /// Why a store has no value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) skipped: BTreeMap<EngineKind, String>,
}

impl Collected {
    /// Adds the outcome of one process, of which the `workloads` asked for are kept. All sums are compared.
    pub(crate) fn add(
        &mut self,
        data: DataSet,
        kind: EngineKind,
        workloads: &[String],
        outcome: Outcome,
    ) -> Result<()> {
        for measure in outcome.measures {
            if let Some(sum) = measure.sum {
                let place = (data, measure.workload.clone(), measure.row.clone());
                let (expected, first) = *self.sums.entry(place).or_insert((sum, kind));
                if sum != expected {
                    return Err(Error::WrongAnswer(format!(
                        "{data}, {}, {}: {} and {} did not read the same bytes in the same order",
                        measure.workload,
                        measure.row,
                        first.name(),
                        kind.name()
                    )));
                }
            }
            if workloads.contains(&measure.workload) {
                let row = self.row(data, &measure.workload, &measure.row, Some(measure.unit));
                row.values.entry(kind).or_default().push(measure.value);
                if let Some(cpu) = measure.cpu_us_per_operation {
                    row.cpu_us.entry(kind).or_default().push(cpu);
                }
            }
        }
        for skipped in outcome.skipped {
            if workloads.contains(&skipped.workload) {
                let row = self.row(data, &skipped.workload, &skipped.row, None);
                row.skipped.insert(kind, skipped.reason);
            }
        }
        Ok(())
    }

    fn row(&mut self, data: DataSet, workload: &str, row: &str, unit: Option<Unit>) -> &mut Row {
        let set = match self.sets.iter().position(|set| set.data == data) {
            Some(at) => at,
            None => {
                self.sets.push(Set { data, rows: Vec::new() });
                self.sets.len() - 1
            }
        };
        let rows = &mut self.sets[set].rows;
        let at = rows.iter().position(|other| other.workload == workload && other.row == row);
        let at = at.unwrap_or_else(|| {
            rows.push(Row {
                workload: workload.to_owned(),
                row: row.to_owned(),
                unit: unit.unwrap_or(Unit::PerSecond),
                values: BTreeMap::new(),
                cpu_us: BTreeMap::new(),
                skipped: BTreeMap::new(),
            });
            rows.len() - 1
        });
        let row = &mut rows[at];
        row.unit = unit.unwrap_or(row.unit);
        row
    }

    /// Takes over what an earlier run has of other data sets than these.
    pub(crate) fn keep(&mut self, earlier: Vec<Set>, but_for: &[DataSet]) {
        self.sets.extend(earlier.into_iter().filter(|set| !but_for.contains(&set.data)));
    }

    /// The data sets in the order of the run.
    pub(crate) fn sets(&self) -> &[Set] {
        &self.sets
    }
}

impl Set {
    /// The workloads that it has rows of, W1 to W10 first.
    pub(crate) fn workloads(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !names.contains(&row.workload.as_str()) {
                names.push(&row.workload);
            }
        }
        let number =
            |name: &str| name.strip_prefix('W').and_then(|rest| rest.parse::<u32>().ok()).unwrap_or(u32::MAX);
        names.sort_by_key(|name| number(name));
        names
    }

    /// How often it was run.
    pub(crate) fn passes(&self) -> usize {
        self.rows.iter().flat_map(|row| row.values.values()).map(Vec::len).max().unwrap_or_default()
    }

    /// The rows of a workload, in the order in which they were measured.
    pub(crate) fn rows_of(&self, workload: &str) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.workload == workload)
    }
}

impl Row {
    /// The median over the passes.
    pub(crate) fn median(&self, kind: EngineKind) -> Option<f64> {
        self.values.get(&kind).map(|values| median(values))
    }

    /// The median of the processor time for each operation.
    pub(crate) fn median_cpu_us(&self, kind: EngineKind) -> Option<f64> {
        self.cpu_us.get(&kind).map(|values| median(values))
    }
}

/// The middle one, or the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Collected, median};
    use crate::data::{DataSet, Shape, Size};
    use crate::engines::EngineKind;
    use crate::measure::Spent;
    use crate::outcome::Outcome;

    const DATA: DataSet =
        DataSet { size: Size::V100, shape: Shape::Random16, quick: true, memory_part: None };

    fn outcome(seconds: u64, sum: u64) -> Outcome {
        let spent = Spent { wall: Duration::from_secs(seconds), cpu: Duration::from_secs(1) };
        let mut outcome = Outcome::default();
        outcome.rate("W3", "get", 100, spent, Some(sum));
        outcome
    }

    #[test]
    fn a_store_that_reads_other_bytes_ends_the_run_even_where_its_figure_is_not_asked_for() {
        for workloads in [vec!["W3".to_owned()], vec![]] {
            let mut collected = Collected::default();
            collected.add(DATA, EngineKind::Pentad, &workloads, outcome(1, 7)).unwrap();
            collected.add(DATA, EngineKind::Lmdb, &workloads, outcome(1, 7)).unwrap();
            let error =
                collected.add(DATA, EngineKind::Redb, &workloads, outcome(1, 8)).unwrap_err().to_string();
            assert!(error.contains("pentad and redb"), "{error}");
        }
    }

    #[test]
    fn what_was_measured_before_is_kept_but_for_what_is_measured_anew() {
        let workloads = ["W3".to_owned()];
        let tenth = DATA;
        let whole = DataSet { quick: false, ..DATA };
        let mut earlier = Collected::default();
        for data in [tenth, whole] {
            earlier.add(data, EngineKind::Pentad, &workloads, outcome(100, 7)).unwrap();
        }
        let mut collected = Collected::default();
        collected.keep(earlier.sets, &[whole]);
        collected.add(whole, EngineKind::Pentad, &workloads, outcome(1, 7)).unwrap();
        let medians = |collected: &Collected| {
            let rows = collected.sets().iter().map(|set| (set.data, set.rows[0].median(EngineKind::Pentad)));
            rows.collect::<Vec<_>>()
        };
        assert_eq!(medians(&collected), [(tenth, Some(1.0)), (whole, Some(100.0))]);
        assert_eq!(collected.sets()[1].passes(), 1);
    }

    #[test]
    fn passes_meet_in_a_median_and_workloads_that_were_not_asked_for_are_left_out() {
        let mut collected = Collected::default();
        for seconds in [1, 100, 2] {
            collected.add(DATA, EngineKind::Pentad, &["W3".to_owned()], outcome(seconds, 7)).unwrap();
        }
        assert_eq!(collected.sets()[0].rows[0].median(EngineKind::Pentad), Some(50.0));
        collected.add(DATA, EngineKind::Pentad, &["W4".to_owned()], outcome(9, 7)).unwrap();
        assert_eq!(collected.sets()[0].rows[0].values[&EngineKind::Pentad].len(), 3);
        assert_eq!(median(&[4.0, 1.0]), 2.5);
    }
}
