//! Which part of the command an input is for.

use pentad_engine::fuzzing::Source;

use super::{arguments, rows, texts};

/// Parses `input`; its first byte says as what.
///
/// # Panics
///
/// When a parser panics, or takes two different things for the same.
pub fn command(input: &[u8]) {
    let mut source = Source::new(input);
    match source.byte() % 4 {
        0 => arguments::parse(&mut source),
        1 => rows::read(&mut source),
        2 => rows::write(&mut source),
        _ => texts::convert(&mut source),
    }
}
