//! Ctrl-C, SIGTERM and SIGHUP as a flag that long work looks at.
//!
//! Only work that leaves something half-done watches: reading verbs keep the default, which ends the process at once
//! and costs them nothing. A second signal while the first is being obeyed ends the process at once as well: the store
//! is made for that.

use std::fs;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Failure, Result};

static REQUESTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// From here on a signal sets the flag instead of ending the process. SIGHUP is left alone where it is ignored: that is
/// what `nohup` asked for.
pub(crate) fn watch() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        if signal == SIGHUP && hangup_is_ignored() {
            continue;
        }
        // In this order the first signal sets the flag, and the second one finds it set.
        flag::register_conditional_shutdown(signal, 130, Arc::clone(&REQUESTED))
            .and_then(|_| flag::register(signal, Arc::clone(&REQUESTED)))
            .map_err(|error| Failure::Usage(format!("cannot watch for Ctrl-C: {error}")))?;
    }
    Ok(())
}

/// Whether a signal has come.
pub(crate) fn requested() -> bool {
    // A flag and nothing else is handed over, so no ordering beyond its own is needed.
    REQUESTED.load(Ordering::Relaxed)
}

/// What long work is told that asks whether to go on.
pub(crate) fn flow() -> ControlFlow<()> {
    if requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
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
