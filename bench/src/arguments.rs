//! The command line, and what it comes to: which engines, which workloads, which data.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::data::{DataSet, Shape, Size};
use crate::engines::EngineKind;
use crate::error::{Error, Result};
use crate::workloads::{Stage, WORKLOADS};

/// Runs the same workloads on several stores, each in a process of its own, and compares them.
#[derive(Debug, Parser)]
#[command(name = "pentad-bench", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// One stage of one engine; this is how the program starts itself
    #[command(hide = true)]
    Stage(StageArguments),
    /// Three nodes in three processes, beside what the machine allows and, where it is installed, etcd
    #[cfg(feature = "cluster")]
    Cluster(ClusterArguments),
    /// One node, as the program starts itself for it
    #[cfg(feature = "cluster")]
    #[command(hide = true)]
    ClusterNode(NodeArguments),
    /// The service with nothing behind it
    #[cfg(feature = "cluster")]
    #[command(hide = true)]
    ClusterBare,
}

/// What a run of the cluster consists of.
#[cfg(feature = "cluster")]
#[derive(Debug, Args)]
pub(crate) struct ClusterArguments {
    /// How often everything is run; the figures are medians
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=99))]
    pub(crate) passes: u32,
    /// How long each load lasts
    #[arg(long, default_value_t = 2_000, value_name = "MS", value_parser = clap::value_parser!(u32).range(100..=60_000))]
    pub(crate) milliseconds: u32,
    /// Where the data goes, in a temporary directory that is removed afterwards
    #[arg(long, default_value = "target/bench", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Where cluster.json and cluster.md go [default: `report` in the directory of the data]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// A Markdown page whose figures of the cluster, between two marks, are replaced by those of this run
    #[arg(long, value_name = "PAGE")]
    pub(crate) publish: Option<PathBuf>,
}

/// What the process of one node does.
#[cfg(feature = "cluster")]
#[derive(Clone, Debug, Args)]
pub(crate) struct NodeArguments {
    #[arg(long)]
    pub(crate) directory: PathBuf,
    /// A node of the cluster that it joins; without one it begins a cluster
    #[arg(long)]
    pub(crate) join: Option<String>,
}

/// What a run consists of.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// A tenth of the entries, v100 and random16 alone unless named: minutes instead of hours
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only these engines, in any order; Pentad is added, because everything is compared with it
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) engines: Vec<EngineKind>,
    /// Only these workloads: W1 to W10, mixed, churn, stream; what they build on runs as well
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) workloads: Vec<String>,
    /// Only these sizes
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) sizes: Vec<Size>,
    /// Only these shapes of keys; with sizes named as well, each size with each shape
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) shapes: Vec<Shape>,
    /// How often everything is run; the figures are medians
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=99))]
    pub(crate) passes: u32,
    /// Larger than memory: each stage may take only one part in so many of the bytes of keys and values, page cache included, and
    /// what this program itself needs beside the store
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=64))]
    pub(crate) memory_part: Option<u64>,
    /// Where the data goes, in a temporary directory that is removed afterwards
    #[arg(long, default_value = "target/bench", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Where results.json, tables.md and the charts go [default: `report` in the directory of the data]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Keep what `results.json` in the output directory has of other data sets, measured before on this machine at this commit, so
    /// that a run of hours can be made in parts
    #[arg(long)]
    pub(crate) add: bool,
    /// A Markdown page whose tables, between two marks, are replaced by those of this run; charts go beside it
    #[arg(long, value_name = "PAGE")]
    pub(crate) publish: Option<PathBuf>,
}

/// What one process does.
#[derive(Clone, Debug, Args)]
pub(crate) struct StageArguments {
    #[arg(long)]
    pub(crate) engine: EngineKind,
    #[arg(long)]
    pub(crate) stage: Stage,
    #[arg(long)]
    pub(crate) size: Size,
    #[arg(long)]
    pub(crate) shape: Shape,
    #[arg(long)]
    pub(crate) quick: bool,
    #[arg(long)]
    pub(crate) directory: PathBuf,
    /// The control group that limits its memory
    #[arg(long)]
    pub(crate) group: Option<PathBuf>,
}

