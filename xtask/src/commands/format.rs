//! Whether every file is formatted.

use crate::error::Result;
use crate::workspace::Workspace;

/// Compares; changes nothing.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    workspace.cargo(&["fmt", "--all", "--", "--check"]).run()?;
    // A workspace of its own, which formatting alone does not build.
    workspace.cargo(&["fmt", "--manifest-path", "bench/Cargo.toml", "--", "--check"]).run()?;
    Ok(String::new())
}
