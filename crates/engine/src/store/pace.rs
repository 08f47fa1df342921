//! How fast a compaction goes: in slices of time, with pauses as long as its work between them, so that it takes at most
//! half of a processor from those who read and write. When garbage comes faster than that, the pauses go.
//!
//! Invariant: no lock but that of the compaction is held in a pause.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::core::Core;
use super::verify_report::Progress;
use crate::error::{Error, ErrorKind, Result};

/// How long it works at a time.
const SLICE_NS: u64 = 2_000_000;
/// So many bytes of work are done before the clock is looked at, which is about a tenth of a slice.
const LOOK_BYTES: u64 = 16 << 10;

/// Waits so long; `false` when it is time to stop instead. Without one, whoever calls comes back later.
pub(super) type Wait<'a> = dyn Fn(Duration) -> bool + 'a;

/// Is told how far it is; `Break` puts an end to it.
type Tell<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// The pace of one compaction.
pub(super) struct Pace<'a> {
    core: &'a Core,
    /// `None`: as fast as it can.
    wait: Option<&'a Wait<'a>>,
    tell: Option<RefCell<&'a mut Tell<'a>>>,
    /// Whether it may not rest.
    hurries: Cell<bool>,
    /// When the current slice began, by the monotonic clock.
    since_ns: Cell<u64>,
    /// Bytes of work since the clock was last looked at.
    unseen_bytes: Cell<u64>,
}

impl fmt::Debug for Pace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").field("waits", &self.wait.is_some()).finish_non_exhaustive()
    }
}

impl<'a> Pace<'a> {
    /// With pauses, if there is a way to wait.
    pub(super) fn new(core: &'a Core, wait: Option<&'a Wait<'a>>) -> Self {
        let since_ns = Cell::new(core.environment.clock.monotonic_ns());
        let (hurries, unseen_bytes) = (Cell::new(false), Cell::new(0));
        Self { core, wait, tell: None, hurries, since_ns, unseen_bytes }
    }

    /// Without pauses, for someone who waits for the end of it.
    pub(super) fn told(core: &'a Core, tell: &'a mut Tell<'a>) -> Self {
        Self { tell: Some(RefCell::new(tell)), ..Self::new(core, None) }
    }

    /// Lets the pauses out, or in again.
    pub(super) fn hurry(&self, hurries: bool) {
        self.hurries.set(hurries);
    }

    /// Called often, after so many bytes of work, by whoever holds no lock but that of the compaction: rests if it is time to.
    ///
    /// # Errors
    ///
    /// When the store is being closed, or who is told wants no more.
    pub(super) fn step(&self, bytes: u64) -> Result<()> {
        if !self.is_due(bytes) {
            return Ok(());
        }
        if let Some(tell) = &self.tell
            && (tell.borrow_mut())(self.core.counters.compaction_progress()).is_break()
        {
            return Err(Error::new(
                ErrorKind::Cancelled,
                "the compaction was cancelled; nothing has changed",
            ));
        }
        if self.core.closing.load(Ordering::Acquire) || !self.pause() {
            return Err(self.core.closed_error());
        }
        Ok(())
    }

    /// The same where it is too late to stop.
    pub(super) fn rest(&self, bytes: u64) {
        if self.is_due(bytes) && !self.core.closing.load(Ordering::Acquire) {
            self.pause();
        }
    }

    fn is_due(&self, bytes: u64) -> bool {
        let unseen = self.unseen_bytes.get() + bytes;
        self.unseen_bytes.set(if unseen < LOOK_BYTES { unseen } else { 0 });
        unseen >= LOOK_BYTES
    }

    /// Waits as long as it has worked, if that was long enough; `false` when it is time to stop.
    fn pause(&self) -> bool {
        let Some(wait) = self.wait else { return true };
        let clock = &self.core.environment.clock;
        let worked = clock.monotonic_ns().saturating_sub(self.since_ns.get());
        if worked < SLICE_NS {
            return true;
        }
        let goes_on = self.hurries.get() || wait(Duration::from_nanos(worked));
        self.since_ns.set(clock.monotonic_ns());
        goes_on
    }
}