impl RunArguments {
    /// The engines of the run, in the order of the columns.
    pub(crate) fn engines(&self) -> Result<Vec<EngineKind>> {
        if let Some(kind) = self.engines.iter().find(|kind| !kind.is_built_in()) {
            return Err(Error::Usage(format!(
                "this program was built without {0}: build it with `--features {0}` (cargo xtask bench does so when {0} \
                 is named); it needs libclang and a C++ compiler",
                kind.name()
            )));
        }
        let wanted = |kind: &EngineKind| {
            kind.is_built_in()
                && (self.engines.is_empty() || *kind == EngineKind::Pentad || self.engines.contains(kind))
        };
        Ok(EngineKind::ALL.into_iter().filter(wanted).collect())
    }

    /// The workloads of the run, as they are written in [`WORKLOADS`].
    pub(crate) fn workloads(&self) -> Result<Vec<String>> {
        let known = |given: &String| {
            let found = WORKLOADS.iter().find(|name| name.eq_ignore_ascii_case(given));
            found.map(|name| (*name).to_owned()).ok_or_else(|| {
                Error::Usage(format!("there is no workload {given:?}; there are {}", WORKLOADS.join(", ")))
            })
        };
        if self.workloads.is_empty() {
            return Ok(WORKLOADS.map(str::to_owned).to_vec());
        }
        self.workloads.iter().map(known).collect()
    }

    /// The data sets of the run.
    pub(crate) fn data_sets(&self) -> Vec<DataSet> {
        let data = |(size, shape)| DataSet { size, shape, quick: self.quick, memory_part: self.memory_part };
        if !self.sizes.is_empty() && !self.shapes.is_empty() {
            let with = |size: &Size| self.shapes.iter().map(|shape| (*size, *shape)).collect::<Vec<_>>();
            return self.sizes.iter().flat_map(with).map(data).collect();
        }
        let full = [
            (Size::V100, Shape::Random16),
            (Size::V100, Shape::User),
            (Size::V100, Shape::Path),
            (Size::V8, Shape::Random16),
            (Size::V4k, Shape::Random16),
            (Size::V100Ten, Shape::Random16),
        ];
        let named = !self.sizes.is_empty() || !self.shapes.is_empty();
        let wanted = |(size, shape): &(Size, Shape)| {
            if !named {
                return !self.quick || (*size == Size::V100 && *shape == Shape::Random16);
            }
            // With sizes alone, their random keys; with shapes alone, v100.
            if self.shapes.is_empty() {
                self.sizes.contains(size) && *shape == Shape::Random16
            } else {
                self.shapes.contains(shape) && *size == Size::V100
            }
        };
        full.into_iter().filter(wanted).map(data).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Arguments;
    use crate::engines::EngineKind;

    fn run(line: &str) -> super::RunArguments {
        Arguments::try_parse_from(line.split(' ')).unwrap().run
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn pentad_is_in_every_run_and_unknown_workloads_are_named() {
        let engines = run("bench --engines lmdb").engines().unwrap();
        assert_eq!(engines, [EngineKind::Pentad, EngineKind::Lmdb]);
        assert_eq!(run("bench --workloads w3,Mixed").workloads().unwrap(), ["W3", "mixed"]);
        let error = run("bench --workloads W11").workloads().unwrap_err().to_string();
        assert!(error.contains("W11") && error.contains("churn"), "{error}");
    }

    #[test]
    fn sizes_and_shapes_choose_data_sets() {
        let names = |line| run(line).data_sets().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names("bench --quick"), ["v100 random16, a tenth"]);
        assert_eq!(names("bench").len(), 6);
        assert_eq!(names("bench --sizes v8,v4k"), ["v8 random16", "v4k random16"]);
        assert_eq!(names("bench --shapes path"), ["v100 path"]);
        assert_eq!(names("bench --sizes v8 --shapes user,path"), ["v8 user", "v8 path"]);
        assert_eq!(names("bench --sizes v100-10m"), ["v100-10m random16"]);
    }
}
