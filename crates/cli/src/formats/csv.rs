//! `csv`: two columns, quoted as RFC 4180 has it, `key,value` as header.
//!
//! Quotes let a field hold line breaks, so a row is counted by the line on which it begins. Reading takes bytes as they
//! are; writing refuses what is not UTF-8, because hardly any other program would read it back, unless `--escaped`
//! turns it into text.

use std::cell::Cell;
use std::io::{self, BufRead, Read, Write};
use std::rc::Rc;

use pentad_engine::Expiry;

use crate::escape::{escape, unescape};
use crate::formats::rows::{ROW_BYTES_MAX, too_long};
use crate::formats::{Entry, ReadRows, Row, RowError, WriteError, WriteRows};

const HEADER: [&str; 2] = ["key", "value"];

/// Reads records of two fields.
pub(crate) struct Reader<R> {
    records: csv::Reader<Rationed<R>>,
    record: csv::ByteRecord,
    ration: Rc<Cell<u64>>,
    escaped: bool,
    header: Option<bool>,
    first: bool,
}

impl<R: BufRead> Reader<R> {
    /// The rows of `input`; `header` says whether the first is one, `None` to find out.
    pub(crate) fn new(input: R, escaped: bool, header: Option<bool>) -> Self {
        let ration = Rc::new(Cell::new(ROW_BYTES_MAX));
        let input = Rationed { input, left: Rc::clone(&ration) };
        // Rows of another width are an error of ours, which says what to do.
        let records = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input);
        Self { records, record: csv::ByteRecord::new(), ration, escaped, header, first: true }
    }

    fn is_header(&self) -> bool {
        self.header.unwrap_or_else(|| self.record.iter().eq(HEADER.map(str::as_bytes)))
    }
}

impl<R: BufRead> ReadRows for Reader<R> {
    fn next_row(&mut self) -> Result<Option<Row>, RowError> {
        loop {
            self.ration.set(ROW_BYTES_MAX);
            let more = self.records.read_byte_record(&mut self.record);
            let line = self.record.position().map_or(1, csv::Position::line);
            if !more.map_err(|error| if self.ration.get() == 0 { long_row(line) } else { broken(error) })? {
                return Ok(None);
            }
            if std::mem::take(&mut self.first) && self.is_header() {
                continue;
            }
            let malformed = |what: String| RowError::Malformed { line, what };
            let [key, value] = [self.record.get(0), self.record.get(1)].map(Option::unwrap_or_default);
            if self.record.len() != HEADER.len() {
                let columns = self.record.len();
                return Err(malformed(format!(
                    "a row has two columns, key and value; this one has {columns}"
                )));
            }
            let plain = |what: &str, field: &[u8]| {
                if self.escaped {
                    unescape(field).map_err(|problem| malformed(format!("{what}: {problem}")))
                } else {
                    Ok(field.to_vec())
                }
            };
            let (key, value) = (plain("key", key)?, plain("value", value)?);
            return Ok(Some(Row { key, value, expiry: Expiry::Never, line }));
        }
    }
}

fn broken(error: csv::Error) -> RowError {
    RowError::Io(error.into())
}

fn long_row(line: u64) -> RowError {
    RowError::Malformed { line, what: format!("{}; is a quote not closed?", too_long()) }
}

/// An input that gives only so many bytes for one row, so that an unclosed quote cannot fill the memory.
struct Rationed<R> {
    input: R,
    left: Rc<Cell<u64>>,
}

impl<R: BufRead> Read for Rationed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, too_long()));
        }
        let read = self.input.read(buffer)?;
        self.left.set(self.left.get().saturating_sub(read as u64));
        Ok(read)
    }
}

/// Writes records of two fields.
#[derive(Debug)]
pub(crate) struct Writer {
    escaped: bool,
    header: bool,
}

impl Writer {
    /// A writer of text, or of escaped bytes, with or without a header.
    pub(crate) fn new(escaped: bool, header: bool) -> Self {
        Self { escaped, header }
    }
}

impl WriteRows for Writer {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.header { write_record(out, HEADER) } else { Ok(()) }
    }

    fn write_row(&mut self, entry: Entry<'_>, out: &mut dyn Write) -> Result<(), WriteError> {
        if self.escaped {
            write_record(out, [&escape(entry.key), &escape(entry.value)])?;
            return Ok(());
        }
        let text = |what, bytes| {
            std::str::from_utf8(bytes).map_err(|_| {
                WriteError::Refused(format!("its {what} is not UTF-8 text; use --escaped, or jsonl"))
            })
        };
        write_record(out, [text("key", entry.key)?, text("value", entry.value)?])?;
        Ok(())
    }
}

