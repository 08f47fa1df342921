//! The files of a tree, in the order of their names.
//!
//! Invariant: links are never followed, neither to files nor to directories; only `.gitignore` files inside the tree
//! count; the store is left out even when everything is asked for. Every file that is left out for being neither a
//! file nor a directory is reported.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, Walk, WalkBuilder};

use crate::error::{Failure, Result};
use crate::formats::dir::paths::key_of;

/// A tree that is being walked.
pub(crate) struct Tree {
    root: PathBuf,
    walk: Walk,
}

/// Something in a tree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A file.
    File {
        /// Its path inside the tree.
        key: Vec<u8>,
        /// Where it is.
        path: PathBuf,
    },
    /// A symbolic link, which is not followed.
    Link(PathBuf),
    /// A device, pipe or socket, which has no contents to store.
    Special(PathBuf),
    /// A `.gitignore` file has lines that mean nothing, which were passed over.
    Unclear(String),
}

impl Tree {
    /// The tree at `root`, without the directory `store` if there is one and, unless `all`, without `.git` and what is ignored.
    ///
    /// Both paths must be canonical, so that the store is recognized under whatever name it was given.
    pub(crate) fn new(root: PathBuf, store: Option<PathBuf>, all: bool) -> Self {
        let walk = WalkBuilder::new(&root)
            .standard_filters(false)
            .git_ignore(!all)
            .require_git(false)
            .follow_links(false)
            .sort_by_file_name(|left, right| left.cmp(right))
            .filter_entry(move |entry| {
                entry.depth() == 0
                    || (Some(entry.path()) != store.as_deref() && (all || entry.file_name() != ".git"))
            })
            .build();
        Self { root, walk }
    }

    fn classify(&self, entry: &DirEntry) -> Result<Option<Found>> {
        let path = entry.path().to_owned();
        let Some(kind) = entry.file_type() else {
            return Ok(None);
        };
        if kind.is_dir() {
            return Ok(entry.error().map(|problem| Found::Unclear(problem.to_string())));
        }
        if kind.is_symlink() {
            return Ok(Some(Found::Link(path)));
        }
        if !kind.is_file() {
            return Ok(Some(Found::Special(path)));
        }
        match path.strip_prefix(&self.root).ok().and_then(key_of) {
            Some(key) => Ok(Some(Found::File { key, path })),
            None => Err(Failure::Input(format!("{} is not inside {}", path.display(), self.root.display()))),
        }
    }
}

impl Iterator for Tree {
    type Item = Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let found = match self.walk.next()? {
                Ok(entry) => self.classify(&entry),
                Err(error) => {
                    let text = error.to_string();
                    let doing = format!("cannot walk {}", self.root.display());
                    Err(Failure::Io {
                        doing,
                        error: error.into_io_error().unwrap_or_else(|| io::Error::other(text)),
                    })
                }
            };
            if let Some(found) = found.transpose() {
                return Some(found);
            }
        }
    }
}

/// Opens a file that the walk has found, and fails if a link or something that blocks has taken its place since.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no longer a file")) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn tree() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for (path, contents) in [
            (".gitignore", "*.log\n/target\n"),
            (".hidden", "h"),
            (".git/HEAD", "ref"),
            (".ignore", "a.txt\n"),
            ("a.txt", "a"),
            ("noise.log", "n"),
            ("target/out", "o"),
            ("sub/.gitignore", "!kept.log\nprivate\n"),
            ("sub/kept.log", "k"),
            ("sub/private", "p"),
            ("sub/target/in", "i"),
            ("store/identity", "s"),
            ("empty", ""),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents).unwrap();
        }
        directory
    }

    fn keys(root: &Path, all: bool) -> Vec<String> {
        let root = root.canonicalize().unwrap();
        Tree::new(root.clone(), Some(root.join("store")), all)
            .filter_map(|found| match found.unwrap() {
                Found::File { key, .. } => Some(String::from_utf8(key).unwrap()),
                Found::Link(_) | Found::Special(_) => None,
                Found::Unclear(problem) => panic!("{problem}"),
            })
            .collect()
    }

    #[test]
    fn ignored_files_git_and_the_store_stay_out() {
        let kept = [
            ".gitignore",
            ".hidden",
            ".ignore",
            "a.txt",
            "empty",
            "sub/.gitignore",
            "sub/kept.log",
            "sub/target/in",
        ];
        assert_eq!(keys(tree().path(), false), kept);
    }

    #[test]
    fn all_takes_everything_but_the_store() {
        let keys = keys(tree().path(), true);
        assert_eq!(keys.len(), 12, "{keys:?}");
        assert!(keys.contains(&".git/HEAD".to_owned()) && !keys.iter().any(|key| key.starts_with("store")));
    }

    #[test]
    fn a_pattern_that_means_nothing_is_reported_and_costs_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs::write(root.join(".gitignore"), "[z-a]\n*.log\n").unwrap();
        fs::write(root.join("kept"), "").unwrap();
        fs::write(root.join("noise.log"), "").unwrap();
        let found: Vec<_> =
            Tree::new(root.clone(), Some(root.join("store")), false).map(|found| found.unwrap()).collect();
        assert!(matches!(&found[0], Found::Unclear(problem) if problem.contains("[z-a]")), "{found:?}");
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(matches!(&found[2], Found::File { key, .. } if key == b"kept"));
    }

    #[test]
    fn ignore_files_above_the_tree_do_not_count() {
        let outer = tree();
        fs::write(outer.path().join("sub/noise.log"), "n").unwrap();
        fs::remove_file(outer.path().join("sub/.gitignore")).unwrap();
        assert_eq!(keys(&outer.path().join("sub"), false), ["kept.log", "noise.log", "private", "target/in"]);
    }

    #[cfg(unix)]
    #[test]
    fn f25_links_and_special_files_are_found_and_not_followed() {
        use std::os::unix::fs::symlink;
        use std::os::unix::net::UnixListener;
        let (inside, outside) = (tempfile::tempdir().unwrap(), tree());
        let root = inside.path().canonicalize().unwrap();
        symlink(outside.path(), root.join("out")).unwrap();
        symlink(outside.path().join("a.txt"), root.join("file")).unwrap();
        let _socket = UnixListener::bind(root.join("socket")).unwrap();
        let found: Vec<_> =
            Tree::new(root.clone(), Some(root.join("store")), true).map(|found| found.unwrap()).collect();
        let path = |name| root.join(name);
        assert_eq!(
            found,
            [Found::Link(path("file")), Found::Link(path("out")), Found::Special(path("socket"))]
        );
        assert!(open_file(&path("file")).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn names_that_are_not_utf8_are_kept_byte_for_byte() {
        use std::os::unix::ffi::OsStrExt as _;
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs::write(root.join(std::ffi::OsStr::from_bytes(b"n\xff")), "").unwrap();
        let found = Tree::new(root.clone(), Some(root.join("store")), false).next().unwrap().unwrap();
        assert!(matches!(found, Found::File { key, .. } if key == b"n\xff"));
    }
}
