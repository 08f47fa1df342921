//! Builds the benchmark program, which is a workspace of its own, and runs it.
//!
//! Invariant: nothing is installed and no tracked file is changed, unless `--publish` names one. What the build needs beyond
//! a Rust toolchain is looked for first, and what is missing is named.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// The store that is left out unless it is named, because building it takes most of an hour.
const ROCKSDB: &str = "rocksdb";
/// Nodes and their client, which the stores of one machine are built without.
const CLUSTER: &str = "cluster";

/// What to run. `cargo xtask bench -- --help` has more.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A tenth of the entries of one data set: minutes instead of hours
    #[arg(long)]
    quick: bool,
    /// Only these stores, by comma: limit, simd-r-drive, lmdb, redb, fjall, rocksdb; Pentad is always there
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    engines: Vec<String>,
    /// Only these workloads, by comma: W1 to W10, mixed, churn, stream
    #[arg(long, value_name = "NAMES")]
    workloads: Option<String>,
    /// Only these sizes, by comma: v100, v8, v4k, v100-10m
    #[arg(long, value_name = "NAMES")]
    sizes: Option<String>,
    /// Only these shapes of keys, by comma: random16, user, path
    #[arg(long, value_name = "NAMES")]
    shapes: Option<String>,
    /// How often everything is run
    #[arg(long, value_name = "N")]
    passes: Option<u32>,
    /// Where the data goes while it runs [default: target/bench]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Put the tables into docs/benchmarks.md, and the charts and results.json beside it
    #[arg(long)]
    publish: bool,
    /// Not the stores of one machine but three nodes, beside etcd where that is installed: minutes
    #[arg(long, conflicts_with_all = ["quick", "engines", "workloads", "sizes", "shapes"])]
    cluster: bool,
    /// Handed to the program as they are
    #[arg(last = true, value_name = "ARGUMENTS")]
    others: Vec<String>,
}

/// Builds and runs.
pub(crate) fn perform(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let with_rocksdb = arguments.engines.iter().any(|name| name.eq_ignore_ascii_case(ROCKSDB));
    let missing = missing(with_rocksdb, &|name| is_on_path(name), &has_libclang);
    if !missing.is_empty() {
        let mend = "nothing is installed by itself".to_owned();
        return Err(Error::Missing { what: missing.join("; "), mend });
    }
    let manifest = workspace.root().join("bench").join("Cargo.toml");
    let manifest = manifest.to_str().ok_or(Error::MetadataLacks("workspace root that is UTF-8"))?;
    // Without `--locked`: the lock file of that workspace also lists the crates of this one, and follows them.
    let mut line: Vec<String> =
        ["run", "--quiet", "--release", "--manifest-path", manifest].map(str::to_owned).into();
    for (is_wanted, feature) in [(with_rocksdb, ROCKSDB), (arguments.cluster, CLUSTER)] {
        if is_wanted {
            line.extend(["--features".to_owned(), feature.to_owned()]);
        }
    }
    line.push("--".to_owned());
    line.extend(program_arguments(workspace, arguments)?);
    workspace.cargo(&line.iter().map(String::as_str).collect::<Vec<_>>()).run()
}

fn program_arguments(workspace: &Workspace, arguments: &Arguments) -> Result<Vec<String>> {
    let mut line: Vec<String> = arguments.cluster.then(|| CLUSTER.to_owned()).into_iter().collect();
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            line.extend([format!("--{name}"), value]);
        }
    };
    option("engines", (!arguments.engines.is_empty()).then(|| arguments.engines.join(",")));
    option("workloads", arguments.workloads.clone());
    option("sizes", arguments.sizes.clone());
    option("shapes", arguments.shapes.clone());
    option("passes", arguments.passes.map(|passes| passes.to_string()));
    let directory = arguments.dir.clone().unwrap_or_else(|| workspace.target().join("bench"));
    option("dir", Some(text(&directory)?));
    let page = arguments.publish.then(|| text(&workspace.root().join("docs").join("benchmarks.md")));
    option("publish", page.transpose()?);
    if arguments.quick {
        line.push("--quick".to_owned());
    }
    line.extend(arguments.others.iter().cloned());
    Ok(line)
}

fn text(path: &Path) -> Result<String> {
    // Cargo runs the program at the root; what is given is relative to where the user stands.
    let path = env::current_dir()
        .map(|directory| directory.join(path))
        .map_err(|source| Error::File { path: path.to_owned(), source })?;
    path.to_str().map(str::to_owned).ok_or(Error::MetadataLacks("path that is UTF-8"))
}

/// What the build needs and the machine lacks, each with why.
fn missing(
    with_rocksdb: bool,
    is_on_path: &dyn Fn(&str) -> bool,
    has_libclang: &dyn Fn() -> bool,
) -> Vec<String> {
    let mut missing = Vec::new();
    if !["cc", "gcc", "clang"].into_iter().any(is_on_path) {
        missing.push("a C compiler (cc, gcc or clang), for LMDB".to_owned());
    }
    if with_rocksdb && !["c++", "g++", "clang++"].into_iter().any(is_on_path) {
        missing.push("a C++ compiler (c++, g++ or clang++), for RocksDB".to_owned());
    }
    if with_rocksdb && !has_libclang() {
        let where_to = "set LIBCLANG_PATH to its directory if it lies in an unusual place";
        missing.push(format!("libclang.so, for RocksDB's bindings ({where_to})"));
    }
    missing
}

fn is_on_path(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(name).is_file())
}

/// Whether there is a libclang where its users look for it.
fn has_libclang() -> bool {
    if env::var_os("LIBCLANG_PATH").is_some() || is_on_path("llvm-config") {
        return true;
    }
    let holds = |directory: &Path| {
        let names = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.into_iter().any(|name| name.to_string_lossy().starts_with("libclang"))
    };
    let fixed = [
        "/usr/lib",
        "/usr/lib64",
        "/usr/local/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ];
    let llvm = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let llvm =
        llvm.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("llvm")));
    fixed
        .iter()
        .map(PathBuf::from)
        .chain(llvm.map(|path| path.join("lib")))
        .any(|directory| holds(&directory))
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn what_is_missing_is_named_and_only_what_the_run_needs() {
        let nothing = |_: &str| false;
        let found = missing(true, &nothing, &|| false).join("\n");
        for what in ["C compiler", "C++ compiler", "libclang"] {
            assert!(found.contains(what), "{found}");
        }
        assert_eq!(missing(false, &|name| name == "gcc", &|| false), [""; 0]);
        assert_eq!(missing(true, &|_| true, &|| true), [""; 0]);
    }
}
