//! The layer cake: which crate of the workspace may use which, and which outside crates some of them must do without.
//!
//! Invariant: the table below is the whole permission. A crate or an edge that is not in it fails the check, so a new
//! dependency between crates is a decision that shows in a review. `docs/architecture.md` gives the reasons.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata};

use crate::error::Result;
use crate::finding::{Finding, settle};
use crate::workspace::Workspace;

/// Where findings point, and where they are mended when the edge is meant.
const TABLE: &str = "xtask/src/layers.rs";

/// What one crate may use.
#[derive(Debug)]
struct Layer {
    package: &'static str,
    /// Crates of the workspace, in the library and in build scripts.
    uses: &'static [&'static str],
    /// Crates of the workspace that its tests may use besides those.
    tests_use: &'static [&'static str],
    /// The only outside crates that it may name; `None` leaves the choice to `docs/dependencies.md`.
    only: Option<&'static [&'static str]>,
    /// Outside crates that must not be below it, however indirectly.
    never: &'static [&'static str],
}

/// Runtimes, transports, consensus and command lines: what the layers below the node do without.
const ABOVE: &[&str] = &["async-std", "clap", "hyper", "openraft", "smol", "tokio", "tonic"];

const LAYERS: &[Layer] = &[
    Layer {
        package: "pentad-traits",
        uses: &[],
        tests_use: &["pentad-traits"],
        only: Some(&["async-trait", "bytes"]),
        never: ABOVE,
    },
    Layer { package: "pentad-engine", uses: &[], tests_use: &["pentad-engine"], only: None, never: ABOVE },
    Layer {
        package: "pentad-local-backend",
        uses: &["pentad-traits", "pentad-engine"],
        tests_use: &["pentad-local-backend"],
        only: None,
        never: &["clap", "openraft", "tonic"],
    },
    Layer {
        package: "pentad-client",
        uses: &["pentad-traits"],
        tests_use: &["pentad-client"],
        only: None,
        never: &["clap", "openraft", "pentad-engine"],
    },
    Layer {
        package: "pentad-cluster-backend",
        uses: &["pentad-traits", "pentad-engine", "pentad-client"],
        // One program over all implementations of an interface is an example here.
        tests_use: &["pentad-cluster-backend", "pentad-local-backend"],
        only: None,
        never: &["clap"],
    },
    Layer {
        package: "pentad",
        uses: &["pentad-engine", "pentad-local-backend", "pentad-client", "pentad-cluster-backend"],
        tests_use: &["pentad", "pentad-traits"],
        only: None,
        never: &[],
    },
    Layer { package: "xtask", uses: &[], tests_use: &[], only: None, never: &[] },
];

/// The part of cargo's graph that the rules speak of.
#[derive(Debug, Default)]
struct Graph {
    members: Vec<Member>,
    /// For every crate, outside ones too, what it is built with; tests left out.
    built_with: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug)]
struct Member {
    name: String,
    manifest: String,
    edges: Vec<Edge>,
}

#[derive(Debug)]
struct Edge {
    to: String,
    only_tests: bool,
}

/// Compares the graph with the table.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    let graph = Graph::of(&workspace.graph()?, workspace)?;
    settle("layers", findings(&graph, LAYERS))?;
    Ok(format!("{} crates", graph.members.len()))
}

fn findings(graph: &Graph, layers: &[Layer]) -> Vec<Finding> {
    let names: BTreeSet<&str> = graph.members.iter().map(|member| member.name.as_str()).collect();
    let mut found = Vec::new();
    for member in &graph.members {
        let mut report =
            |what: String, mend: String| found.push(Finding::new("layers", &member.manifest, 1, what, mend));
        let Some(layer) = layers.iter().find(|layer| layer.package == member.name) else {
            report(
                format!("{} has no layer", member.name),
                format!("add a row to {TABLE} that says what it may use"),
            );
            continue;
        };
        for edge in &member.edges {
            let to = edge.to.as_str();
            let allowed = layer.uses.contains(&to) || (edge.only_tests && layer.tests_use.contains(&to));
            if names.contains(to) && !allowed {
                let tests = if edge.only_tests { "the tests of " } else { "" };
                let mend =
                    format!("remove the dependency, or decide otherwise in {TABLE} and docs/architecture.md");
                report(format!("{tests}{} must not use {to}", member.name), mend);
            } else if !names.contains(to)
                && !edge.only_tests
                && layer.only.is_some_and(|only| !only.contains(&to))
            {
                let only = layer.only.unwrap_or_default().join(" and ");
                report(format!("{} must not use {to}", member.name), format!("it may name only {only}"));
            }
        }
        for (never, path) in graph.reached_from(&member.name, layer.never) {
            let mend = format!(
                "it comes by way of {path}: use another crate, or switch off the feature that brings it"
            );
            report(format!("{} must do without {never}", member.name), mend);
        }
    }
    found
}

impl Graph {
    fn of(metadata: &Metadata, workspace: &Workspace) -> Result<Self> {
        let mut graph = Self::default();
        for package in metadata.workspace_packages() {
            let edges = package.dependencies.iter().map(|dependency| Edge {
                to: dependency.name.to_string(),
                only_tests: dependency.kind == DependencyKind::Development,
            });
            graph.members.push(Member {
                name: package.name.to_string(),
                manifest: workspace.relative(package.manifest_path.as_std_path())?,
                edges: edges.collect(),
            });
        }
        let name_of: BTreeMap<_, _> =
            metadata.packages.iter().map(|package| (&package.id, package.name.to_string())).collect();
        for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
            let built_with = graph.built_with.entry(name_of[&node.id].clone()).or_default();
            for dependency in &node.deps {
                // An empty list is what a cargo older than these kinds writes: then every edge counts.
                let kinds = &dependency.dep_kinds;
                if kinds.is_empty() || kinds.iter().any(|kind| kind.kind != DependencyKind::Development) {
                    built_with.insert(name_of[&dependency.pkg].clone());
                }
            }
        }
        Ok(graph)
    }

    /// Those of `wanted` that `from` is built with, each with the way there.
    fn reached_from<'a>(&self, from: &str, wanted: &[&'a str]) -> Vec<(&'a str, String)> {
        let mut way: BTreeMap<&str, String> = BTreeMap::new();
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            let so_far = way.get(at).map_or_else(|| at.to_owned(), Clone::clone);
            for next in self.built_with.get(at).into_iter().flatten() {
                if next != from && !way.contains_key(next.as_str()) {
                    way.insert(next, format!("{so_far} -> {next}"));
                    open.push(next);
                }
            }
        }
        wanted.iter().filter_map(|name| way.get(name).map(|way| (*name, way.clone()))).collect()
    }
}

#[cfg(test)]
mod tests;
