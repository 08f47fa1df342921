//! Bytes as printable text and back: `\xNN` for a byte that is not printable, `\\` for a backslash.
//!
//! Invariant: unescaping what was escaped gives the same bytes, and escaped text holds no control character, so a row
//! stays one line and a value cannot drive a terminal.

use std::fmt::Write as _;

/// Appends `bytes` to `text` in escaped form.
///
/// Printable characters of valid UTF-8 stand for themselves. Control characters, line separators and the invisible
/// formatting characters (which could reorder or hide what a terminal shows) are written byte by byte, as is
/// everything that is not UTF-8.
pub(crate) fn escape_into(bytes: &[u8], text: &mut String) {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '\\' {
                text.push_str("\\\\");
            } else if is_shown(character) {
                text.push(character);
            } else {
                escape_bytes(character.encode_utf8(&mut [0; 4]).as_bytes(), text);
            }
        }
        escape_bytes(chunk.invalid(), text);
    }
}

/// `bytes` in escaped form.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    escape_into(bytes, &mut text);
    text
}

/// The bytes that an escaped text stands for. Bytes other than the backslash stand for themselves.
///
/// # Errors
///
/// A description of the first backslash that begins neither `\\` nor `\xNN`.
pub(crate) fn unescape(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        bytes.extend_from_slice(&rest[..at]);
        let (byte, length) = match &rest[at + 1..] {
            [b'\\', ..] => (b'\\', 2),
            [b'x', high, low, ..] if let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low)) => {
                (high << 4 | low, 4)
            }
            _ => {
                let place = text.len() - rest.len() + at + 1;
                return Err(format!(
                    "the backslash at byte {place} begins neither \\\\ (a backslash) nor \\xNN (a byte in hexadecimal)"
                ));
            }
        };
        bytes.push(byte);
        rest = &rest[at + length..];
    }
    bytes.extend_from_slice(rest);
    Ok(bytes)
}

fn escape_bytes(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        write!(text, "\\x{byte:02x}").expect("writing to a string");
    }
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn is_shown(character: char) -> bool {
    !(character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_stands_for_itself_and_the_rest_is_hexadecimal() {
        assert_eq!(escape("naïve 日本 🦀".as_bytes()), "naïve 日本 🦀");
        assert_eq!(escape(b"a\tb\nc\\d\x00\xff"), "a\\x09b\\x0ac\\\\d\\x00\\xff");
        assert_eq!(escape("\u{85}\u{202e}".as_bytes()), "\\xc2\\x85\\xe2\\x80\\xae");
    }

    #[test]
    fn both_cases_of_a_digit_are_read() {
        assert_eq!(unescape(b"\\xfF\\x0a").unwrap(), b"\xff\n");
    }

    #[test]
    fn a_stray_backslash_is_refused_with_its_place() {
        for text in ["ab\\", "ab\\n", "ab\\x4", "ab\\x+1"] {
            let refusal = unescape(text.as_bytes()).unwrap_err();
            assert!(refusal.contains("at byte 3"), "{text}: {refusal}");
        }
    }

    proptest! {
        #[test]
        fn escaping_loses_nothing(bytes: Vec<u8>) {
            let text = escape(&bytes);
            prop_assert!(!text.chars().any(char::is_control));
            prop_assert_eq!(unescape(text.as_bytes()).unwrap(), bytes);
        }

        #[test]
        fn escaping_text_loses_nothing(text: String) {
            prop_assert_eq!(unescape(escape(text.as_bytes()).as_bytes()).unwrap(), text.as_bytes());
        }
    }
}
