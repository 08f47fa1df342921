//! Bytes in JSON: a string where they are UTF-8, else base64 under a name with `_base64` behind it.
//!
//! Rows are written straight into the output, so that a large value is never held twice.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use pentad_engine::Timestamp;
use serde_json::{Map, Value};

/// Puts `bytes` into `object` under `name`, or as base64 under `name_base64`.
pub(crate) fn insert_bytes(object: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => object.insert(name.to_owned(), text.into()),
        Err(_) => object.insert(format!("{name}_base64"), STANDARD.encode(bytes).into()),
    };
}

/// Writes one entry as an object on one line, with its newline. A missing `value` writes the key alone.
pub(crate) fn write_row(
    out: &mut dyn Write,
    key: &[u8],
    value: Option<&[u8]>,
    deadline: Option<Timestamp>,
) -> io::Result<()> {
    out.write_all(b"{")?;
    write_field(out, "key", key)?;
    if let Some(value) = value {
        out.write_all(b",")?;
        write_field(out, "value", value)?;
    }
    if let Some(deadline) = deadline {
        write!(out, ",\"expires_ns\":{deadline}")?;
    }
    out.write_all(b"}\n")
}

fn write_field(out: &mut dyn Write, name: &str, bytes: &[u8]) -> io::Result<()> {
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            write!(out, "\"{name}\":")?;
            serde_json::to_writer(out, text).map_err(io::Error::from)
        }
        Err(_) => {
            write!(out, "\"{name}_base64\":\"")?;
            let mut encoder = EncoderWriter::new(&mut *out, &STANDARD);
            encoder.write_all(bytes)?;
            encoder.finish()?;
            drop(encoder);
            out.write_all(b"\"")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &[u8], value: Option<&[u8]>, deadline: Option<Timestamp>) -> String {
        let mut line = Vec::new();
        write_row(&mut line, key, value, deadline).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn text_is_a_string_and_other_bytes_are_base64() {
        assert_eq!(row(b"k\"\n", Some(b"v"), None), "{\"key\":\"k\\\"\\n\",\"value\":\"v\"}\n");
        assert_eq!(
            row(b"\xff", Some(b"\x00\xfe"), None),
            "{\"key_base64\":\"/w==\",\"value_base64\":\"AP4=\"}\n"
        );
        assert_eq!(row(b"k", None, Some(Timestamp(7))), "{\"key\":\"k\",\"expires_ns\":7}\n");
    }

    #[test]
    fn objects_use_the_same_names() {
        let mut object = Map::new();
        insert_bytes(&mut object, "key", b"k");
        insert_bytes(&mut object, "file", b"\xff");
        assert_eq!(Value::from(object).to_string(), "{\"file_base64\":\"/w==\",\"key\":\"k\"}");
    }
}
