//! Bytes as text and back, keys as paths, numbers as people read them.

use std::path::{Component, Path};
use std::time::Duration;

use pentad_engine::Timestamp;
use pentad_engine::fuzzing::Source;

use crate::escape::{escape, unescape};
use crate::formats::Format;
use crate::formats::dir::paths;
use crate::human;
use crate::time::rfc3339;

/// Each conversion with the same bytes.
pub(super) fn convert(source: &mut Source<'_>) {
    let number = source.number();
    let bytes = source.rest();
    let shown = escape(bytes);
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    assert_eq!(unescape(shown.as_bytes()).as_deref(), Ok(bytes));
    match unescape(bytes) {
        Ok(plain) => assert_eq!(unescape(escape(&plain).as_bytes()), Ok(plain)),
        Err(refusal) => assert!(refusal.contains("at byte"), "{refusal}"),
    }
    if paths::check(bytes).is_ok() {
        let path = paths::path_of(bytes);
        assert!(
            path.components().all(|part| matches!(part, Component::Normal(_))),
            "{path:?} leaves the tree"
        );
        assert_eq!(paths::key_of(path).as_deref(), Some(bytes));
        assert!(paths::directories(bytes).all(|directory| paths::check(directory).is_ok()));
    }
    if let Ok(name) = str::from_utf8(bytes) {
        assert_ne!(Format::of_extension(Path::new(name)), Some(Format::Dir));
    }
    let time = rfc3339(Timestamp(number));
    assert!(time.len() == 30 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
    assert_eq!(human::count(number).replace(',', ""), number.to_string());
    let texts = [human::bytes(number), human::duration(Duration::from_nanos(number))];
    assert!(texts.iter().all(|text| text.starts_with(|first: char| first.is_ascii_digit())), "{texts:?}");
    human::per_second(number, Duration::from_nanos(number >> 7));
}
