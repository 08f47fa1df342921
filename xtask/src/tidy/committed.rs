//! What is committed: plain files that git would not ignore, and no more of them than a crate needs.
//!
//! Whoever clones the repository, or unpacks a published crate, gets every one of these files.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::tidy::tree::git_paths;

/// No single file needs more: golden images are made with small segments.
const FILE_BYTES_MAX: u64 = 512 * 1024;
/// All files of one crate together.
const CRATE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How many files one crate has at most: sources of one idea each are many, so this is for what a test or a tool leaves.
const CRATE_FILES_MAX: u64 = 500;

/// Asks git about the repository at `root`.
pub(crate) fn findings(root: &Path) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for path in git_paths(root, &["ls-files", "--cached", "--ignored", "--exclude-standard", "-z"])? {
        let mend = "`git rm --cached` it, or change .gitignore";
        found.push(Finding::new("committed", &path, 1, "is committed although it is ignored", mend));
    }
    let mut sizes = Vec::new();
    for staged in git_paths(root, &["ls-files", "--stage", "-z"])? {
        // Mode, object and stage, then a tab and the path.
        let Some((facts, path)) = staged.split_once('\t') else { continue };
        match &facts[..facts.len().min(6)] {
            "120000" => {
                let mend = "commit a plain file: links break in archives and on other systems";
                found.push(Finding::new("committed", path, 1, "is a link", mend));
            }
            "160000" => {
                let mend = "commit the files, or depend on it as a crate";
                found.push(Finding::new("committed", path, 1, "is another repository", mend));
            }
            _ => match fs::symlink_metadata(root.join(path)) {
                Ok(metadata) => sizes.push((path.to_owned(), metadata.len())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(Error::File { path: root.join(path), source }),
            },
        }
    }
    found.extend(too_big(&sizes));
    Ok(found)
}

/// The files, and the crates, that are bigger than they need to be.
fn too_big(files: &[(String, u64)]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut crates: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (path, bytes) in files {
        if *bytes > FILE_BYTES_MAX {
            let what = format!("{bytes} bytes, {FILE_BYTES_MAX} at most");
            found.push(Finding::new("committed", path, 1, what, "let a test or a task make it instead"));
        }
        if let Some(end) = path.strip_prefix("crates/").and_then(|inside| inside.find('/')) {
            let (count, sum) = crates.entry(&path[.."crates/".len() + end]).or_default();
            (*count, *sum) = (*count + 1, *sum + bytes);
        }
    }
    for (path, (count, sum)) in crates {
        if count > CRATE_FILES_MAX || sum > CRATE_BYTES_MAX {
            let what = format!(
                "{count} files, {sum} bytes; {CRATE_FILES_MAX} files, {CRATE_BYTES_MAX} bytes at most"
            );
            found.push(Finding::new(
                "committed",
                path,
                1,
                what,
                "let tests make their data, or divide the crate",
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{CRATE_BYTES_MAX, CRATE_FILES_MAX, FILE_BYTES_MAX, findings, too_big};
    use crate::run::Task;

    #[cfg(unix)]
    #[test]
    fn links_and_ignored_files_are_found() {
        let place = tempfile::tempdir().unwrap();
        let git =
            |arguments: &[&str]| Task::program("git", arguments).directory(place.path()).answer().unwrap();
        git(&["init", "--quiet"]);
        fs::write(place.path().join(".gitignore"), "*.pentad\n").unwrap();
        fs::write(place.path().join("fine.rs"), "//! Fine.\n").unwrap();
        fs::write(place.path().join("demo.pentad"), "x").unwrap();
        std::os::unix::fs::symlink("fine.rs", place.path().join("link.rs")).unwrap();
        git(&["add", "--force", "."]);
        let found = findings(place.path()).unwrap();
        let seen: Vec<_> =
            found.iter().map(|finding| (finding.path.as_str(), finding.what.as_str())).collect();
        assert_eq!(seen, [("demo.pentad", "is committed although it is ignored"), ("link.rs", "is a link")]);
    }

    #[test]
    fn files_and_crates_past_their_limits_are_found() {
        let paths = |files: &[(String, u64)]| {
            too_big(files).into_iter().map(|finding| finding.path).collect::<Vec<_>>()
        };
        let at_limit = ("crates/a/one.bin".to_owned(), FILE_BYTES_MAX);
        assert_eq!(paths(&[at_limit]), [""; 0]);
        assert_eq!(paths(&[("docs/big.md".to_owned(), FILE_BYTES_MAX + 1)]), ["docs/big.md"]);
        let many_bytes: Vec<_> = (0..=CRATE_BYTES_MAX / FILE_BYTES_MAX)
            .map(|n| (format!("crates/a/{n}"), FILE_BYTES_MAX))
            .collect();
        assert_eq!(paths(&many_bytes), ["crates/a"]);
        let many_files: Vec<_> = (0..=CRATE_FILES_MAX).map(|n| (format!("crates/b/src/{n}.rs"), 1)).collect();
        assert_eq!(paths(&many_files), ["crates/b"]);
        assert_eq!(paths(&many_files[1..]), [""; 0]);
    }
}
