//! The store's own threads: one leads the commits of futures, one records how far the log is durable, one merges the runs
//! of the index, one compacts and writes checkpoints, one scrubs if that was asked for.
//!
//! Invariants: a thread that panics poisons its store first, so that nobody waits for work that is not done any more; a store that
//! could not start all of its threads has none left running.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::compact::Limit;
use super::core::Core;
use crate::error::{Error, ErrorKind, Result};
use crate::seams::lock::{Condvar, Mutex};

/// How often it is looked for something to record: a mark follows a synced group within this time.
const TICK: Duration = Duration::from_millis(100);
/// Every so many ticks the time of expiries is recorded, and it is looked for something to compact: once a second.
const EXPIRY_TICKS: u32 = 10;

/// The running threads; joined when the store is closed.
#[derive(Debug)]
pub(crate) struct Threads {
    handles: Mutex<Vec<JoinHandle<()>>>,
    stop: Arc<Stop>,
}

/// What the threads could not do: nobody waits for them, so it has to be asked for.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    failures: Mutex<BTreeMap<&'static str, Error>>,
}

impl Upkeep {
    /// Keeps the failure of `work` until it succeeds. That the store is being closed is none.
    pub(crate) fn note<T>(&self, work: &'static str, result: Result<T>) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Err(error) if error.kind() != ErrorKind::Closed => failures.insert(work, error),
            _ => failures.remove(work),
        };
    }

    /// The failures that stand, each with what was tried.
    pub(crate) fn failures(&self) -> Vec<String> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.iter().map(|(work, error)| format!("{work}: {error}")).collect()
    }
}

#[derive(Debug, Default)]
struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// Waits for so many ticks; `true` when it is time to stop. A wake-up without a reason only makes a wait shorter.
    fn wait(&self, ticks: u32) -> bool {
        self.wait_for(TICK * ticks)
    }

    /// Waits for so long; `true` when it is time to stop.
    fn wait_for(&self, time: Duration) -> bool {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        if !*stopped {
            let waited = self.changed.wait_timeout(stopped, time);
            (stopped, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        *stopped
    }
}

impl Threads {
    /// Starts the threads of a store, if it is to have any.
    pub(crate) fn start(core: &Arc<Core>) -> Result<Self> {
        let threads = Self { handles: Mutex::default(), stop: Arc::default() };
        if core.read_only || !core.environment.background {
            return Ok(threads);
        }
        core.queue.expect_thread();
        let started = threads
            .spawn(core, "pentad-commit", |core, _| core.queue.serve(core))
            .and_then(|()| threads.spawn(core, "pentad-mark", mark_until))
            .and_then(|()| threads.spawn(core, "pentad-index", index_until))
            .and_then(|()| threads.spawn(core, "pentad-compact", compact_until))
            .and_then(|()| match core.options.scrub_bytes_per_second {
                0 => Ok(()),
                _ => threads.spawn(core, "pentad-scrub", scrub_until),
            });
        if let Err(error) = started {
            // They hold the store, and with it the lock on its directory.
            core.queue.stop();
            threads.join();
            return Err(error);
        }
        Ok(threads)
    }

    /// Starts the thread that wakes watches, unless it runs, or the store is to have none.
    pub(crate) fn serve_watches(&self, core: &Arc<Core>) -> Result<()> {
        if core.read_only || !core.environment.background || !core.wakeups.claim() {
            return Ok(());
        }
        self.spawn(core, "pentad-watch", |core, _| core.wakeups.serve())
            .inspect_err(|_| core.wakeups.disclaim())
    }

    fn spawn(&self, core: &Arc<Core>, name: &'static str, work: fn(&Core, &Stop)) -> Result<()> {
        let (served, stop) = (Arc::clone(core), Arc::clone(&self.stop));
        let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            served.poison_on_panic(&format!("working as {name}"), || work(&served, &stop));
        });
        let handle = spawned.map_err(|e| Error::io("start a thread for", &core.dir, &e))?;
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
        Ok(())
    }

    /// Ends the threads of a closed store and waits for them. A thread of the store's own that holds the last handle does not wait
    /// for itself.
    pub(crate) fn join(&self) {
        *self.stop.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.changed.notify_all();
        let handles = std::mem::take(&mut *self.handles.lock().unwrap_or_else(PoisonError::into_inner));
        for handle in handles {
            if handle.thread().id() != std::thread::current().id() {
                // A panic of the thread was reported when it happened, and its store is poisoned.
                drop(handle.join());
            }
        }
    }
}

