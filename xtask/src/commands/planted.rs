//! The proof that the crash tests can fail: each bug of the list is planted in the engine and has to be caught.

use crate::error::Result;
use crate::workspace::Workspace;

/// Runs the planted bugs.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    let tests = workspace
        .cargo(&[
            "test",
            "--package",
            "pentad-engine",
            "--features",
            "planted",
            "--test",
            "planted",
            "--locked",
        ])
        .run_tests()?;
    Ok(tests.note())
}
