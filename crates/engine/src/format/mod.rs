//! The bytes on disk: `docs/format.md` as code. Encoding and decoding only, no files.
//!
//! Invariant: what an encoder writes, the decoder beside it accepts, and nothing else; every length that is read is
//! compared with what is there before it is used.

pub(crate) mod backup;
pub(crate) mod bytes;
pub(crate) mod catalog;
pub(crate) mod checkpoint;
pub(crate) mod checksum;
pub(crate) mod entry;
pub(crate) mod frame;
pub(crate) mod identity;
pub(crate) mod names;
pub(crate) mod segment_header;
mod units;

pub(crate) use units::{CHUNK_BYTES, CHUNK_SIZE, CHUNKED_ABOVE, NUMBERS_END, UNIT, VERSION, align_up, magic};
