//! All tests of the workspace: unit, integration and doc tests.

use crate::error::Result;
use crate::workspace::Workspace;

/// Runs everything, and goes on after a failing test binary so that one run shows all that is broken.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    let tests = workspace
        .cargo(&["test", "--workspace", "--locked", "--no-fail-fast"])
        // A snapshot that differs fails its test and is not written beside the old one: a check changes nothing.
        .variable("INSTA_UPDATE", "no")
        .run_tests()?;
    Ok(tests.note())
}
