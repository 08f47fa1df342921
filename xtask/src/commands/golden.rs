//! Writes the golden store images anew. Never part of `ci`: the images are what later versions must still open.

use crate::error::Result;
use crate::workspace::Workspace;

/// Lets the golden test write instead of compare.
pub(crate) fn perform(workspace: &Workspace) -> Result<()> {
    workspace
        .cargo(&["test", "--package", "pentad-engine", "--test", "golden", "--locked"])
        .variable("PENTAD_WRITE_GOLDEN", "1")
        .run_tests()?;
    println!(
        "Written. See what changed with `git status` and say in docs/format.md why; then run `cargo xtask ci`."
    );
    Ok(())
}
