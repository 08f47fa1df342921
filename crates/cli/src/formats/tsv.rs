//! `tsv`: key, tab, value, newline.
//!
//! Raw bytes: the first tab of a line ends the key and the newline the value, which may hold further tabs. A carriage
//! return in front of the newline belongs to the value. With `--escaped`, keys and values are written with `\xNN`.

use std::io::{BufRead, Write};

use pentad_engine::Expiry;

use crate::escape::{escape, unescape};
use crate::formats::rows::Lines;
use crate::formats::{Entry, ReadRows, Row, RowError, WriteError, WriteRows};

/// Reads lines with a tab in them.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    lines: Lines<R>,
    escaped: bool,
}

impl<R: BufRead> Reader<R> {
    /// The rows of `input`; `escaped` turns `\xNN` in them into bytes.
    pub(crate) fn new(input: R, escaped: bool) -> Self {
        Self { lines: Lines::new(input), escaped }
    }
}

impl<R: BufRead> ReadRows for Reader<R> {
    fn next_row(&mut self) -> Result<Option<Row>, RowError> {
        let Some((line, text)) = self.lines.next_line()? else {
            return Ok(None);
        };
        let malformed = |what: &str| RowError::Malformed { line, what: what.to_owned() };
        let Some(tab) = text.iter().position(|&byte| byte == b'\t') else {
            return Err(malformed("there is no tab between a key and a value"));
        };
        let (key, value) = (&text[..tab], &text[tab + 1..]);
        let (key, value) = if self.escaped {
            let plain =
                |what: &str, text| unescape(text).map_err(|problem| malformed(&format!("{what}: {problem}")));
            (plain("key", key)?, plain("value", value)?)
        } else {
            (key.to_vec(), value.to_vec())
        };
        Ok(Some(Row { key, value, expiry: Expiry::Never, line }))
    }
}

/// Writes lines with a tab in them.
#[derive(Debug)]
pub(crate) struct Writer {
    escaped: bool,
}

impl Writer {
    /// A writer of raw bytes, or of escaped text.
    pub(crate) fn new(escaped: bool) -> Self {
        Self { escaped }
    }
}

impl WriteRows for Writer {
    fn write_row(&mut self, entry: Entry<'_>, out: &mut dyn Write) -> Result<(), WriteError> {
        if self.escaped {
            writeln!(out, "{}\t{}", escape(entry.key), escape(entry.value))?;
            return Ok(());
        }
        let problem = if entry.key.contains(&b'\t') {
            "its key holds a tab"
        } else if entry.key.contains(&b'\n') {
            "its key holds a newline"
        } else if entry.value.contains(&b'\n') {
            "its value holds a newline"
        } else {
            for piece in [entry.key, b"\t", entry.value, b"\n"] {
                out.write_all(piece)?;
            }
            return Ok(());
        };
        Err(WriteError::Refused(format!("{problem}; use --escaped or another format")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::formats::rows::tests::{malformed, read_all, write_all};
    use crate::formats::{Dialect, Format};

    const ESCAPED: Dialect = Dialect { escaped: true, header: None, drop_keys: false };

    #[test]
    fn the_first_tab_ends_the_key() {
        let rows = read_all(Format::Tsv, Dialect::default(), b"a\tb\tc\\x00\r\n\t\nk\tno newline");
        let expected: [(&[u8], &[u8]); 3] = [(b"a", b"b\tc\\x00\r"), (b"", b""), (b"k", b"no newline")];
        assert!(rows.iter().map(|(key, value)| (&key[..], &value[..])).eq(expected), "{rows:?}");
    }

    #[test]
    fn a_line_without_a_tab_is_named() {
        let (line, what) = malformed(Format::Tsv, Dialect::default(), b"a\tb\nno tab\n");
        assert_eq!(line, 2);
        assert!(what.contains("no tab"), "{what}");
        assert_eq!(malformed(Format::Tsv, ESCAPED, b"a\tb\\c\n").0, 1);
    }

    #[test]
    fn what_raw_lines_cannot_hold_is_refused() {
        for (pair, problem) in [
            (("a\tb", "v"), "key holds a tab"),
            (("a\nb", "v"), "key holds a newline"),
            (("a", "\n"), "value holds"),
        ] {
            let refusal = write_all(Format::Tsv, Dialect::default(), &[pair]).unwrap_err();
            assert!(refusal.contains(problem), "{refusal}");
            assert!(write_all(Format::Tsv, ESCAPED, &[pair]).is_ok());
        }
    }

    proptest! {
        #[test]
        fn what_raw_lines_hold_comes_back(rows: Vec<(Vec<u8>, Vec<u8>)>) {
            let fits = rows.iter().all(|(key, value)| {
                !key.contains(&b'\t') && !key.contains(&b'\n') && !value.contains(&b'\n')
            });
            match write_all(Format::Tsv, Dialect::default(), &rows) {
                Ok(text) => prop_assert_eq!(read_all(Format::Tsv, Dialect::default(), &text), rows),
                Err(_) => prop_assert!(!fits),
            }
        }

        #[test]
        fn escaped_rows_of_any_bytes_come_back(rows: Vec<(Vec<u8>, Vec<u8>)>) {
            let text = write_all(Format::Tsv, ESCAPED, &rows).unwrap();
            prop_assert_eq!(read_all(Format::Tsv, ESCAPED, &text), rows);
        }
    }
}
