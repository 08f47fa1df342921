//! Command lines.
//!
//! What has to hold: a line is taken or refused with a text, and bytes of a key or value mean one thing.

use std::ffi::{OsStr, OsString};

use clap::Parser as _;
use pentad_engine::fuzzing::Source;

use crate::args::{Arguments, Global, Verb};
use crate::escape::{escape, unescape};

/// More words than any verb takes apart from `del`.
const WORDS_MAX: usize = 24;

/// Words are what stands between NULs, which no operating system lets into one.
pub(super) fn parse(source: &mut Source<'_>) {
    let words = source.rest().split(|&byte| byte == 0).take(WORDS_MAX).map(word);
    let arguments = match Arguments::try_parse_from(std::iter::once(OsString::from("pentad")).chain(words)) {
        Ok(arguments) => arguments,
        Err(refusal) => {
            assert!(!refusal.to_string().is_empty());
            assert!([0, 2].contains(&refusal.exit_code()), "{refusal}");
            return;
        }
    };
    let Arguments { global, verb } = &arguments;
    match verb {
        Verb::Get(arguments) => bytes(global, &arguments.key),
        Verb::Put(arguments) => {
            bytes(global, &arguments.key);
            arguments.value.iter().for_each(|value| bytes(global, value));
        }
        Verb::Del(arguments) => arguments.keys.iter().for_each(|key| bytes(global, key)),
        Verb::Scan(arguments) => {
            [&arguments.prefix, &arguments.from, &arguments.to]
                .into_iter()
                .flatten()
                .for_each(|key| bytes(global, key));
        }
        Verb::Import(arguments) => assert!((1..=1_000_000).contains(&arguments.batch)),
        _ => {}
    }
}

#[cfg(unix)]
fn word(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStrExt as _;
    OsStr::from_bytes(bytes).to_owned()
}

#[cfg(not(unix))]
fn word(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn bytes(global: &Global, argument: &OsStr) {
    match global.bytes("key", argument) {
        Ok(bytes) if global.raw => assert_eq!(bytes, argument.as_encoded_bytes()),
        Ok(bytes) => assert_eq!(unescape(escape(&bytes).as_bytes()), Ok(bytes)),
        Err(refusal) => {
            assert!(!global.raw && refusal.to_string().contains("backslash"), "{refusal}");
        }
    }
}