fn write_record(out: &mut dyn Write, fields: [&str; 2]) -> io::Result<()> {
    for (field, end) in fields.into_iter().zip([b",", b"\n"]) {
        // An empty field is quoted: without that, a row of two would look like a blank line to some readers.
        if field.is_empty() || field.contains([',', '"', '\n', '\r']) || field.starts_with([' ', '\u{feff}'])
        {
            write!(out, "\"{}\"", field.replace('"', "\"\""))?;
        } else {
            out.write_all(field.as_bytes())?;
        }
        out.write_all(end)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::formats::rows::tests::{malformed, read_all, write_all};
    use crate::formats::{Dialect, Format};

    const ESCAPED: Dialect = Dialect { escaped: true, header: None, drop_keys: false };
    const PLAIN: Dialect = Dialect { escaped: false, header: Some(false), drop_keys: false };

    fn texts(rows: &[(Vec<u8>, Vec<u8>)]) -> Vec<(&str, &str)> {
        rows.iter()
            .map(|(key, value)| (str::from_utf8(key).unwrap(), str::from_utf8(value).unwrap()))
            .collect()
    }

    #[test]
    fn a_header_is_recognized_unless_told_otherwise() {
        let text = b"key,value\na,b\n";
        assert_eq!(texts(&read_all(Format::Csv, Dialect::default(), text)), [("a", "b")]);
        assert_eq!(texts(&read_all(Format::Csv, PLAIN, text)), [("key", "value"), ("a", "b")]);
        let always = Dialect { header: Some(true), ..PLAIN };
        assert_eq!(texts(&read_all(Format::Csv, always, b"id,name\na,b\n")), [("a", "b")]);
        assert_eq!(texts(&read_all(Format::Csv, Dialect::default(), b"id,name\n")), [("id", "name")]);
    }

    #[test]
    fn quoted_fields_hold_anything_and_lines_are_counted_through_them() {
        let text = b"\"a \"\"x\"\", y\",\"1\n2\r\n3\"\r\nb,c\nonly one\n";
        let (line, what) = malformed(Format::Csv, PLAIN, text);
        assert_eq!(line, 5, "{what}");
        assert!(what.contains("has 1"), "{what}");
        let rows = read_all(Format::Csv, PLAIN, &text[..text.len() - 9]);
        assert_eq!(texts(&rows), [("a \"x\", y", "1\n2\r\n3"), ("b", "c")]);
    }

    #[test]
    fn bytes_that_are_not_text_need_escapes() {
        let pairs = [(&b"k"[..], &b"\xff"[..])];
        assert!(write_all(Format::Csv, PLAIN, &pairs).unwrap_err().contains("value is not UTF-8"));
        assert_eq!(write_all(Format::Csv, ESCAPED, &pairs).unwrap(), b"key,value\nk,\\xff\n");
    }

    proptest! {
        #[test]
        fn text_comes_back(rows: Vec<(String, String)>) {
            for dialect in [PLAIN, Dialect::default(), ESCAPED] {
                let text = write_all(Format::Csv, dialect, &rows).unwrap();
                let read = read_all(Format::Csv, dialect, &text);
                let expected: Vec<_> = rows.iter().map(|(key, value)| (&key[..], &value[..])).collect();
                prop_assert_eq!(texts(&read), expected);
            }
        }

        #[test]
        fn fields_made_of_the_special_characters_come_back(rows in prop::collection::vec(("[,\"\r\n a\u{feff}]{0,4}", "[,\"\r\n a]{0,4}"), 0..8)) {
            let text = write_all(Format::Csv, PLAIN, &rows).unwrap();
            let read = read_all(Format::Csv, PLAIN, &text);
            let expected: Vec<_> = rows.iter().map(|(key, value)| (&key[..], &value[..])).collect();
            prop_assert_eq!(texts(&read), expected);
        }

        #[test]
        fn escaped_rows_of_any_bytes_come_back(rows: Vec<(Vec<u8>, Vec<u8>)>) {
            let text = write_all(Format::Csv, ESCAPED, &rows).unwrap();
            prop_assert_eq!(read_all(Format::Csv, ESCAPED, &text), rows);
        }
    }
}
