//! Consensus: what the node needs of openraft, and all that knows openraft's types.
//!
//! Nothing outside of this module names a type of openraft, and nothing of it is stored or sent: disk and wire hold the
//! messages of `pentad.v1`, and [`convert`] stands between the two. An upgrade of openraft therefore changes no byte.

pub(crate) mod convert;
mod log_store;
pub(crate) mod types;
