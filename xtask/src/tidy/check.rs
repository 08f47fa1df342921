//! Runs all rules over the tree.

use cargo_metadata::TargetKind;

use crate::error::Result;
use crate::finding::{Finding, settle};
use crate::tidy::tree::Tree;
use crate::tidy::{committed, dependencies, exceptions, manifests, names, roots, rust, unsafety, words};
use crate::workspace::Workspace;

/// Checks every file that git tracks or would track.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    let tree = Tree::of_git(workspace.root())?;
    let mut found = of_texts(&tree)?;
    found.extend(unsafety::without_forbid(&tree, &crate_roots(workspace)?));
    found.extend(committed::findings(workspace.root())?);
    settle("tidy", exceptions::apply(exceptions::EXCEPTIONS, found))?;
    Ok(format!("{} Rust files", tree.rust().count()))
}

/// The rules that need nothing but the texts.
fn of_texts(tree: &Tree) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for file in tree.rust() {
        found.extend(rust::findings(file));
        found.extend(roots::findings(file));
        found.extend(names::findings(file));
        found.extend(unsafety::findings(file));
        found.extend(words::findings(file));
    }
    found.extend(manifests::findings(tree)?);
    found.extend(dependencies::findings(tree)?);
    Ok(found)
}

/// The root file of every library and program.
fn crate_roots(workspace: &Workspace) -> Result<Vec<String>> {
    let mut roots = Vec::new();
    for package in workspace.members().workspace_packages() {
        for target in &package.targets {
            if [TargetKind::Lib, TargetKind::Bin, TargetKind::ProcMacro]
                .iter()
                .any(|kind| target.is_kind(kind.clone()))
            {
                roots.push(workspace.relative(target.src_path.as_std_path())?);
            }
        }
    }
    Ok(roots)
}
