//! Ctrl-C, SIGTERM and SIGHUP as a flag that long work looks at.
//!
//! Only work that leaves something half-done watches: reading verbs keep the default, which ends the process at once
//! and costs them nothing. A second signal while the first is being obeyed ends the process at once as well: the store
//! is made for that.

use std::fs;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Failure, Result};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// From here on a signal sets the flag instead of ending the process.
///
/// Under `nohup` nothing is watched: the handler takes the three signals together, and would undo what was asked.
pub(crate) fn watch() -> Result<()> {
    if hangup_is_ignored() {
        return Ok(());
    }
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

/// Whether SIGHUP was ignored when this process began, where the system says so.
fn hangup_is_ignored() -> bool {
    const SIGHUP_BIT: u64 = 1;
    let Ok(status) = fs::read_to_string("/proc/self/status") else {
        return false;
    };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & SIGHUP_BIT != 0)
}
