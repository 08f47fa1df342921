//! The Pentad storage engine: one append-only, crash-safe log in a directory, and indexes into it.
//!
//! ```no_run
//! let store = pentad_engine::Store::open("data")?;
//! store.put("user:1", "Ada")?;
//! assert_eq!(store.get("user:1")?.as_deref(), Some(&b"Ada"[..]));
//! for row in store.prefix("user:") {
//!     let (key, value) = row?;
//!     println!("{key:?} {value:?}");
//! }
//! # Ok::<(), pentad_engine::Error>(())
//! ```
//!
//! The engine knows nothing of the five interfaces, of asynchronous runtimes or of replication. `docs/format.md`
//! is the layout on disk, `docs/architecture.md` how the parts fit together.

mod address;
mod backup;
mod batch;
mod commit;
mod error;
mod format;
#[cfg(feature = "fuzz")]
pub mod fuzzing;
mod hash;
mod index;
mod keyspace;
mod log;
mod numbers;
mod options;
mod payload;
#[cfg(feature = "planted")]
pub mod planted;
#[cfg(not(feature = "planted"))]
mod planted;
mod record_log;
pub mod seams;
mod store;
mod stream;
mod value;

pub use backup::{BackupInfo, BackupReport, Backups, RestoreReport};
pub use batch::{Batch, Expect, Expiry, Outcome, Payload};
pub use error::{Error, ErrorKind, Result, escape_key};
pub use hash::key_hash;
pub use numbers::{FrameNumber, LogOffset, SegmentId, Sequence, Timestamp};
pub use options::{
    Alignment, BATCH_BYTES_MAX, BATCH_OPERATIONS_MAX, Durability, KEY_BYTES_MAX, Options, Retention,
    VALUE_BYTES_MAX, VerifyReads,
};
pub use record_log::{
    Group, RECORD_BYTES_MAX, RecordLog, RecordLogOptions, RecordLogStats, SMALL_BYTES_MAX, SMALL_COUNT_MAX,
    SMALL_KEY_BYTES_MAX,
};
pub use seams::report_bus_errors;
pub use store::{
    Answer, CommitFuture, CommitRecord, Commits, CompactReport, Damage, Entries, Entry, EntryInfo, Estimate,
    Order, Page, PageToken, Progress, Range, RepairReport, Rows, ScrubStats, Skipped, Snapshot, Stats, Store,
    TornTail, Transaction, VerifyReport, Watch, WatchEvent, WatchFilter, WatchStream, WatchedChange,
    WatchedCommit, repair, verify,
};
pub use stream::{StagedStream, StreamWriter};
pub use value::{Value, ValueReader};
