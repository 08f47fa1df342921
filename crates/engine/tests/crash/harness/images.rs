//! Images of a store's files: where one commit left its bytes, and what becomes of the store when bytes change.
//!
//! Nothing here knows the format. Where a frame lies is learned by comparing the files before and after its commit.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pentad_engine::seams::sim::SimDisk;
use pentad_engine::{Error, ErrorKind, Store, Value};

use super::history::History;
use super::request::Request;
use super::world::{STORE, World};

pub(crate) type Image = BTreeMap<PathBuf, Vec<u8>>;

/// The bytes that one commit wrote.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) file: PathBuf,
    /// From the first to the last byte that changed; neither end is a zero that was there before.
    pub(crate) range: Range<usize>,
}

/// Commits and tells where. `None` when more than one file changed, as when a segment was begun.
pub(crate) fn commit_and_find(world: &mut World, request: &Request) -> Option<Written> {
    let before = world.disk.image();
    world.commit(request).unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    let after = world.disk.image();
    let mut changed = after.iter().filter(|(path, bytes)| before.get(*path) != Some(bytes));
    let (file, bytes) = changed.next()?;
    if changed.next().is_some() {
        return None;
    }
    let old = before.get(file)?;
    let differs = |at: &usize| old.get(*at) != bytes.get(*at);
    let first = (0..bytes.len()).find(differs)?;
    let last = (0..bytes.len()).rev().find(differs)?;
    Some(Written { file: file.clone(), range: first..last + 1 })
}

/// The image with one file changed.
pub(crate) fn edited(image: &Image, file: &Path, edit: impl FnOnce(&mut Vec<u8>)) -> Image {
    let mut image = image.clone();
    edit(image.get_mut(file).expect("the file is in the image"));
    image
}

/// Demands that the store does not open, neither for writing nor for reading, for one of the given reasons, and that
/// trying changes no byte. Returns what the refusal said.
pub(crate) fn refused(world: &World, image: &Image, kinds: &[ErrorKind], context: &str) -> Error {
    let disk = SimDisk::from_image(0, image);
    let error = match world.options_on(&disk).open(STORE) {
        Err(error) => error,
        Ok(store) => panic!("{context}: opened, at {}", store.sequence()),
    };
    assert!(kinds.contains(&error.kind()), "{context}: refused with {:?}: {error}", error.kind());
    assert_eq!(disk.image(), *image, "{context}: the refused open changed a file");
    match world.options_on(&disk).open_read_only(STORE) {
        Err(again) => {
            assert_eq!(again.kind(), error.kind(), "{context}: readers are told otherwise: {again}")
        }
        Ok(store) => panic!("{context}: opened for reading, at {}", store.sequence()),
    }
    assert_eq!(disk.image(), *image, "{context}: the refused read-only open changed a file");
    error
}

/// What a store with changed bytes did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// It opened and showed everything.
    Unharmed,
    /// It opened, and reading something failed, told as damage.
    ReadFailed,
    /// It did not open, told as damage, and nothing was changed.
    Refused,
}

/// Opens a store of which bytes of `file` were changed, and demands that nothing false comes out of it: each entry
/// is as the history says or its read fails as `Damaged`, naming the file. Also demands that `verify` finds the damage,
/// unless `found_by_verify` is off (for bytes that nothing was acknowledged to hold).
pub(crate) fn react(
    world: &World,
    image: &Image,
    file: &Path,
    past: &History,
    verified: bool,
    context: &str,
) -> Reaction {
    let disk = SimDisk::from_image(0, image);
    let options = world.options_on(&disk);
    let name = file.file_name().expect("files have names").to_string_lossy().into_owned();
    let report = pentad_engine::verify(Path::new(STORE), &options, &mut |_| {});
    if verified {
        match &report {
            Ok(report) => assert!(
                report.damage.iter().any(|damage| damage.file.ends_with(&name)),
                "{context}: verify did not find it: {report:?}"
            ),
            Err(error) => assert_damage(error, &name, context),
        }
    }
    assert_eq!(disk.image(), *image, "{context}: verify changed a file");
    let store = match options.open(STORE) {
        Err(error) => {
            assert_damage(&error, &name, context);
            assert_eq!(disk.image(), *image, "{context}: the refused open changed a file");
            return Reaction::Refused;
        }
        Ok(store) => store,
    };
    if shows_nothing_false(&store, past, &name, context) { Reaction::Unharmed } else { Reaction::ReadFailed }
}

