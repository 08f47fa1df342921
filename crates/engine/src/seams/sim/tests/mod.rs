//! The rules of the simulated disk, each shown to hold and to bite: what may be lost is lost by some seed, what must
//! stay stays under all of them.

mod crashes;
mod faults;
mod files;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::SimDisk;
use crate::seams::{Access, Disk, File};

/// How many seeds a rule is tried with.
const SEEDS: u64 = 200;

fn create(disk: &SimDisk, path: &str, bytes: &[u8]) -> Box<dyn File> {
    let file = disk.open(Path::new(path), Access::CreateNew).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

/// A file that is durable, name and all.
fn settle(disk: &SimDisk, path: &str, bytes: &[u8]) -> Box<dyn File> {
    let file = create(disk, path, bytes);
    file.sync().unwrap();
    disk.sync_dir(Path::new(path).parent().unwrap()).unwrap();
    file
}

fn content(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
    disk.image().remove(Path::new(path))
}

/// How often each content of `path` is left by the crashes of all seeds.
fn outcomes(disk: &SimDisk, path: &str) -> BTreeMap<Option<Vec<u8>>, u64> {
    let mut seen = BTreeMap::new();
    for seed in 0..SEEDS {
        *seen.entry(content(&disk.crash(seed), path)).or_default() += 1;
    }
    seen
}

fn paths(disk: &SimDisk) -> Vec<PathBuf> {
    disk.image().into_keys().collect()
}
