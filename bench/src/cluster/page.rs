//! Writes what a run of the cluster found: to the terminal, to files, and between marks of its own into the page of the benchmarks.

use std::fmt::Write as _;
use std::fs;

use serde::Serialize;

use super::collected::Collected;
use super::node::json;
use super::{table, targets};
use crate::arguments::ClusterArguments;
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::report::{machine_lines, replace_between};

const BEGIN: &str = "<!-- cluster figures: begin, written by `cargo xtask bench --cluster --publish` -->";
const END: &str = "<!-- cluster figures: end -->";
/// The figures for programs.
const FILE: &str = "cluster.json";

#[derive(Serialize)]
struct Results<'a> {
    machine: &'a Machine,
    etcd: Option<&'a str>,
    passes: u32,
    milliseconds: u32,
    collected: &'a Collected,
}

/// Writes everything.
pub(super) fn write(
    arguments: &ClusterArguments,
    machine: &Machine,
    etcd: Option<&str>,
    collected: &Collected,
) -> Result<()> {
    let results =
        Results { machine, etcd, passes: arguments.passes, milliseconds: arguments.milliseconds, collected };
    let results = serde_json::to_string(&results).map_err(json("the results"))? + "\n";
    let text = text(arguments, machine, etcd, collected);
    println!("{text}");
    let out = arguments.out.clone().unwrap_or_else(|| arguments.dir.join("report"));
    fs::create_dir_all(&out).map_err(Error::file(&out))?;
    for (name, text) in [(FILE, &results), ("cluster.md", &text)] {
        let path = out.join(name);
        fs::write(&path, text).map_err(Error::file(&path))?;
    }
    println!("Written to {}: {FILE}, cluster.md.", out.display());
    let Some(page) = &arguments.publish else { return Ok(()) };
    replace_between(page, BEGIN, END, &text)?;
    let beside = page.with_extension("");
    fs::create_dir_all(&beside).map_err(Error::file(&beside))?;
    let path = beside.join(FILE);
    fs::write(&path, &results).map_err(Error::file(&path))?;
    println!("Published in {}.", page.display());
    Ok(())
}

fn text(
    arguments: &ClusterArguments,
    machine: &Machine,
    etcd: Option<&str>,
    collected: &Collected,
) -> String {
    let mut text = machine_lines(machine);
    let passes = format!("{}, {} ms for each figure", arguments.passes, arguments.milliseconds);
    let settings = "three nodes in three processes, defaults; the callers of the wire in a process of their own, one `Client` for all";
    let etcd = match etcd {
        Some(version) => format!(
            "{version}, three nodes in three processes, defaults; one connection to each; puts and linearizable reads go to the leader, \
             serializable ones to all in turn"
        ),
        None => "not found on this machine, so its column is missing, and the bars against it have no figure"
            .to_owned(),
    };
    for (name, value) in [
        ("passes", passes.as_str()),
        ("load", "10,000 keys of 8 bytes, values of 256 bytes, in a closed loop"),
        ("pentad", settings),
        ("etcd", &etcd),
    ] {
        writeln!(text, "| {name} | {value} |").expect("text");
    }
    format!(
        "{text}\n### Targets of the cluster\n\n{}### Figures of the cluster\n\n{}",
        targets::table(collected),
        table::all(collected)
    )
}
