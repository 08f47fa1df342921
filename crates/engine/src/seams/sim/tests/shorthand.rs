//! What the tests of the simulated disk do again and again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::SimDisk;
use crate::seams::{Access, Disk, File};

/// How many seeds a rule is tried with.
pub(super) const SEEDS: u64 = 200;

pub(super) fn create(disk: &SimDisk, path: &str, bytes: &[u8]) -> Box<dyn File> {
    let file = disk.open(Path::new(path), Access::CreateNew).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

/// A file that is durable, name and all.
pub(super) fn settle(disk: &SimDisk, path: &str, bytes: &[u8]) -> Box<dyn File> {
    let file = create(disk, path, bytes);
    file.sync().unwrap();
    disk.sync_dir(Path::new(path).parent().unwrap()).unwrap();
    file
}

pub(super) fn content(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
    disk.image().remove(Path::new(path))
}

/// How often each content of `path` is left by the crashes of all seeds.
pub(super) fn outcomes(disk: &SimDisk, path: &str) -> BTreeMap<Option<Vec<u8>>, u64> {
    let mut seen = BTreeMap::new();
    for seed in 0..SEEDS {
        *seen.entry(content(&disk.crash(seed), path)).or_default() += 1;
    }
    seen
}

pub(super) fn paths(disk: &SimDisk) -> Vec<PathBuf> {
    disk.image().into_keys().collect()
}
