//! A limit on the memory of the stages, page cache included: a control group of the operating system, made for a data set.
//!
//! Nothing else will do: `ulimit -v` limits addresses, of which a map takes as many as its file is long, and no page cache.
//! Invariant: the group is removed with the value, when the processes in it have ended.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Where the controllers are mounted.
const MOUNT: &str = "/sys/fs/cgroup";

/// A group that processes can join.
#[derive(Debug)]
pub(crate) struct MemoryLimit {
    directory: PathBuf,
}

impl MemoryLimit {
    /// Makes a group below the one of this process that may take so many bytes.
    pub(crate) fn make(bytes: u64) -> Result<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").map_err(|error| refused(&error.to_string()))?;
        let (parent, limit) = find(&groups).ok_or_else(|| refused("no memory controller is mounted"))?;
        let directory = parent.join(format!("pentad-bench-{}", std::process::id()));
        fs::create_dir(&directory).map_err(|error| refused(&format!("{}: {error}", directory.display())))?;
        let made = Self { directory };
        let file = made.directory.join(limit);
        fs::write(&file, bytes.to_string())
            .map_err(|error| refused(&format!("{}: {error}", file.display())))?;
        Ok(made)
    }

    /// What a process needs to join.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Puts this process into the group.
    pub(crate) fn join(directory: &Path) -> Result<()> {
        let file = directory.join("cgroup.procs");
        fs::write(&file, std::process::id().to_string()).map_err(Error::file(&file))
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.directory) {
            eprintln!("{} stays behind: {error}", self.directory.display());
        }
    }
}

fn refused(reason: &str) -> Error {
    Error::Usage(format!(
        "memory cannot be limited here: {reason}. It takes a control group (version 1, or version 2 with the memory controller \
         handed down) and the right to make one below that of this process: run as root, or under `systemd-run --scope -p \
         Delegate=yes`"
    ))
}

/// The group of this process under the memory controller, and the name of the file that holds its limit.
fn find(groups: &str) -> Option<(PathBuf, &'static str)> {
    let path_of = |controller: &str| {
        groups.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            controllers
                .split(',')
                .any(|name| name == controller)
                .then(|| path.trim_start_matches('/').to_owned())
        })
    };
    if let Some(path) = path_of("memory") {
        return Some((Path::new(MOUNT).join("memory").join(path), "memory.limit_in_bytes"));
    }
    Some((Path::new(MOUNT).join(path_of("")?), "memory.max"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::find;

    #[test]
    fn both_versions_of_control_groups_are_found() {
        let first = "5:devices:/\n4:cpu,memory:/a/b\n0::/\n";
        assert_eq!(find(first), Some((PathBuf::from("/sys/fs/cgroup/memory/a/b"), "memory.limit_in_bytes")));
        assert_eq!(
            find("0::/user.slice\n"),
            Some((PathBuf::from("/sys/fs/cgroup/user.slice"), "memory.max"))
        );
        assert_eq!(find("5:devices:/\n"), None);
    }
}
