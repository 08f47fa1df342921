//! Change streams: commits of the past and of the future, in order, each once.
//!
//! Invariant: everything that a [`Watch`] tells of commits it reads from the log, by sequence, whether the commit is old or was
//! made a moment ago. So there is no gap and no repeat between replay and live, no queue that a slow reader could fill, and
//! nothing that a writer has to hand over: it rings a bell, after its callers have their results. Expiries take no sequence
//! and are no part of the log; a bounded list in the index tells of them.

mod event;
mod filter;
mod into_stream;
mod record;
mod stream;
mod wakeups;

pub use event::{WatchEvent, WatchedChange, WatchedCommit};
pub use filter::WatchFilter;
pub use into_stream::WatchStream;
pub use stream::Watch;
pub(crate) use wakeups::Wakeups;