fn mark_until(core: &Core, stop: &Stop) {
    let mut tick = 0u32;
    while !stop.wait(1) {
        tick = tick.wrapping_add(1);
        core.upkeep.note("recording marks", core.mark_if_due(tick.is_multiple_of(EXPIRY_TICKS)));
    }
}

/// Merges the runs of the index: soon again while there are writes, and all of them once there are none.
fn index_until(core: &Core, stop: &Stop) {
    const BUSY: Duration = Duration::from_millis(5);
    let mut seen = core.published.tail();
    let mut idle = Duration::ZERO;
    let mut pause = TICK;
    while !stop.wait_for(pause) {
        let now = core.published.tail();
        idle = if now == seen { idle + pause } else { Duration::ZERO };
        seen = now;
        let merged = core.index.maintain(idle);
        pause = if merged || idle.is_zero() { BUSY } else { TICK };
    }
}

/// Compacts and writes checkpoints when it is worth it: on a thread of its own, because marks may not wait so long.
fn compact_until(core: &Core, stop: &Stop) {
    /// How often it is looked whether there is something to do.
    const TICKS: u32 = 2;
    /// Looks without a write between them after which nobody writes.
    const IDLE_LOOKS: u32 = 2;
    let (mut seen, mut quiet) = (core.published.tail(), 0);
    while !stop.wait(TICKS) {
        let now = core.published.tail();
        quiet = if now == seen { quiet + 1 } else { 0 };
        seen = now;
        let limit = if quiet >= IDLE_LOOKS { Limit::Idle } else { Limit::Busy };
        // What was dropped counts as garbage from then on.
        core.sweep_namespaces();
        if core.options.auto_compact && core.compaction_is_due(limit) {
            // What fails leaves the store as it was or poisons it, and is tried again.
            core.upkeep.note("compacting", core.compact_garbage(limit, Some(&|time| !stop.wait_for(time))));
        }
        if core.checkpoint_is_due(limit) {
            core.upkeep.note("writing a checkpoint", core.checkpoint());
        }
    }
}

/// Scrubs at its pace: on a thread of its own, because it waits between reads.
fn scrub_until(core: &Core, stop: &Stop) {
    while !stop.wait(EXPIRY_TICKS) {
        core.scrub(Some(&|time| !stop.wait_for(time)));
    }
}

impl Core {
    /// One round of everything that is due.
    pub(crate) fn maintain(&self) -> Result<()> {
        self.check_writable()?;
        self.mark_if_due(true)?;
        while self.index.maintain(Duration::MAX) {}
        self.sweep_namespaces();
        if self.options.auto_compact && self.compaction_is_due(Limit::Idle) {
            self.poison_on_panic("compacting", || self.compact_garbage(Limit::Idle, None))?;
        }
        if self.checkpoint_is_due(Limit::Idle) {
            self.poison_on_panic("writing a checkpoint", || self.checkpoint())?;
        }
        self.scrub(None);
        Ok(())
    }

    /// Appends a mark frame if a synced group has no successor that says so, or if expiries have to be recorded; the latter is
    /// synced.
    fn mark_if_due(&self, record_expiries: bool) -> Result<()> {
        use std::sync::atomic::Ordering;
        if self.check_writable().is_err() {
            return Ok(());
        }
        if record_expiries {
            self.note_expiries();
        }
        // Taken back before the time is read that will be recorded: what expires from now on is for the next mark.
        let expiries = record_expiries && self.expiry_seen.swap(false, Ordering::AcqRel);
        let unmarked = {
            let guard = self.writer.try_lock();
            // Somebody writes right now: his frame carries the mark.
            guard.is_ok_and(|writer| writer.as_ref().is_some_and(|w| w.state.mark > w.written_mark))
        };
        if !expiries && !unmarked {
            return Ok(());
        }
        let marked = self.at_log_end(|writer| {
            self.append_mark(writer)?;
            if expiries {
                writer.sync()?;
            }
            writer.active.segment.set_end(writer.active.tail);
            Ok(())
        });
        if expiries && marked.is_err() {
            self.expiry_seen.store(true, Ordering::Release);
        }
        marked
    }
}

#[cfg(test)]
mod tests {
    use super::Upkeep;
    use crate::error::{Error, ErrorKind};

    #[test]
    fn a_failure_stands_until_the_work_succeeds_and_closing_is_none() {
        let upkeep = Upkeep::default();
        let failed = |kind| Err::<(), _>(Error::new(kind, "why"));
        upkeep.note("compacting", failed(ErrorKind::DiskFull));
        upkeep.note("recording marks", failed(ErrorKind::Closed));
        assert_eq!(upkeep.failures(), ["compacting: why"]);
        upkeep.note("compacting", Ok(()));
        assert!(upkeep.failures().is_empty());
    }
}