fn assert_damage(error: &Error, name: &str, context: &str) {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::Damaged => {
            assert!(text.contains(name) && text.contains("offset"), "{context}: not naming {name}: {text}");
        }
        // Where the identity itself is hit, nothing says any more whose directory it is.
        ErrorKind::NotAStore => {}
        kind => panic!("{context}: {kind:?}: {text}"),
    }
}

/// Demands that no row is false, and that none is missing but where rows failed: a row that cannot be read may be any of
/// several, and then each of these fails.
fn rows_are_true(rows: &[Result<(Bytes, Value), Error>], past: &History, now: u64, context: &str) {
    let mut model = past.state().rows(now);
    let mut missing = 0;
    for (key, value) in rows.iter().flatten() {
        let expected = model.by_ref().find(|(expected, _)| {
            missing += usize::from(expected[..] != key[..]);
            expected[..] == key[..]
        });
        let expected = expected.map(|(_, entry)| &entry.value[..]);
        assert_eq!(Some(&value[..]), expected, "{context}: row {key:?}");
    }
    missing += model.count();
    let failed = rows.iter().filter(|row| row.is_err()).count();
    assert!(missing <= failed, "{context}: {missing} rows are missing, and {failed} failed");
}

/// Whether everything could be read; panics when something is missing or false.
fn shows_nothing_false(store: &Store, past: &History, name: &str, context: &str) -> bool {
    let now = store.now().0;
    let mut whole = true;
    let mut failed = |error: &Error| {
        assert_damage(error, name, context);
        assert_eq!(error.kind(), ErrorKind::Damaged, "{context}: {error}");
        let text = error.to_string();
        let told = text.contains("sequence") || text.contains("commit");
        assert!(told, "{context}: the commit is not named in: {text}");
        whole = false;
    };
    assert_eq!(store.sequence().0, past.sequence(), "{context}: the open trimmed the log");
    for (key, entry) in &past.state().keyed {
        let expected = entry.is_live(now).then_some(&entry.value[..]);
        match store.get(key) {
            Ok(value) => assert_eq!(value.as_deref(), expected, "{context}: value of {key:?}"),
            Err(error) => failed(&error),
        }
    }
    for &hash in past.state().hashed.keys() {
        let expected = past.state().get_hashed(hash, now).map(|entry| &entry.value[..]);
        match store.get_hashed(hash) {
            Ok(value) => assert_eq!(value.as_deref(), expected, "{context}: hash {hash:016x}"),
            Err(error) => failed(&error),
        }
    }
    let rows: Vec<_> = store.range::<&[u8]>(..).collect();
    rows.iter().filter_map(|row| row.as_ref().err()).for_each(&mut failed);
    rows_are_true(&rows, past, now, context);
    let mut backward: Vec<_> = store.range::<&[u8]>(..).rev().collect();
    backward.reverse();
    rows_are_true(&backward, past, now, context);
    let model: BTreeMap<_, _> =
        past.state().rows(now).map(|(key, entry)| (&key[..], &entry.value[..])).collect();
    for key in store.range::<&[u8]>(..).keys() {
        match key {
            Ok(key) => assert!(model.contains_key(&key[..]), "{context}: key {key:?}"),
            Err(error) => failed(&error),
        }
    }
    let visited = store.range::<&[u8]>(..).visit(|key, value| {
        assert_eq!(model.get(key), Some(&value), "{context}: visited {key:?}");
        ControlFlow::<()>::Continue(())
    });
    visited.as_ref().err().into_iter().for_each(&mut failed);
    for (at, commit) in past.commits.iter().enumerate() {
        let sequence = at as u64 + 1;
        match store.batch(pentad_engine::Sequence(sequence)) {
            Ok(Some(pairs)) => {
                let seen = pairs.iter().map(|(key, value)| (&key[..], &value[..]));
                let model = commit.pairs.iter().map(|(key, value)| (&key[..], &value[..]));
                assert!(seen.eq(model), "{context}: batch {sequence}: {pairs:?}");
            }
            Ok(None) => assert!(sequence < past.floor, "{context}: batch {sequence} is missing"),
            Err(error) => failed(&error),
        }
    }
    whole
}
