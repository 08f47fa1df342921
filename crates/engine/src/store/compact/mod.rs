//! Compaction: what is still wanted of old segments is written again in key order, and the old ones go.
//!
//! [`compaction`] is one from its beginning to its end. [`choice`] says which segments it takes in and when one is due; [`scan`] and
//! [`source`] find out what is to be kept of them, [`output`] writes that, and [`swap`] puts it in their place.

mod choice;
mod compaction;
mod output;
mod scan;
mod source;
mod swap;

pub(crate) use self::choice::{Left, Limit};
pub use self::compaction::CompactReport;
