//! The bodies of the fuzz targets that need the inside of the engine, as ordinary functions: `fuzz/` feeds them with
//! inputs that a fuzzer thinks up, and the tests replay the committed corpus with them, on any toolchain.
//!
//! Invariant: each of them is a function of its input alone. It returns when the engine behaved and panics when it did
//! not; it opens no file, starts no thread and asks no clock. Compiled only with the feature `fuzz`.
//!
//! [`decoders`] throws bytes at every decoder of the format; [`store_image`] makes the files of a store out of them and
//! does everything with it that can be done with a store; [`record_log_image`] does the same with those of a record log. [`Source`] and [`Mutator`] serve the other targets as well.

mod decoders;
mod edits;
mod mutator;
mod reading;
mod record_log_image;
mod seeds;
mod source;
mod store_image;
mod sums;

pub use decoders::decoders;
pub use mutator::Mutator;
pub use record_log_image::record_log_image;
pub use source::Source;
pub use store_image::store_image;
