//! `kill -9` at random moments.
//!
//! Each round goes on with the store that the round before left behind, so recovery is recovered from as well.

mod compaction;
mod import;
mod mixed;
