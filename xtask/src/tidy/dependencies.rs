//! Every outside dependency is declared in the root manifest, used by some crate, and explained in
//! `docs/dependencies.md`: what it does here, and what was rejected. A page that explains what is gone is as wrong.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::finding::Finding;
use crate::tidy::manifest::Manifest;
use crate::tidy::tree::Tree;

const PAGE: &str = "docs/dependencies.md";
const ROOT: &str = "Cargo.toml";

/// Compares the root manifest, the members and the page.
pub(crate) fn findings(tree: &Tree) -> Result<Vec<Finding>> {
    let Some(root) = tree.file(ROOT) else {
        return Ok(vec![Finding::new(
            "dependencies",
            ROOT,
            1,
            "is not there",
            "run the task in the workspace",
        )]);
    };
    let root = Manifest::of(root)?;
    let mut used = BTreeSet::new();
    for file in tree.member_manifests() {
        used.extend(Manifest::of(file)?.all_dependencies().into_iter().map(|dependency| dependency.name));
    }
    let explained = tree.file(PAGE).map(|page| explained(&page.text)).unwrap_or_default();
    let declared = root.dependencies(&["workspace", "dependencies"]);
    let outside: Vec<_> = declared.iter().filter(|dependency| dependency.path.is_none()).collect();

    let mut found = Vec::new();
    for dependency in &declared {
        if !used.contains(&dependency.name) {
            let what = format!("no crate uses {}", dependency.name);
            found.push(Finding::new(
                "dependencies",
                ROOT,
                dependency.line,
                what,
                "remove it here and from the page",
            ));
        }
    }
    for dependency in &outside {
        if !explained.iter().any(|(_, name)| *name == dependency.name) {
            let what = format!("{} is not explained", dependency.name);
            let mend = format!("add a row to {PAGE}: what it does here, what was rejected and why");
            found.push(Finding::new("dependencies", ROOT, dependency.line, what, mend));
        }
    }
    for (line, name) in explained {
        if !outside.iter().any(|dependency| dependency.name == name) {
            let what = format!("{name} is explained but not declared in the root manifest");
            found.push(Finding::new("dependencies", PAGE, line, what, "remove the row"));
        }
    }
    Ok(found)
}

/// The names in the first column of the page's tables, each in backquotes, with their lines.
fn explained(page: &str) -> Vec<(usize, &str)> {
    let name = |line: &'_ str| -> Option<(usize, usize)> {
        let start = "| `".len();
        let end = line.strip_prefix("| `")?.find("` |")?;
        Some((start, start + end))
    };
    let rows = page.lines().enumerate();
    rows.filter_map(|(at, line)| name(line).map(|(start, end)| (at + 1, &line[start..end]))).collect()
}

#[cfg(test)]
mod tests {
    use super::findings;
    use crate::tidy::tree::Tree;

    const ROOT: &str = "[workspace.dependencies]\npentad-a = { path = \"crates/a\" }\nbytes = \"1\"\n";
    const MEMBER: &str = "[dependencies]\nbytes.workspace = true\npentad-a.workspace = true\n";
    const PAGE: &str = "# D\n\n| crate | here | rejected |\n| --- | --- | --- |\n| `bytes` | x | `Vec` |\n";

    fn found(root: &str, member: &str, page: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("Cargo.toml", root),
            ("crates/b/Cargo.toml", member),
            ("docs/dependencies.md", page),
        ]);
        findings(&tree).unwrap().into_iter().map(|f| format!("{}:{}: {}", f.path, f.line, f.what)).collect()
    }

    #[test]
    fn what_is_declared_used_and_explained_passes() {
        assert_eq!(found(ROOT, MEMBER, PAGE), [""; 0]);
    }

    #[test]
    fn an_unexplained_dependency_is_found() {
        assert_eq!(found(ROOT, MEMBER, "# D\n"), ["Cargo.toml:3: bytes is not explained"]);
    }

    #[test]
    fn an_unused_dependency_is_found() {
        let member = "[dependencies]\npentad-a.workspace = true\n";
        assert_eq!(found(ROOT, member, PAGE), ["Cargo.toml:3: no crate uses bytes"]);
    }

    #[test]
    fn an_explanation_of_nothing_is_found() {
        let page = format!("{PAGE}| `sled` | x | y |\n");
        assert_eq!(
            found(ROOT, MEMBER, &page),
            ["docs/dependencies.md:6: sled is explained but not declared in the root manifest"]
        );
    }
}
