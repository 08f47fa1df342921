//! Where a path really is, so that two names of one place can be told to be the same.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Failure, Result};

/// The path without links and `..`, also when its last parts are not there yet.
pub(crate) fn real_path(path: &Path) -> Result<PathBuf> {
    let mut missing = Vec::new();
    let mut existing = path;
    loop {
        let place = if existing.as_os_str().is_empty() { Path::new(".") } else { existing };
        match place.canonicalize() {
            Ok(real) => return Ok(missing.iter().rev().fold(real, |real, name| real.join(name))),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::io("find", path, error)),
        }
        let (Some(parent), Some(name)) = (existing.parent(), existing.file_name()) else {
            return Err(Failure::Usage(format!("{} leads nowhere", path.display())));
        };
        missing.push(name);
        existing = parent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_not_there_yet_has_a_real_path() {
        let directory = tempfile::tempdir().unwrap();
        let real = directory.path().canonicalize().unwrap();
        let path = directory.path().join("a/b");
        assert_eq!(real_path(&path).unwrap(), real.join("a/b"));
        std::fs::create_dir(directory.path().join("a")).unwrap();
        assert_eq!(real_path(&directory.path().join("a/../a/./c")).unwrap(), real.join("a/c"));
        assert!(real_path(&directory.path().join("x/../y")).is_err());
    }
}
