//! Entries as files of a directory.
//!
//! Invariants: every key is checked before the first file is written; no link in the target is followed; nothing
//! is written into the store; a file gets its name when it is complete, so an interrupted export leaves whole files
//! only, and perhaps one whose name says that it is partial.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process;

use bytes::Bytes;
use pentad_engine::escape_key;

use crate::error::{Failure, Result};
use crate::formats::dir::paths::{check, directories, path_of};
use crate::human::counted;
use crate::interrupt;
use crate::payload::copy_out;
use crate::place::{Listing, Look};
use crate::progress::Progress;
use crate::real_path::real_path;

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unpacked {
    pub(crate) entries: u64,
    /// Bytes of keys and values.
    pub(crate) bytes: u64,
    /// Entries that were left out because their values are damaged.
    pub(crate) damaged: u64,
}

/// What an export does with what is in its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// Write into a directory that is not empty, and over files.
    pub(crate) force: bool,
    /// Leave out entries whose values are damaged instead of stopping.
    pub(crate) skip_damaged: bool,
}

impl Unpacked {
    /// Counts an entry that failed and may be left out; the failure comes back if it may not.
    pub(crate) fn leave_out(&mut self, failure: Failure, policy: Policy, progress: &Progress) -> Result<()> {
        if !(policy.skip_damaged && failure.is_damage()) {
            return Err(failure);
        }
        self.damaged += 1;
        progress.note(&format!("left out: {failure}"));
        Ok(())
    }
}

/// Writes every entry of `place`, which is seen as of one moment, to a file below `target`, which is made when it is missing. It must
/// be empty unless `policy.force`, which lets files be replaced.
pub(crate) fn unpack(
    place: &dyn Look,
    target: &Path,
    policy: Policy,
    progress: &Progress,
) -> Result<Unpacked> {
    check_target(target, policy.force)?;
    let store = place.directory().map(real_path).transpose()?;
    let total = check_keys(place, &real_path(target)?, store.as_deref())?;
    fs::create_dir_all(target).map_err(|error| Failure::io("create", target, error))?;
    let mut writer = Unpacker::new(place, target, policy.force)?;
    let mut unpacked = Unpacked::default();
    for key in keys(place)? {
        let written = key.and_then(|key| Ok(key.len() as u64 + writer.write(&key)?));
        let kept = match written {
            Ok(bytes) => {
                unpacked.entries += 1;
                unpacked.bytes += bytes;
                progress.add(bytes);
                Ok(())
            }
            Err(failure) => unpacked.leave_out(failure, policy, progress),
        };
        if let Err(failure) = kept {
            let files = counted(total, "file", "files");
            let mut state = format!("{} of {files} are complete in {}", unpacked.entries, target.display());
            state.push_str(", the others are not there");
            if failure.is_damage() {
                state.push_str("; --skip-damaged leaves out what is damaged and goes on");
            }
            return Err(failure.after(state));
        }
    }
    Ok(unpacked)
}

fn keys(place: &dyn Look) -> Result<impl Iterator<Item = Result<Bytes>>> {
    let rows = place.rows(&Listing { keys_alone: true, ..Listing::all() })?;
    Ok(rows.map(|row| Ok(row?.key)))
}

fn check_target(target: &Path, force: bool) -> Result<()> {
    let refused = |why: &str| Err(Failure::Refused(format!("cannot export to {}: {why}", target.display())));
    let mut entries = match fs::read_dir(target) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => return refused("it is not a directory"),
        Err(error) => return Err(Failure::io("read", target, error)),
    };
    match entries.next() {
        None => Ok(()),
        Some(Ok(_)) if force => Ok(()),
        Some(Ok(_)) => refused("it is not empty; name another directory, or --force to write into it"),
        Some(Err(error)) => Err(Failure::io("read", target, error)),
    }
}

