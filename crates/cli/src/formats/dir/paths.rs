//! Keys as paths inside a directory, and back.
//!
//! Invariant: a key that [`check`] passes names one place strictly inside the directory that it is joined to, and
//! [`key_of`] of that place is the key again.

use std::ffi::OsStr;
use std::path::{Component, Path};

/// The longest name that the usual file systems hold, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// The key of a path relative to the tree: its components with `/` between them. `None` when it is not a path inside
/// the tree.
pub(crate) fn key_of(relative: &Path) -> Option<Vec<u8>> {
    let mut key = Vec::new();
    for component in relative.components() {
        let Component::Normal(name) = component else {
            return None;
        };
        if !key.is_empty() {
            key.push(b'/');
        }
        key.extend_from_slice(name.as_encoded_bytes());
    }
    (!key.is_empty()).then_some(key)
}

/// Whether `key` is the path of a file inside a directory.
///
/// # Errors
///
/// Why it is not, as the end of a sentence about the key.
pub(crate) fn check(key: &[u8]) -> Result<(), String> {
    if key.is_empty() {
        return Err("is empty".to_owned());
    }
    if key.starts_with(b"/") {
        return Err("begins with / and would leave the directory".to_owned());
    }
    if key.contains(&0) {
        return Err("holds a NUL, which no path can".to_owned());
    }
    for name in key.split(|&byte| byte == b'/') {
        match name {
            b".." => return Err("has .. in it and would leave the directory".to_owned()),
            b"." => return Err("has . in it, which is not the name of a file".to_owned()),
            b"" => return Err("has an empty name in it (a / at the end, or two in a row)".to_owned()),
            name if name.len() > NAME_BYTES_MAX => {
                return Err(format!(
                    "has a name of {} bytes in it; file names end at {NAME_BYTES_MAX}",
                    name.len()
                ));
            }
            name => check_name(name)?,
        }
    }
    Ok(())
}

/// All the directories that the file of `key` is in, outermost first, as keys.
pub(crate) fn directories(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    key.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &key[..at])
}

/// The path of a checked key, relative to the tree.
#[cfg(unix)]
pub(crate) fn path_of(key: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt as _;
    Path::new(OsStr::from_bytes(key))
}

/// The path of a checked key, relative to the tree.
#[cfg(not(unix))]
pub(crate) fn path_of(key: &[u8]) -> &Path {
    Path::new(OsStr::new(str::from_utf8(key).expect("`check` lets only text through here")))
}

#[cfg(unix)]
fn check_name(_name: &[u8]) -> Result<(), String> {
    Ok(())
}

/// Elsewhere names are text, and more characters than / have a meaning in a path.
#[cfg(not(unix))]
fn check_name(name: &[u8]) -> Result<(), String> {
    match str::from_utf8(name) {
        Ok(name) if !name.contains(['\\', ':']) => Ok(()),
        Ok(_) => {
            Err("has a backslash or a colon in it, which has a meaning of its own in paths here".to_owned())
        }
        Err(_) => Err("is not UTF-8, as paths are here".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn f25_keys_that_leave_the_directory_are_refused() {
        for key in ["..", "../a", "a/../b", "a/..", "/etc/passwd", "//a"] {
            assert!(check(key.as_bytes()).unwrap_err().contains("leave the directory"), "{key}");
        }
        for key in ["", ".", "./a", "a/.", "a//b", "a/", "a\0b", &"n".repeat(256)] {
            assert!(check(key.as_bytes()).is_err(), "{key:?}");
        }
    }

    #[test]
    fn ordinary_and_odd_names_are_kept() {
        for key in ["a", ".gitignore", "a/b.c/d", "..a/b..", "...", "a b\n"] {
            check(key.as_bytes()).unwrap();
            assert_eq!(key_of(path_of(key.as_bytes())).unwrap(), key.as_bytes());
        }
    }

    #[test]
    fn directories_come_outermost_first() {
        assert!(directories(b"a/b/c").eq([&b"a"[..], b"a/b"]));
        assert_eq!(directories(b"a").count(), 0);
    }

    proptest! {
        #[test]
        fn f25_a_key_that_passes_names_a_place_inside(key in prop::collection::vec(prop::sample::select(&b"./a\0\xff"[..]), 0..8)) {
            if check(&key).is_ok() && (cfg!(unix) || str::from_utf8(&key).is_ok()) {
                prop_assert!(path_of(&key).components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert_eq!(key_of(path_of(&key)), Some(key));
            }
        }
    }
}
