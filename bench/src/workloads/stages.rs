//! The stages of a run. Each is one process of its own; a stage finds the store as the stages before it left it.
//!
//! Invariant: all engines go through the same stages in the same order, so at each of them they hold the same rows.

use std::fmt;

use clap::ValueEnum;

use super::{
    churn, mixed, stream, w01_load, w02_durable_puts, w03_get, w04_absent, w05_ranges, w06_overwrite,
    w07_get_many, w08_open,
};
use crate::data::{DataSet, Size};
use crate::engines::{Engine, Place};
use crate::error::Result;
use crate::outcome::Outcome;

/// The names that `--workloads` takes.
pub(crate) const WORKLOADS: [&str; 13] =
    ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9", "W10", "mixed", "churn", "stream"];

/// What one process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "kebab-case")]
pub(crate) enum Stage {
    /// Fills an empty store.
    Load,
    /// Opens it after it was closed in order.
    Open,
    /// Everything that only reads.
    Read,
    /// Overwrites some rows and ends without closing.
    Kill,
    /// Opens it after that.
    OpenKilled,
    /// Overwrites everything once.
    Overwrite,
    /// Reads and writes from two threads.
    Mixed,
    /// Overwrites and deletes until the store has to clean up.
    Churn,
    /// Durable puts, in a store of their own.
    Durable,
    /// Writes one large value, in a store of its own.
    StreamWrite,
    /// Reads it.
    StreamRead,
}

impl Stage {
    /// In the order in which they run.
    pub(crate) const ALL: [Self; 11] = [
        Self::Load,
        Self::Open,
        Self::Read,
        Self::Kill,
        Self::OpenKilled,
        Self::Overwrite,
        Self::Mixed,
        Self::Churn,
        Self::Durable,
        Self::StreamWrite,
        Self::StreamRead,
    ];

    /// The workloads that it has figures of.
    fn workloads(self) -> &'static [&'static str] {
        match self {
            Self::Load => &["W1", "W5", "W9", "W10"],
            Self::Open | Self::OpenKilled => &["W8", "W10"],
            Self::Read => &["W3", "W4", "W5", "W7"],
            Self::Kill => &["W8"],
            Self::Overwrite => &["W6", "W9"],
            Self::Mixed => &["mixed"],
            Self::Churn => &["churn"],
            Self::Durable => &["W2"],
            Self::StreamWrite | Self::StreamRead => &["stream"],
        }
    }

    /// The name of the directory that it works in, under the one of the engine.
    pub(crate) fn store(self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::StreamWrite | Self::StreamRead => "stream",
            _ => "rows",
        }
    }

    /// The stages that the chosen workloads need, on one data set. What depends little on the data set, or takes
    /// very long, runs with the `first` one alone.
    pub(crate) fn needed(workloads: &[String], data: DataSet, first: bool) -> Vec<Self> {
        let has_figures =
            |stage: Self| stage.workloads().iter().any(|name| workloads.iter().any(|w| w == name));
        let fits = |stage: Self| match stage {
            Self::Durable | Self::Churn | Self::StreamWrite | Self::StreamRead => first,
            // It would show nothing with ten million entries that it does not show with one.
            Self::Mixed => data.size != Size::V100Ten,
            _ => true,
        };
        let mut stages: Vec<Self> =
            Self::ALL.into_iter().filter(|stage| has_figures(*stage) && fits(*stage)).collect();
        let needs_rows = stages.iter().any(|stage| stage.store() == Self::Load.store());
        if needs_rows && !stages.contains(&Self::Load) {
            stages.insert(0, Self::Load);
        }
        stages
    }

    /// Does it. Only [`Stage::Kill`] leaves the store open.
    pub(crate) fn perform<E: Engine>(self, place: &Place) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        match self {
            Self::Load => w01_load::run::<E>(place, &mut outcome)?,
            Self::Open => w08_open::run::<E>(place, w08_open::After::Close, &mut outcome)?,
            Self::OpenKilled => w08_open::run::<E>(place, w08_open::After::Kill, &mut outcome)?,
            Self::Kill => w08_open::overwrite_and_leave::<E>(place)?,
            Self::Read => {
                let engine = E::open(place)?;
                w03_get::run(&engine, place.data, &mut outcome)?;
                w04_absent::run(&engine, place.data, &mut outcome)?;
                w07_get_many::run(&engine, place.data, &mut outcome)?;
                w05_ranges::run(&engine, place.data, &mut outcome)?;
                engine.close()?;
            }
            Self::Overwrite => w06_overwrite::run::<E>(place, &mut outcome)?,
            Self::Mixed => mixed::run::<E>(place, &mut outcome)?,
            Self::Churn => churn::run::<E>(place, &mut outcome)?,
            Self::Durable => w02_durable_puts::run::<E>(place, &mut outcome)?,
            Self::StreamWrite => stream::write::<E>(place, &mut outcome)?,
            Self::StreamRead => stream::read::<E>(place, &mut outcome)?,
        }
        Ok(outcome)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Stage, WORKLOADS};
    use crate::data::{DataSet, Shape, Size};

    const SMALL: DataSet =
        DataSet { size: Size::V100, shape: Shape::Random16, quick: true, memory_part: None };

    #[test]
    fn every_workload_has_a_stage_and_every_stage_a_known_workload() {
        for name in WORKLOADS {
            assert!(Stage::ALL.iter().any(|stage| stage.workloads().contains(&name)), "{name}");
        }
        for stage in Stage::ALL {
            assert!(stage.workloads().iter().all(|name| WORKLOADS.contains(name)), "{stage}");
        }
    }

    #[test]
    fn a_workload_brings_the_load_that_it_reads_and_nothing_else() {
        let needed = |name: &str, first| Stage::needed(&[name.to_owned()], SMALL, first);
        assert_eq!(needed("W3", true), [Stage::Load, Stage::Read]);
        assert_eq!(needed("W2", true), [Stage::Durable]);
        assert_eq!(needed("W2", false), []);
        assert_eq!(needed("W8", false), [Stage::Load, Stage::Open, Stage::Kill, Stage::OpenKilled]);
        let ten = DataSet { size: Size::V100Ten, ..SMALL };
        assert_eq!(Stage::needed(&["mixed".to_owned()], ten, true), []);
        assert_eq!(needed("churn", false), []);
    }
}
