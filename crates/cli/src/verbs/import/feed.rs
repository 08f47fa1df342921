//! Entries on their way from a source to the loader.

use std::path::Path;

use bytes::Bytes;
use pentad_engine::{Expiry, KEY_BYTES_MAX};

use crate::error::{Failure, Result};
use crate::formats::dir::{Found, Tree, open_file};
use crate::formats::{ROW_VALUE_BYTES_MAX, ReadRows, Row, RowError};
use crate::human::count;
use crate::input;
use crate::interrupt;
use crate::loader::{Loader, Place};
use crate::payload::Staged;
use crate::place::{Alter, Content};
use crate::progress::Progress;
use crate::verbs::import::report::Examples;

/// Left-out files that are named one by one; the rest is only counted.
const NOTES_MAX: u64 = 10;

/// What was found and not imported.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Skipped {
    pub(crate) links: u64,
    pub(crate) special: u64,
}

/// Feeds every row.
pub(crate) fn feed_rows(
    rows: &mut dyn ReadRows,
    name: &Path,
    loader: &mut Loader<'_>,
    examples: &mut Examples,
) -> Result<()> {
    loop {
        interrupt::check()?;
        let row = match rows.next_row() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(()),
            Err(RowError::Io(error)) => return Err(input::failure(name, error)),
            Err(RowError::Malformed { line, what }) => return Err(malformed(name, line, &what)),
        };
        let Row { key, value, expiry, line } = row;
        check_lengths(key.len(), value.len()).map_err(|what| malformed(name, line, &what))?;
        examples.offer(&key);
        let length = value.len() as u64;
        let staged = Staged { content: Content::Bytes(Bytes::from(value)), length, held_bytes: length };
        loader.add(&key, staged, expiry, Place::Line(line))?;
    }
}

/// Feeds every file of a tree; long ones through a stream.
pub(crate) fn feed_tree(
    tree: Tree,
    into: &dyn Alter,
    loader: &mut Loader<'_>,
    progress: &Progress,
    examples: &mut Examples,
) -> Result<Skipped> {
    let mut skipped = Skipped::default();
    for found in tree {
        interrupt::check()?;
        match found? {
            Found::File { key, path } => {
                let broken = |error| Failure::io("read", &path, error);
                check_lengths(key.len(), 0)
                    .map_err(|what| Failure::Input(format!("cannot import {}: {what}", path.display())))?;
                let mut file = open_file(&path).map_err(broken)?;
                let staged = into.stage(&mut file, &broken, &|bytes| progress.add(bytes))?;
                examples.offer(&key);
                loader.add(&key, staged, Expiry::Never, Place::File(key.clone()))?;
            }
            Found::Link(path) => {
                note(progress, &mut skipped.links, "link", &path);
            }
            Found::Special(path) => {
                note(progress, &mut skipped.special, "device, pipe or socket", &path);
            }
            Found::Unclear(problem) => {
                progress.note(&format!("passed over part of an ignore file: {problem}"))
            }
        }
    }
    Ok(skipped)
}

fn note(progress: &Progress, skipped: &mut u64, kind: &str, path: &Path) {
    *skipped += 1;
    if *skipped <= NOTES_MAX {
        progress.note(&format!("skipped {}: a {kind}", path.display()));
    } else if *skipped == NOTES_MAX + 1 {
        progress.note(&format!("skipped more of the kind: {kind}"));
    }
}

fn malformed(name: &Path, line: u64, what: &str) -> Failure {
    Failure::Input(format!("{} line {}: {what}", name.display(), count(line)))
}

fn check_lengths(key_bytes: usize, value_bytes: usize) -> Result<(), String> {
    if key_bytes > KEY_BYTES_MAX {
        return Err(format!("the key has {key_bytes} bytes, and keys end at {KEY_BYTES_MAX}"));
    }
    if value_bytes as u64 > ROW_VALUE_BYTES_MAX {
        return Err(format!(
            "the value has {value_bytes} bytes, and rows end at {ROW_VALUE_BYTES_MAX}; use dir"
        ));
    }
    Ok(())
}
