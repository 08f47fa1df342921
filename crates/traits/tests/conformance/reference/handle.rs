//! The handle that the reference store reads into: shared bytes, and what defects do to them.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use bytes::Bytes;

#[derive(Clone, Debug)]
pub(crate) struct Handle {
    pub(crate) bytes: Bytes,
    pub(crate) dead: Arc<AtomicBool>,
    pub(crate) copies: bool,
    pub(crate) bound_to: Option<ThreadId>,
}

impl Deref for Handle {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let foreign = self.bound_to.is_some_and(|owner| owner != thread::current().id());
        if foreign || self.dead.load(Ordering::SeqCst) { &[] } else { &self.bytes }
    }
}

impl From<Handle> for Bytes {
    fn from(handle: Handle) -> Self {
        if handle.copies { Self::copy_from_slice(&handle.bytes) } else { handle.bytes }
    }
}
