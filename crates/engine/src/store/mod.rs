//! The store: opening, reading, writing, and everything that keeps one in order.
//!
//! [`Store`] is the handle; `core` is what its clones, snapshots and background threads share.

pub(crate) mod core;

mod answer;
mod background;
mod batch_log;
mod close;
mod commits;
mod compact;
mod compact_choice;
mod compact_output;
mod compact_scan;
mod compact_source;
mod compact_swap;
mod counters;
mod damaged;
pub(crate) mod dead_bytes;
mod end_check;
mod entry;
mod extent;
mod handle;
mod in_place;
mod log_entries;
mod newest_first;
mod open;
mod pace;
mod page;
mod pins;
mod published;
mod range;
mod read;
mod rebuild;
mod repair;
mod retention;
mod scrub;
mod snapshot;
mod stats;
mod time;
mod unpinned;
mod verification;
mod verify;
mod verify_report;

pub use self::answer::Answer;
pub use self::commits::{CommitRecord, Commits};
pub use self::compact::CompactReport;
pub use self::entry::EntryInfo;
pub use self::extent::Estimate;
pub use self::handle::Store;
pub use self::newest_first::{Entries, Entry};
pub use self::page::{Order, Page, PageToken};
pub use self::range::Range;
pub use self::repair::{RepairReport, repair};
pub use self::scrub::ScrubStats;
pub use self::snapshot::Snapshot;
pub use self::stats::Stats;
pub use self::verify::verify;
pub use self::verify_report::{Damage, Progress, TornTail, VerifyReport};
pub use crate::commit::future::CommitFuture;
pub use crate::log::policy::Skipped;
