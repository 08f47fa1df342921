//! Ctrl-C, SIGTERM and SIGHUP as a flag that long work looks at.
//!
//! Only work that leaves something half-done watches: reading verbs keep the default, which ends the process at once
//! and costs them nothing. A second signal while the first is being obeyed ends the process at once as well: the store
//! is made for that.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Failure, Result};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// From here on a signal sets the flag instead of ending the process.
pub(crate) fn watch() -> Result<()> {
    ctrlc::set_handler(|| {
        // A flag and nothing else is handed over, so no ordering beyond its own is needed.
        if REQUESTED.swap(true, Ordering::Relaxed) {
            process::exit(130);
        }
    })
    .map_err(|error| Failure::Usage(format!("cannot watch for Ctrl-C: {error}")))
}

/// Whether a signal has come.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Fails when a signal has come.
pub(crate) fn check() -> Result<()> {
    if requested() { Err(Failure::Interrupted) } else { Ok(()) }
}
