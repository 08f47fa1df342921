//! Rows: what every format but `dir` has in common.
//!
//! Invariant: a reader gives rows in the order of the input and knows the line on which each begins; a writer either
//! writes an entry so that its reader gives back the same bytes, or refuses it.

use std::io::{self, BufRead, Read as _, Write};

use pentad_engine::{Expiry, Timestamp};

use crate::formats::{Format, csv, jsonl, lines, tsv};

/// The longest value of a row, in bytes: a row is held in memory whole, which a file of `dir` is not.
pub(crate) const ROW_VALUE_BYTES_MAX: u64 = 256 << 20;

/// The longest row that is read, in bytes: every format can write the longest key and value in less, because no byte
/// takes more than the six of `\u0000`.
pub(crate) const ROW_BYTES_MAX: u64 = 6 * (ROW_VALUE_BYTES_MAX + (64 << 10)) + (4 << 10);

/// One entry of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) expiry: Expiry,
    /// The line on which it begins, from 1.
    pub(crate) line: u64,
}

/// Why there is no next row.
#[derive(Debug)]
pub(crate) enum RowError {
    /// The input cannot be read.
    Io(io::Error),
    /// The row that begins on this line is not of the format's form.
    Malformed { line: u64, what: String },
}

impl From<io::Error> for RowError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Takes rows out of bytes.
pub(crate) trait ReadRows {
    /// The next row, `None` after the last.
    fn next_row(&mut self) -> Result<Option<Row>, RowError>;
}

/// One entry for the output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) deadline: Option<Timestamp>,
}

/// Why an entry was not written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The output cannot be written.
    Io(io::Error),
    /// The format cannot hold the entry: what it is about the entry, and what to use instead.
    Refused(String),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Makes bytes of entries.
pub(crate) trait WriteRows {
    /// What stands before the first entry.
    fn begin(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// Writes one entry, all of it or, when it is refused, nothing.
    fn write_row(&mut self, entry: Entry<'_>, out: &mut dyn Write) -> Result<(), WriteError>;
}

/// What can vary within a format.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dialect {
    /// Bytes that are not printable stand as `\xNN`.
    pub(crate) escaped: bool,
    /// Whether csv has a header: `None` reads one if it looks like one, and writes one.
    pub(crate) header: Option<bool>,
    /// Whether lines are written whatever their keys are.
    pub(crate) drop_keys: bool,
}

/// A reader of `format`; `None` for `dir`, which has no rows.
pub(crate) fn reader<R: BufRead + 'static>(
    format: Format,
    dialect: Dialect,
    input: R,
) -> Option<Box<dyn ReadRows>> {
    match format {
        Format::Dir => None,
        Format::Lines => Some(Box::new(lines::Reader::new(input, dialect.escaped))),
        Format::Tsv => Some(Box::new(tsv::Reader::new(input, dialect.escaped))),
        Format::Csv => Some(Box::new(csv::Reader::new(input, dialect.escaped, dialect.header))),
        Format::Jsonl => Some(Box::new(jsonl::Reader::new(input))),
    }
}

/// A writer of `format`; `None` for `dir`, which has no rows.
pub(crate) fn writer(format: Format, dialect: Dialect) -> Option<Box<dyn WriteRows>> {
    match format {
        Format::Dir => None,
        Format::Lines => Some(Box::new(lines::Writer::new(dialect.escaped, dialect.drop_keys))),
        Format::Tsv => Some(Box::new(tsv::Writer::new(dialect.escaped))),
        Format::Csv => Some(Box::new(csv::Writer::new(dialect.escaped, dialect.header != Some(false)))),
        Format::Jsonl => Some(Box::new(jsonl::Writer)),
    }
}

/// Lines of an input, counted.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// The lines of `input`, from its first byte on.
    pub(crate) fn new(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0 }
    }

    /// The next line without its newline, and its number; the last one may lack the newline.
    pub(crate) fn next_line(&mut self) -> Result<Option<(u64, &[u8])>, RowError> {
        self.line.clear();
        let read = (&mut self.input).take(ROW_BYTES_MAX + 1).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if read as u64 > ROW_BYTES_MAX {
            return Err(RowError::Malformed { line: self.number, what: too_long() });
        }
        Ok(Some((self.number, &self.line)))
    }
}

/// What is said of a row over [`ROW_BYTES_MAX`].
pub(crate) fn too_long() -> String {
    format!(
        "it is longer than {ROW_BYTES_MAX} bytes; a value of that size can be imported as a file, with dir"
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// All rows of `bytes`, as pairs.
    pub(crate) fn read_all(format: Format, dialect: Dialect, bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut rows = reader(format, dialect, io::Cursor::new(bytes.to_vec())).unwrap();
        let mut pairs = Vec::new();
        while let Some(row) = rows.next_row().unwrap() {
            pairs.push((row.key, row.value));
        }
        pairs
    }

    /// What is wrong with `bytes`, and on which line.
    pub(crate) fn malformed(format: Format, dialect: Dialect, bytes: &[u8]) -> (u64, String) {
        let mut rows = reader(format, dialect, io::Cursor::new(bytes.to_vec())).unwrap();
        loop {
            match rows.next_row() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("every row was accepted"),
                Err(RowError::Malformed { line, what }) => return (line, what),
                Err(RowError::Io(error)) => panic!("{error}"),
            }
        }
    }

    /// The bytes of `pairs` in `format`, or why one of them was refused.
    pub(crate) fn write_all<B: AsRef<[u8]>>(
        format: Format,
        dialect: Dialect,
        pairs: &[(B, B)],
    ) -> Result<Vec<u8>, String> {
        let mut rows = writer(format, dialect).unwrap();
        let mut out = Vec::new();
        rows.begin(&mut out).unwrap();
        for (key, value) in pairs {
            match rows.write_row(Entry { key: key.as_ref(), value: value.as_ref(), deadline: None }, &mut out)
            {
                Ok(()) => {}
                Err(WriteError::Refused(why)) => return Err(why),
                Err(WriteError::Io(error)) => panic!("{error}"),
            }
        }
        Ok(out)
    }
}
