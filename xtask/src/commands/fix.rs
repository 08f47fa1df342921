//! Mends what a program can mend: clippy's own suggestions, then the formatting.
//!
//! Snapshots and golden files are left alone: whether a changed output is right is for a person to say.

use crate::error::Result;
use crate::workspace::Workspace;

/// Changes files in the working tree, committed or not.
pub(crate) fn perform(workspace: &Workspace) -> Result<()> {
    for what in [&["--workspace"][..], &["--package", "pentad-engine", "--features", "planted"]] {
        let arguments =
            [&["clippy", "--fix", "--allow-dirty", "--allow-staged", "--all-targets"], what].concat();
        workspace.cargo(&arguments).run()?;
    }
    // Last, because a suggestion of clippy is not always formatted.
    workspace.cargo(&["fmt", "--all"]).run()?;
    for manifest in ["bench/Cargo.toml", "fuzz/Cargo.toml"] {
        workspace.cargo(&["fmt", "--manifest-path", manifest]).run()?;
    }
    println!("Mended what can be mended; see `git diff`. `cargo xtask ci` says what is left.");
    Ok(())
}
