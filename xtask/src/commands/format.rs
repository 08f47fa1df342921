//! Whether every file is formatted.

use crate::error::Result;
use crate::workspace::Workspace;

/// Compares; changes nothing.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    workspace.cargo(&["fmt", "--all", "--", "--check"]).run()?;
    // Workspaces of their own, which formatting alone does not build.
    for manifest in ["bench/Cargo.toml", "fuzz/Cargo.toml"] {
        workspace.cargo(&["fmt", "--manifest-path", manifest, "--", "--check"]).run()?;
    }
    Ok(String::new())
}
