//! The batch log: the commits that are retained.
//!
//! [`ends`] is from where to where it reaches, [`retention`] how it is kept to its window, and [`commits`] reads what is in it.

mod commits;
mod ends;
mod retention;

pub use self::commits::{CommitRecord, Commits};
pub(crate) use self::ends::BatchLog;
pub(super) use self::retention::WATCHED_BYTES;
