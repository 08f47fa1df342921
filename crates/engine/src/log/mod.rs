//! The log: segment files, the catalog that names them, frames written and read, and recovery.
//!
//! Lock order: the commit leadership (`commit::queue`) is taken before the reserve's lock, that before the catalog's lock,
//! and none of them is ever taken by a reader.

pub(crate) mod announce;
pub(crate) mod catalog_file;
pub(crate) mod checkpoint_file;
pub(crate) mod checkpoint_writer;
pub(crate) mod commit_search;
pub(crate) mod covered;
pub(crate) mod create;
pub(crate) mod directory;
pub(crate) mod end_numbers;
pub(crate) mod failure;
mod finish;
pub(crate) mod frame_of;
pub(crate) mod frame_starts;
pub(crate) mod frame_writer;
pub(crate) mod policy;
pub(crate) mod proof;
pub(crate) mod recovery;
pub(crate) mod reserve;
pub(crate) mod resume;
pub(crate) mod scan;
pub(crate) mod segment;
pub(crate) mod segment_table;
pub(crate) mod source;
pub(crate) mod touched;
pub(crate) mod writer;
