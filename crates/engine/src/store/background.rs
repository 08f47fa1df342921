//! The store's own threads: one leads the commits of futures, one keeps things in order.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::core::Core;
use crate::error::{Error, Result};
use crate::log::failure::Failure;

/// How often the maintenance thread looks: a mark follows a synced group within this time.
const TICK: Duration = Duration::from_millis(100);
/// Every so many ticks the time of expiries is recorded: once a second.
const EXPIRY_TICKS: u32 = 10;

/// The running threads; joined when the store is closed.
#[derive(Debug)]
pub(crate) struct Threads {
    handles: Mutex<Vec<JoinHandle<()>>>,
    stop: Arc<Stop>,
}

#[derive(Debug, Default)]
struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// Waits for a tick; `true` when it is time to stop.
    fn wait(&self) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let (stopped, _) = self
            .changed
            .wait_timeout_while(stopped, TICK, |stopped| !*stopped)
            .unwrap_or_else(PoisonError::into_inner);
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
        let commits = Arc::clone(core);
        threads.spawn(core, "pentad-commit", move || commits.queue.serve(&|jobs| commits.lead(jobs)))?;
        let (maintained, stop) = (Arc::clone(core), Arc::clone(&threads.stop));
        threads.spawn(core, "pentad-maintain", move || maintain_until(&maintained, &stop))?;
        Ok(threads)
    }

    fn spawn(&self, core: &Core, name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(work);
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

fn maintain_until(core: &Core, stop: &Stop) {
    let mut tick = 0;
    while !stop.wait() {
        tick += 1;
        // Failures poison the store or come back at the next tick; whoever writes next hears of them.
        drop(core.mark_if_due(tick % EXPIRY_TICKS == 0));
        if core.options.auto_compact && tick % EXPIRY_TICKS == 0 && core.compaction_is_due() {
            drop(core.compact());
        }
    }
}

impl Core {
    /// One round of everything that is due.
    pub(crate) fn maintain(&self) -> Result<()> {
        self.check_writable()?;
        self.mark_if_due(true)?;
        if self.options.auto_compact && self.compaction_is_due() {
            self.compact()?;
        }
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
        let expiries = record_expiries && self.expiry_seen.load(Ordering::Acquire);
        let unmarked = {
            let guard = self.writer.try_lock();
            // Somebody writes right now: his frame carries the mark.
            guard.is_ok_and(|writer| writer.as_ref().is_some_and(|w| w.state.mark > w.written_mark))
        };
        if !expiries && !unmarked {
            return Ok(());
        }
        let marked = self.queue.exclusive(|| {
            let mut guard = self.writer();
            let Some(writer) = guard.as_mut() else { return Ok(()) };
            self.append_mark(writer)?;
            if expiries {
                writer.sync()?;
                self.expiry_seen.store(false, Ordering::Release);
            }
            writer.active.segment.set_end(writer.active.tail);
            Ok(())
        });
        marked.map_err(|failure: Failure| {
            let fatal = matches!(failure, Failure::Fatal(_));
            let error = failure.into_error();
            if fatal {
                self.poison(&error);
            }
            error
        })
    }
}
