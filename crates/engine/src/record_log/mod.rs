//! The record log: numbered records that can be read as soon as they are appended, and a callback when they are on the disk.
//!
//! A second primitive beside the store, in a directory of its own, made of the same segments, frames, catalog and recovery
//! (`docs/format.md` §14). It is for whoever replicates a store and needs a log of his own to do it; what the records say, it
//! does not know.
//!
//! One ordered queue takes everything: appends, truncations, purges, small records. [`core`] decides what a call does, and shows it
//! at once ([`index`]); [`scribe`] writes what is waiting as one group, syncs once, and only then the callbacks are called, in order;
//! behind them [`cut`] gives back what a purge has made superfluous.
//!
//! Lock order: the scribe is taken before the queue, never the other way round; callbacks are called with neither held.

mod core;
mod cut;
mod done;
mod handle;
mod index;
mod op;
mod open;
mod options;
mod queue;
mod read;
mod replay;
mod scribe;
mod stats;

pub use handle::{Group, RecordLog};
pub use op::{RECORD_BYTES_MAX, SMALL_BYTES_MAX, SMALL_COUNT_MAX, SMALL_KEY_BYTES_MAX};
pub use options::RecordLogOptions;
pub use stats::RecordLogStats;
