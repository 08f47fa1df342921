//! The store: opening, reading, writing, and everything that keeps one in order.
//!
//! [`Store`] is the handle; `core` is what its clones, snapshots and background threads share.

pub(crate) mod core;

mod answer;
mod background;
mod batch_log;
mod changes;
mod checkpoint;
mod close;
mod compact;
mod counters;
pub(crate) mod dead_bytes;
mod entry;
mod extent;
mod handle;
mod history;
mod in_place;
mod log_entries;
pub(crate) mod namespaces;
mod newest_first;
mod open;
mod pace;
mod page;
mod pins;
mod published;
mod range;
mod read;
mod repair;
mod row;
mod scrub;
mod snapshot;
mod stats;
mod system_entries;
mod time;
mod transaction;
mod unpinned;
mod verification;
mod verify;
mod verify_report;
mod watch;

pub use self::answer::Answer;
pub use self::batch_log::{CommitRecord, Commits};
pub use self::compact::CompactReport;
pub use self::entry::EntryInfo;
pub use self::extent::Estimate;
pub use self::handle::Store;
pub use self::newest_first::{Entries, Entry};
pub use self::page::{Order, Page, PageToken};
pub use self::range::Range;
pub(crate) use self::range::prefix_bounds;
pub use self::repair::{RepairReport, repair};
pub use self::scrub::ScrubStats;
pub use self::snapshot::Snapshot;
pub use self::stats::Stats;
pub use self::transaction::{Rows, Transaction};
pub use self::verify::verify;
pub use self::verify_report::{Damage, Progress, TornTail, VerifyReport};
pub use self::watch::{Watch, WatchEvent, WatchFilter, WatchStream, WatchedChange, WatchedCommit};
pub use crate::commit::future::CommitFuture;
pub use crate::log::policy::Skipped;
