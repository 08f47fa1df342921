//! Versions, edition, licence and lints stand once, in the root manifest; members inherit them, and their dependencies'
//! versions too.

use crate::error::Result;
use crate::finding::Finding;
use crate::tidy::manifest::Manifest;
use crate::tidy::tree::Tree;

const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

/// The defects of the members' manifests.
pub(crate) fn findings(tree: &Tree) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for file in tree.member_manifests() {
        let manifest = Manifest::of(file)?;
        for key in INHERITED.iter().filter(|key| !manifest.inherits("package", key)) {
            let line = manifest.line("package");
            let what = format!("has a `{key}` of its own");
            found.push(Finding::new(
                "manifests",
                manifest.path,
                line,
                what,
                format!("write `{key}.workspace = true`"),
            ));
        }
        if !manifest.inherits_table("lints") {
            let mend = "write `[lints]` with `workspace = true`";
            found.push(Finding::new(
                "manifests",
                manifest.path,
                manifest.line("lints"),
                "has lints of its own",
                mend,
            ));
        }
        for dependency in manifest.all_dependencies() {
            // A crate that turns on a feature of its own for its tests can only say so by its path.
            if !dependency.inherited && dependency.path.as_deref() != Some(".") {
                let what = format!("{} has a version of its own", dependency.name);
                let mend = "put it in [workspace.dependencies] of the root and write `workspace = true` here";
                found.push(Finding::new("manifests", manifest.path, dependency.line, what, mend));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::findings;
    use crate::tidy::tree::Tree;

    const GOOD: &str = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\
        [lints]\nworkspace = true\n[dependencies]\nb.workspace = true\n[dev-dependencies]\na = { path = \".\" }\n";

    fn found(text: &str) -> Vec<String> {
        let tree = Tree::of(&[("crates/a/Cargo.toml", text), ("Cargo.toml", "[workspace]\n")]);
        findings(&tree).unwrap().into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_manifest_that_inherits_everything_passes() {
        assert_eq!(found(GOOD), [""; 0]);
    }

    #[test]
    fn each_thing_that_is_not_inherited_is_found() {
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            let own = GOOD.replace(&format!("\n{key}.workspace = true"), "");
            assert_eq!(found(&own), [format!("has a `{key}` of its own")]);
        }
        assert_eq!(
            found(&GOOD.replace("version.workspace = true\nedition", "version = \"1.0.0\"\nedition")).len(),
            1
        );
        assert_eq!(found(&GOOD.replace("[lints]\nworkspace = true\n", "")), ["has lints of its own"]);
        assert_eq!(found(&GOOD.replace("b.workspace = true", "b = \"1\"")), ["b has a version of its own"]);
        assert_eq!(found(&GOOD.replace("\".\"", "\"../a\"")), ["a has a version of its own"]);
    }
}