/// Checks that every key is a path, that none is the directory of another one, and that none leads into the store.
/// The result is the number of keys.
fn check_keys(place: &dyn Look, target: &Path, store: Option<&Path>) -> Result<u64> {
    if store.is_some_and(|store| target.starts_with(store)) {
        let text = format!("cannot export to {}: it is inside the store", target.display());
        return Err(Failure::Refused(text));
    }
    let refused = |key: &[u8], why: &str| {
        let key = escape_key(key);
        Failure::Refused(format!("cannot export key {key} to a directory: it {why}; nothing was written"))
    };
    let own = store.and_then(|store| store.strip_prefix(target).ok());
    let mut count = 0;
    let mut previous = Vec::new();
    for key in keys(place)? {
        interrupt::check()?;
        let key = key?;
        check(&key).map_err(|why| refused(&key, &why))?;
        if own.is_some_and(|own| path_of(&key).starts_with(own)) {
            return Err(refused(&key, "would be written into the store itself"));
        }
        for directory in directories(&key) {
            // What the key before this one shares with it has been looked up for that one.
            let known = previous.starts_with(directory) && previous.get(directory.len()) == Some(&b'/');
            if !known && place.reader(directory)?.is_some() {
                let other = escape_key(directory);
                return Err(refused(
                    &key,
                    &format!("needs {other} to be a directory, but that is a key as well"),
                ));
            }
        }
        previous.clear();
        previous.extend_from_slice(&key);
        count += 1;
    }
    Ok(count)
}

/// Writes files into a directory.
struct Unpacker<'a> {
    place: &'a dyn Look,
    target: &'a Path,
    force: bool,
    partial: PathBuf,
    /// The directory that is known to be there, as a key.
    directory: Vec<u8>,
}

impl<'a> Unpacker<'a> {
    fn new(place: &'a dyn Look, target: &'a Path, force: bool) -> Result<Self> {
        let mut name = format!(".pentad-partial-{}", process::id());
        while place.reader(name.as_bytes())?.is_some() {
            name.push('_');
        }
        Ok(Self { place, target, force, partial: target.join(name), directory: Vec::new() })
    }

    fn write(&mut self, key: &[u8]) -> Result<u64> {
        self.make_directories(key)?;
        let path = self.target.join(path_of(key));
        if !self.force && is_there(&path)? {
            let (key, path) = (escape_key(key), path.display());
            return Err(Failure::Refused(format!(
                "cannot export key {key}: {path} is there already, perhaps because this file system does not tell \
                 upper from lower case"
            )));
        }
        let bytes = match self.fill_partial(key) {
            Ok(bytes) => bytes,
            Err(failure) => {
                // The failure is what there is to say; the name of the file says that it is partial.
                let _left_over = fs::remove_file(&self.partial);
                return Err(failure);
            }
        };
        fs::rename(&self.partial, &path).map_err(|error| Failure::io("write", &path, error))?;
        Ok(bytes)
    }

    fn fill_partial(&self, key: &[u8]) -> Result<u64> {
        let Some(mut value) = self.place.reader(key)? else {
            // A deadline that passes does not show in a snapshot, so this is not one.
            let text = format!("key {} is listed, but has no value", escape_key(key));
            return Err(Failure::Damage(text));
        };
        let mut file =
            File::create_new(&self.partial).map_err(|error| Failure::io("write", &self.partial, error))?;
        let shown = escape_key(key);
        copy_out(&mut value, &mut file, &|error| Failure::value(&shown, error), &|error| {
            Failure::io("write", &self.target.join(path_of(key)), error)
        })
    }

    fn make_directories(&mut self, key: &[u8]) -> Result<()> {
        let mut deepest: &[u8] = b"";
        for directory in directories(key) {
            deepest = directory;
            if self.directory.starts_with(directory)
                && matches!(self.directory.get(directory.len()), None | Some(b'/'))
            {
                continue;
            }
            let path = self.target.join(path_of(directory));
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => {
                    let text = format!("cannot write into {}: it is a link or a file", path.display());
                    return Err(Failure::Refused(text));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    fs::create_dir(&path).map_err(|error| Failure::io("create", &path, error))?;
                }
                Err(error) => return Err(Failure::io("create", &path, error)),
            }
        }
        if self.directory != deepest {
            self.directory = deepest.to_vec();
        }
        Ok(())
    }
}

fn is_there(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::io("write", path, error)),
    }
}
