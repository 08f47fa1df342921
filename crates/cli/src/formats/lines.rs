//! `lines`: one entry per line, its number as key.
//!
//! The key is the number in 12 digits with zeros in front, so that key order is line order, for up to
//! 999,999,999,999 lines. Line n is written only for the key of n: anything else would come back under another key.

use std::io::{BufRead, Write};

use pentad_engine::Expiry;

use crate::escape::{escape, unescape};
use crate::formats::rows::Lines;
use crate::formats::{Entry, ReadRows, Row, RowError, WriteError, WriteRows};

const DIGITS: usize = 12;

fn key_of(number: u64) -> Vec<u8> {
    format!("{number:0DIGITS$}").into_bytes()
}

/// Reads lines.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    lines: Lines<R>,
    escaped: bool,
}

impl<R: BufRead> Reader<R> {
    /// The lines of `input`; `escaped` turns `\xNN` in them into bytes.
    pub(crate) fn new(input: R, escaped: bool) -> Self {
        Self { lines: Lines::new(input), escaped }
    }
}

impl<R: BufRead> ReadRows for Reader<R> {
    fn next_row(&mut self) -> Result<Option<Row>, RowError> {
        let Some((line, text)) = self.lines.next_line()? else {
            return Ok(None);
        };
        let value = if self.escaped {
            unescape(text).map_err(|what| RowError::Malformed { line, what })?
        } else {
            text.to_vec()
        };
        let key = key_of(line);
        if key.len() > DIGITS {
            let what = format!("line numbers have {DIGITS} digits and are used up");
            return Err(RowError::Malformed { line, what });
        }
        Ok(Some(Row { key, value, expiry: Expiry::Never, line }))
    }
}

/// Writes values as lines.
#[derive(Debug)]
pub(crate) struct Writer {
    escaped: bool,
    drop_keys: bool,
    written: u64,
}

impl Writer {
    /// A writer that begins with line 1; with `drop_keys` it takes any key, and loses it.
    pub(crate) fn new(escaped: bool, drop_keys: bool) -> Self {
        Self { escaped, drop_keys, written: 0 }
    }
}

impl WriteRows for Writer {
    fn write_row(&mut self, entry: Entry<'_>, out: &mut dyn Write) -> Result<(), WriteError> {
        let line = self.written + 1;
        if !self.drop_keys && entry.key != key_of(line) {
            return Err(WriteError::Refused(format!(
                "line {line} could only hold the key {line:0DIGITS$}; use another format, or --drop-keys to write the \
                 values alone"
            )));
        }
        if self.escaped {
            writeln!(out, "{}", escape(entry.value))?;
        } else if entry.value.contains(&b'\n') {
            return Err(WriteError::Refused(
                "its value holds a newline; use --escaped or another format".to_owned(),
            ));
        } else {
            out.write_all(entry.value)?;
            out.write_all(b"\n")?;
        }
        self.written = line;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::formats::rows::tests::{malformed, read_all, write_all};
    use crate::formats::{Dialect, Format};

    const ESCAPED: Dialect = Dialect { escaped: true, header: None, drop_keys: false };

    #[test]
    fn numbers_begin_at_one_and_empty_lines_count() {
        let rows = read_all(Format::Lines, Dialect::default(), b"a\n\nb\r\nlast");
        let expected: Vec<(Vec<u8>, Vec<u8>)> = [("1", "a"), ("2", ""), ("3", "b\r"), ("4", "last")]
            .map(|(number, value)| (format!("00000000000{number}").into(), value.into()))
            .into();
        assert_eq!(rows, expected);
        assert!(read_all(Format::Lines, Dialect::default(), b"").is_empty());
    }

    #[test]
    fn keys_that_would_be_lost_are_refused() {
        let dialect = Dialect::default();
        let refusal =
            write_all(Format::Lines, dialect, &[("000000000001", "a"), ("000000000003", "c")]).unwrap_err();
        assert!(refusal.contains("line 2"), "{refusal}");
        let dropped = Dialect { drop_keys: true, ..dialect };
        assert_eq!(write_all(Format::Lines, dropped, &[("x", "a"), ("y", "c")]).unwrap(), b"a\nc\n");
    }

    #[test]
    fn a_newline_needs_escapes() {
        let pairs = [("000000000001", "a\nb")];
        assert!(write_all(Format::Lines, Dialect::default(), &pairs).unwrap_err().contains("newline"));
        assert_eq!(write_all(Format::Lines, ESCAPED, &pairs).unwrap(), b"a\\x0ab\n");
        assert_eq!(malformed(Format::Lines, ESCAPED, b"fine\n\\n\n").0, 2);
    }

    proptest! {
        #[test]
        fn what_ends_in_a_newline_comes_back_as_it_was(mut text: Vec<u8>) {
            if !text.is_empty() {
                text.push(b'\n');
            }
            let rows = read_all(Format::Lines, Dialect::default(), &text);
            prop_assert_eq!(write_all(Format::Lines, Dialect::default(), &rows).unwrap(), text);
        }

        #[test]
        fn escaped_values_of_any_bytes_come_back(values: Vec<Vec<u8>>) {
            let rows: Vec<_> = values.into_iter().zip(1..).map(|(value, line)| (super::key_of(line), value)).collect();
            let text = write_all(Format::Lines, ESCAPED, &rows).unwrap();
            prop_assert_eq!(read_all(Format::Lines, ESCAPED, &text), rows);
        }
    }
}
