//! The files under check: those that git tracks, and new ones that it does not ignore, so that a file is checked before
//! it is committed.

use std::fs;
use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::run::Task;
use crate::tidy::source::Source;

/// The texts of the tree, in order of path.
#[derive(Debug)]
pub(crate) struct Tree {
    files: Vec<File>,
}

/// One text.
#[derive(Debug)]
pub(crate) struct File {
    /// From the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text taken apart, when it is Rust.
    pub(crate) source: Option<Source>,
}

impl Tree {
    /// Reads what lies under `root`. Files that are not UTF-8 are no texts and are left out.
    pub(crate) fn of_git(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for path in git_paths(root, &["ls-files", "--cached", "--others", "--exclude-standard", "-z"])? {
            let full = root.join(&path);
            match fs::symlink_metadata(&full) {
                // Links are for the rule on committed files; they are not followed.
                Ok(metadata) if !metadata.is_file() => continue,
                Ok(_) => {}
                // Deleted, and the deletion not committed yet.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(Error::File { path: full, source }),
            }
            let bytes = fs::read(&full).map_err(|source| Error::File { path: full, source })?;
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(File::new(&path, text));
            }
        }
        // During a merge git lists a path once per side.
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Ok(Self { files })
    }

    /// A made-up tree.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| File::new(path, (*text).to_owned())).collect() }
    }

    /// The file at `path`.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The Rust files.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.source.is_some())
    }

    /// The manifests of the members: every `Cargo.toml` but the root's.
    pub(crate) fn member_manifests(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| {
            file.path.ends_with("/Cargo.toml")
                && (file.path.starts_with("crates/") || file.path.starts_with("xtask/"))
        })
    }
}

impl File {
    /// A file with its text.
    pub(crate) fn new(path: &str, text: String) -> Self {
        let source = path.ends_with(".rs").then(|| Source::of(&text));
        Self { path: path.to_owned(), text, source }
    }

    /// The last component of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// The paths that a git command lists, ended by NUL each.
pub(crate) fn git_paths(root: &Path, arguments: &[&str]) -> Result<Vec<String>> {
    let answer = Task::program("git", arguments).directory(root).answer()?;
    Ok(answer.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Tree;
    use crate::run::Task;

    #[test]
    fn new_files_are_under_check_and_ignored_or_deleted_ones_are_not() {
        let place = tempfile::tempdir().unwrap();
        let git =
            |arguments: &[&str]| Task::program("git", arguments).directory(place.path()).answer().unwrap();
        git(&["init", "--quiet"]);
        for (name, text) in
            [(".gitignore", "/target.rs\n"), ("old.rs", "//! a"), ("gone.rs", ""), ("target.rs", "")]
        {
            fs::write(place.path().join(name), text).unwrap();
        }
        git(&["add", "old.rs", "gone.rs"]);
        fs::remove_file(place.path().join("gone.rs")).unwrap();
        fs::write(place.path().join("new.rs"), "//! b").unwrap();
        fs::write(place.path().join("image.bin"), [0xff, 0xfe]).unwrap();
        let tree = Tree::of_git(place.path()).unwrap();
        let paths: Vec<&str> = tree.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, [".gitignore", "new.rs", "old.rs"]);
        assert_eq!(tree.rust().count(), 2);
    }
}
