//! The forms in which data comes and goes, one file each.
//!
//! `dir` is a directory tree; the others are rows of a file and share the two traits in `rows.rs`: one reads entries
//! out of bytes, one writes them. What a format cannot hold it refuses, in both directions. A reader and a writer of
//! one format live in one file, beside the test that one undoes the other.

mod csv;
pub(crate) mod dir;
mod format;
mod jsonl;
mod lines;
mod rows;
mod tsv;

pub(crate) use format::Format;
pub(crate) use rows::{
    Dialect, Entry, ROW_VALUE_BYTES_MAX, ReadRows, Row, RowError, WriteError, WriteRows, reader, writer,
};
