//! Whether every file is formatted.

use crate::error::Result;
use crate::workspace::Workspace;

/// Compares; changes nothing.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    workspace.cargo(&["fmt", "--all", "--", "--check"]).run()?;
    Ok(String::new())
}
