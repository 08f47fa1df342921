//! `jsonl`: one object per line, with `key` and `value`, or `key_base64` and `value_base64` for bytes that are not
//! UTF-8, and `expires_ns` when the entry has a deadline.
//!
//! The one row format that holds everything. A field of another name is refused, because it would be lost; blank lines
//! are passed over; of a field that is given twice, the last one counts.

use std::io::{BufRead, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pentad_engine::{Expiry, Timestamp};
use serde_json::{Map, Value};

use crate::formats::rows::Lines;
use crate::formats::{Entry, ReadRows, Row, RowError, WriteError, WriteRows};
use crate::json::write_row;

/// Reads objects.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    lines: Lines<R>,
}

impl<R: BufRead> Reader<R> {
    /// The rows of `input`.
    pub(crate) fn new(input: R) -> Self {
        Self { lines: Lines::new(input) }
    }
}

impl<R: BufRead> ReadRows for Reader<R> {
    fn next_row(&mut self) -> Result<Option<Row>, RowError> {
        while let Some((line, text)) = self.lines.next_line()? {
            if !text.iter().all(u8::is_ascii_whitespace) {
                return parse(text, line).map(Some).map_err(|what| RowError::Malformed { line, what });
            }
        }
        Ok(None)
    }
}

fn parse(text: &[u8], line: u64) -> Result<Row, String> {
    let mut object = match serde_json::from_slice(text) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err("it is JSON, but not an object".to_owned()),
        Err(error) => return Err(format!("it is not JSON: {error}")),
    };
    let key = take_bytes(&mut object, "key")?;
    let value = take_bytes(&mut object, "value")?;
    let expiry = match object.remove("expires_ns") {
        None => Expiry::Never,
        Some(time) => Expiry::At(Timestamp(
            time.as_u64()
                .ok_or("\"expires_ns\" must be a whole number of nanoseconds since 1970".to_owned())?,
        )),
    };
    match object.keys().next() {
        None => Ok(Row { key, value, expiry, line }),
        Some(unknown) => Err(format!("the field {unknown:?} has no place in an entry")),
    }
}

fn take_bytes(object: &mut Map<String, Value>, name: &str) -> Result<Vec<u8>, String> {
    let encoded_name = format!("{name}_base64");
    match (object.remove(name), object.remove(&encoded_name)) {
        (Some(Value::String(text)), None) => Ok(text.into_bytes()),
        (None, Some(Value::String(text))) => {
            STANDARD.decode(text).map_err(|error| format!("{encoded_name:?} is not base64: {error}"))
        }
        (None, None) => Err(format!("there is neither {name:?} nor {encoded_name:?}")),
        (Some(_), Some(_)) => Err(format!("there are both {name:?} and {encoded_name:?}")),
        (Some(_), None) => Err(format!("{name:?} must be a string")),
        (None, Some(_)) => Err(format!("{encoded_name:?} must be a string")),
    }
}

/// Writes objects.
#[derive(Debug)]
pub(crate) struct Writer;

impl WriteRows for Writer {
    fn write_row(&mut self, entry: Entry<'_>, out: &mut dyn Write) -> Result<(), WriteError> {
        write_row(out, entry.key, Some(entry.value), entry.deadline)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::formats::rows::tests::{malformed, read_all, write_all};
    use crate::formats::{Dialect, Format};

    #[test]
    fn strings_base64_and_deadlines_are_read() {
        let text = br#"
            {"value": "\u00e9\n", "key": "k"}

            {"key_base64": "/w==", "value": "", "expires_ns": 7}"#;
        let mut rows = Reader::new(&text[..]);
        let first = rows.next_row().unwrap().unwrap();
        assert_eq!((&first.key[..], &first.value[..], first.line), (&b"k"[..], "é\n".as_bytes(), 2));
        let second = rows.next_row().unwrap().unwrap();
        assert_eq!(
            (&second.key[..], second.expiry, second.line),
            (&b"\xff"[..], Expiry::At(Timestamp(7)), 4)
        );
        assert!(rows.next_row().unwrap().is_none());
    }

    #[test]
    fn what_is_not_an_entry_is_named() {
        for (text, problem) in [
            ("[1]", "not an object"),
            ("{\"key\": \"k\"", "not JSON"),
            ("{\"key\": \"k\"}", "neither \"value\" nor"),
            ("{\"key\": 1, \"value\": \"v\"}", "\"key\" must be a string"),
            ("{\"key\": \"k\", \"value\": \"v\", \"ttl\": 3}", "\"ttl\""),
            ("{\"key\": \"k\", \"key_base64\": \"aw==\", \"value\": \"v\"}", "both"),
            ("{\"key_base64\": \"?\", \"value\": \"v\"}", "not base64"),
            ("{\"key\": \"k\", \"value\": \"v\", \"expires_ns\": -1}", "expires_ns"),
        ] {
            let lines = format!("{{\"key\": \"fine\", \"value\": \"\"}}\n{text}\n");
            let (line, what) = malformed(Format::Jsonl, Dialect::default(), lines.as_bytes());
            assert_eq!(line, 2);
            assert!(what.contains(problem), "{text}: {what}");
        }
    }

    proptest! {
        #[test]
        fn rows_of_any_bytes_come_back(rows: Vec<(Vec<u8>, Vec<u8>)>) {
            let text = write_all(Format::Jsonl, Dialect::default(), &rows).unwrap();
            prop_assert_eq!(read_all(Format::Jsonl, Dialect::default(), &text), rows);
        }

        #[test]
        fn rows_of_text_come_back(rows: Vec<(String, String)>) {
            let text = write_all(Format::Jsonl, Dialect::default(), &rows).unwrap();
            let expected: Vec<_> = rows.into_iter().map(|(key, value)| (key.into_bytes(), value.into_bytes())).collect();
            prop_assert_eq!(read_all(Format::Jsonl, Dialect::default(), &text), expected);
        }
    }
}
