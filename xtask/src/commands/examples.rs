//! Examples are what a newcomer copies, so every one is built, and every one that needs no input is run.
//!
//! Each runs in an empty directory of its own, without standard input. An example that cannot run so is named in its
//! crate's manifest, `[package.metadata.examples] need-input = ["name"]`, and is only built.

use std::io::Cursor;
use std::path::PathBuf;
use std::time::Duration;

use cargo_metadata::{Message, Package, TargetKind};

use crate::error::{Error, Result};
use crate::run::Task;
use crate::workspace::Workspace;

/// Examples show; they do not measure. One that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// Builds and runs them.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    let packages = workspace.members().workspace_packages();
    if packages.iter().all(|package| examples_of(package).next().is_none()) {
        return Ok("the workspace has no example".to_owned());
    }
    // First for the eyes, then once more for the paths of what was built: the second call finds all of it fresh.
    let build = ["build", "--workspace", "--examples", "--locked"];
    workspace.cargo(&build).run()?;
    let quiet = [&build[..], &["--quiet", "--message-format", "json-render-diagnostics"]].concat();
    let built = executables(&workspace.cargo(&quiet).answer()?)?;
    let (mut ran, mut only_built) = (0, 0);
    for package in packages {
        let need_input = need_input(package);
        for name in examples_of(package) {
            if need_input.contains(&name) {
                only_built += 1;
                continue;
            }
            // What needs a feature that is off by default is not built here, and so is not run.
            let Some((_, program)) = built.iter().find(|(built, _)| built == name) else {
                only_built += 1;
                continue;
            };
            let place = tempfile::tempdir().map_err(|source| Error::File {
                path: std::env::temp_dir().join("(a new directory)"),
                source,
            })?;
            Task::program(program, &[]).directory(place.path()).run_within(LIMIT)?;
            ran += 1;
        }
    }
    Ok(format!("{ran} run, {only_built} not run"))
}

fn examples_of(package: &Package) -> impl Iterator<Item = &str> {
    let examples = package.targets.iter().filter(|target| target.is_kind(TargetKind::Example));
    examples.map(|target| target.name.as_str())
}

/// The examples that a crate's manifest says cannot run on their own.
fn need_input(package: &Package) -> Vec<&str> {
    let names = package.metadata.get("examples").and_then(|table| table.get("need-input"));
    names.and_then(|names| names.as_array()).into_iter().flatten().filter_map(|name| name.as_str()).collect()
}

/// The examples among cargo's messages, each with the path of its program.
fn executables(messages: &str) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for message in Message::parse_stream(Cursor::new(messages)) {
        let message = message
            .map_err(|source| Error::Output { command: "cargo build --examples".to_owned(), source })?;
        if let Message::CompilerArtifact(artifact) = message
            && artifact.target.is_kind(TargetKind::Example)
            && let Some(program) = artifact.executable
        {
            found.push((artifact.target.name, program.into_std_path_buf()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::executables;

    #[test]
    fn the_program_of_an_example_is_read_from_the_messages_of_cargo() {
        let artifact = |kind: &str, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"path+file:///w#a@0.1.0","manifest_path":"/w/Cargo.toml","target":{{"kind":["{kind}"],"crate_types":["bin"],"name":"tour","src_path":"/w/tour.rs","edition":"2024","doc":false,"doctest":false,"test":false}},"profile":{{"opt_level":"1","debuginfo":0,"debug_assertions":true,"overflow_checks":true,"test":false}},"features":[],"filenames":[],"executable":{executable},"fresh":true}}"#
            )
        };
        let messages = [
            artifact("example", r#""/w/target/debug/examples/tour""#),
            artifact("bin", r#""/w/target/debug/tour""#),
            artifact("example", "null"),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        let found = executables(&messages.join("\n")).unwrap();
        assert_eq!(found, [("tour".to_owned(), "/w/target/debug/examples/tour".into())]);
    }
}
