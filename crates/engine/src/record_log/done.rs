//! Callbacks: what is called once, whatever happens.
//!
//! Invariant: a callback is called exactly once. One that is dropped unheard, because a thread panicked on the way, hears of an
//! error, so that nobody waits for ever.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, ErrorKind, Result};

type Call = Box<dyn FnOnce(Result<()>) + Send>;

/// See the module.
pub(super) struct Done(Option<Call>);

impl Done {
    pub(super) fn new(call: impl FnOnce(Result<()>) + Send + 'static) -> Self {
        Self(Some(Box::new(call)))
    }

    /// Calls it.
    ///
    /// # Errors
    ///
    /// When it panics: the thread that calls has others to call.
    pub(super) fn call(mut self, result: Result<()>) -> Result<()> {
        let Some(call) = self.0.take() else { return Ok(()) };
        catch_unwind(AssertUnwindSafe(|| call(result)))
            .map_err(|_| Error::new(ErrorKind::Poisoned, "a callback of the record log panicked"))
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            let text = "the record log was given up before this was written; open it again";
            call(Err(Error::new(ErrorKind::Poisoned, text)));
        }
    }
}

impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Done")
    }
}
