//! The lints of `[workspace.lints]`, every warning an error.
//!
//! Four looks, because a feature or a test can hide what the plain build shows: all targets together (the engine then
//! has its simulated disk), the libraries and programs as a user builds them (what only a test uses is dead code
//! there), the engine with the planted bugs, and the tests of the real process.

use crate::error::Result;
use crate::workspace::Workspace;

/// Runs the four looks.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    for what in [
        &["--workspace", "--all-targets"][..],
        &["--workspace"],
        &["--package", "pentad-engine", "--features", "planted", "--all-targets"],
        &["--package", "pentad", "--features", "crash,chaos", "--test", "crash", "--test", "chaos"],
    ] {
        let arguments = [&["clippy", "--locked"], what, &["--", "--deny", "warnings"]].concat();
        workspace.cargo(&arguments).run()?;
    }
    Ok(String::new())
}
