//! Closing a store in order: so that the next open knows where the log ends and that all of it is durable.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::core::Core;
use crate::error::{Error, Result};
use crate::log::failure::Failure;
use crate::log::writer::LogWriter;

impl Core {
    /// Waits for what is under way, records the end of the log, gives the lock back. Once; later calls are `Ok`.
    pub(crate) fn close(&self) -> Result<()> {
        if self.read_only {
            self.closed.store(true, Ordering::Release);
            self.wakeups.stop();
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
            return Ok(());
        }
        self.closing.store(true, Ordering::Release);
        self.queue.close(self);
        let _compacting = self.compacting.lock().unwrap_or_else(PoisonError::into_inner);
        let finish = || {
            self.closed.store(true, Ordering::Release);
            let Some(mut writer) = self.writer().take() else { return Ok(()) };
            if let Some(cause) = self.poisoned.get() {
                // What is on the disk is not known: the next open finds out, and must not be told that all is well.
                return Err(Error::new(cause.kind(), format!("closed after a failure: {cause}")));
            }
            self.finish(&mut writer).map_err(Failure::into_error)
        };
        let result = self.queue.exclusive(|| self.poison_on_panic("closing", finish));
        self.queue.stop();
        self.wakeups.stop();
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        result
    }

    fn finish(&self, writer: &mut LogWriter) -> Result<(), Failure> {
        writer.state.floor = writer.state.floor.max(self.batches.oldest_or_next());
        writer.finish(|| self.time.now())?;
        self.checkpoint_at_close(writer);
        Ok(())
    }

    /// Appends a mark frame, which records the time and how far the log is durable.
    pub(crate) fn append_mark(&self, writer: &mut LogWriter) -> Result<(), Failure> {
        writer.append_mark(self.time.now())
    }
}
