//! Writes what a run found: tables to the terminal and to files, charts, JSON; and, when asked, into a page of the documentation.
//!
//! Invariant: a page is replaced only between its two marks, and not at all when one of them is missing.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::collected::{Collected, Set};
use super::{chart, tables, targets};
use crate::arguments::RunArguments;
use crate::data::DataSet;
use crate::engines::EngineKind;
use crate::error::{Error, Result};
use crate::machine::Machine;

const BEGIN: &str = "<!-- figures: begin, written by `cargo xtask bench --publish` -->";
const END: &str = "<!-- figures: end -->";

/// Everything, for programs.
#[derive(Serialize)]
struct Results<'a> {
    machine: &'a Machine,
    sets: &'a [Set],
}

/// What an earlier run has left for programs.
#[derive(Deserialize)]
pub(crate) struct Earlier {
    pub(crate) machine: Machine,
    pub(crate) sets: Vec<Set>,
}

fn out(arguments: &RunArguments) -> PathBuf {
    arguments.out.clone().unwrap_or_else(|| arguments.dir.join("report"))
}

/// Reads what an earlier run has left in the output directory.
pub(crate) fn earlier(arguments: &RunArguments) -> Result<Earlier> {
    let path = out(arguments).join("results.json");
    let text = fs::read_to_string(&path).map_err(Error::file(&path))?;
    serde_json::from_str(&text).map_err(|source| Error::Json { what: path.display().to_string(), source })
}

/// Writes what there is so far for programs, so that a run that is interrupted after hours has not been for nothing.
pub(crate) fn write_results(
    arguments: &RunArguments,
    machine: &Machine,
    collected: &Collected,
) -> Result<(PathBuf, String)> {
    let out = out(arguments);
    fs::create_dir_all(&out).map_err(Error::file(&out))?;
    let results = Results { machine, sets: collected.sets() };
    let json = serde_json::to_string(&results)
        .map_err(|source| Error::Json { what: "the results".to_owned(), source })?;
    write(&out.join("results.json"), &format!("{json}\n"))?;
    Ok((out, json))
}

/// Writes the report of a run.
pub(crate) fn write_report(arguments: &RunArguments, machine: &Machine, collected: &Collected) -> Result<()> {
    let engines: Vec<EngineKind> = machine.engines.iter().map(|(kind, ..)| *kind).collect();
    let (out, json) = write_results(arguments, machine, collected)?;
    let charts: Vec<(String, String)> = collected
        .sets()
        .iter()
        .filter_map(|set| Some((format!("{}.svg", file_name(set.data)), chart::speeds(set, &engines)?)))
        .collect();
    let text = head(machine) + &body(collected, &engines);
    println!("{text}");
    write_into(&out, &json, &charts)?;
    write(&out.join("tables.md"), &text)?;
    println!("Written to {}: results.json, tables.md, {} chart(s).", out.display(), charts.len());
    match &arguments.publish {
        Some(page) => publish(page, &text, &json, &charts),
        None => Ok(()),
    }
}

fn file_name(data: DataSet) -> String {
    let part = data.memory_part.map(|part| format!("-memory-{part}")).unwrap_or_default();
    format!("{}-{}{part}", data.size.name(), data.shape.name())
}

fn write_into(directory: &Path, json: &str, charts: &[(String, String)]) -> Result<()> {
    write(&directory.join("results.json"), &format!("{json}\n"))?;
    charts.iter().try_for_each(|(name, svg)| write(&directory.join(name), svg))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(Error::file(path))
}

/// The machine, as the beginning of a table.
pub(crate) fn machine_lines(machine: &Machine) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| writeln!(text, "| {name} | {value} |").expect("text");
    line("", "");
    line("---", "---");
    line("processor", &format!("{}, {} of them", machine.processor, machine.processors));
    line("memory", &format!("{} MiB", machine.memory_mib));
    line("file system", &machine.file_system);
    line("kernel", &format!("Linux {}", machine.kernel));
    line("compiler", &machine.rustc);
    line("Pentad", &format!("commit {}", machine.commit));
    let busy = format!("{:.2} at the start, {:.2} at the end", machine.load_start, machine.load_end);
    line("load of the machine over a minute", &busy);
    text
}

/// Machine, versions, settings.
fn head(machine: &Machine) -> String {
    let mut text = machine_lines(machine);
    text.push_str("\n| store | version | settings |\n| --- | --- | --- |\n");
    for (kind, version, settings) in &machine.engines {
        let version = version.as_deref().unwrap_or("this repository");
        writeln!(text, "| {} | {version} | {settings} |", kind.name()).expect("text");
    }
    text.push('\n');
    text
}

/// Targets and tables.
fn body(collected: &Collected, engines: &[EngineKind]) -> String {
    let mut text = String::new();
    let targets = targets::table(collected);
    if !targets.is_empty() {
        let meant_for = "The bars are meant for the full sizes: in a tenth of the entries, one segment outweighs all of them.";
        writeln!(text, "### Targets\n\n{meant_for}\n\n{targets}").expect("text");
    }
    writeln!(text, "### How to read the tables\n\n{}\n", tables::HOW_TO_READ).expect("text");
    text.push_str(&tables::all(collected, engines));
    text
}

/// Replaces the figures of a page, and puts JSON and charts into a directory that is named after it.
fn publish(page: &Path, text: &str, json: &str, charts: &[(String, String)]) -> Result<()> {
    let directory = page.with_extension("");
    fs::create_dir_all(&directory).map_err(Error::file(&directory))?;
    write_into(&directory, json, charts)?;
    let name = directory.file_name().map(PathBuf::from).unwrap_or_default();
    let mut figures = text.to_owned();
    for (chart, _) in charts {
        writeln!(figures, "![{}]({})\n", chart.trim_end_matches(".svg"), name.join(chart).display())
            .expect("text");
    }
    replace_between(page, BEGIN, END, &figures)?;
    println!("Published in {}.", page.display());
    Ok(())
}

/// Replaces what stands between two marks of a page.
pub(crate) fn replace_between(page: &Path, begin: &str, end: &str, figures: &str) -> Result<()> {
    let old = fs::read_to_string(page).map_err(Error::file(page))?;
    let new = replaced(&old, begin, end, figures).ok_or_else(|| {
        Error::Usage(format!("{} lacks the lines `{begin}` and `{end}`, in this order", page.display()))
    })?;
    write(page, &new)
}

fn replaced(page: &str, begin: &str, end: &str, figures: &str) -> Option<String> {
    let (before, rest) = page.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n\n{}\n\n{end}{after}", figures.trim()))
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, replaced};

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let once = replaced(&page, BEGIN, END, "new\n").unwrap();
        assert_eq!(once, format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
        assert_eq!(replaced(&once, BEGIN, END, "new").unwrap(), once);
        assert_eq!(replaced("no marks", BEGIN, END, "new"), None);
        assert_eq!(replaced(&format!("{END} {BEGIN}"), BEGIN, END, "new"), None);
    }
}
