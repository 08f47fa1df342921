//! Whether the documentation builds without a warning: broken links, unclosed tags, bare addresses.

use crate::error::Result;
use crate::workspace::Workspace;

/// Builds the pages of the workspace's own crates.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    workspace
        .cargo(&["doc", "--workspace", "--no-deps", "--locked"])
        .variable("RUSTDOCFLAGS", "--deny warnings")
        .run()?;
    Ok(format!("open {}", workspace.target().join("doc").display()))
}
