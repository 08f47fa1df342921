//! Synchronisation primitives of what is modelled with loom: the standard ones, or loom's under `--cfg loom`, so that the
//! lock-free structures and the commit queue are model-checked in the form in which they ship.

#[cfg(not(loom))]
pub(crate) use super::lock::{Condvar, Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::{Arc, atomic};

#[cfg(loom)]
pub(crate) use loom::sync::{Arc, Condvar, Mutex, MutexGuard, atomic};

/// Waits for a moment for another thread to get on.
pub(crate) fn spin() {
    #[cfg(not(loom))]
    std::hint::spin_loop();
    #[cfg(loom)]
    loom::thread::yield_now();
}

/// Lets other threads run that wait for a processor.
pub(crate) fn give_way() {
    #[cfg(not(loom))]
    std::thread::yield_now();
    #[cfg(loom)]
    loom::thread::yield_now();
}
