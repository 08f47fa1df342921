//! The sound stores that inputs are changes of: the golden images of format version 1.
//!
//! Golden images stay as they are for ever, so an input that once found something still means the same store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the store lies on the simulated disk.
pub(super) const STORE: &str = "/store";

/// The files of a disk by their absolute paths.
pub(super) type Image = BTreeMap<PathBuf, Vec<u8>>;

macro_rules! image {
    ($folder:literal: $($name:literal)+) => {
        &[$(($name, include_bytes!(concat!("../../tests/golden/", $folder, "/", $name)) as &[u8])),+]
    };
}

const SEEDS: [&[(&str, &[u8])]; 4] = [
    image!("v1-closed": "identity" "lock" "catalog.0" "catalog.1" "0000000000000001.log"),
    image!("v1-killed": "identity" "lock" "catalog.0" "catalog.1" "0000000000000001.log"),
    image!("v1-compacted": "identity" "lock" "catalog.0" "catalog.1" "0000000000000002.stream"
        "0000000000000003.log" "0000000000000004.compacted"),
    image!("v1-aligned": "identity" "lock" "catalog.0" "catalog.1" "0000000000000001.log"),
];

const RECORD_LOG: &[(&str, &[u8])] = image!("v1-record-log": "identity" "lock" "catalog.0" "catalog.1"
    "0000000000000001.log" "0000000000000002.log" "0000000000000003.log");

/// How many there are.
pub(super) const COUNT: usize = SEEDS.len();

/// One of them.
pub(super) fn image(number: usize) -> Image {
    image_of(SEEDS[number])
}

/// The record log.
pub(super) fn record_log() -> Image {
    image_of(RECORD_LOG)
}

fn image_of(files: &[(&str, &[u8])]) -> Image {
    files.iter().map(|(name, bytes)| (Path::new(STORE).join(name), bytes.to_vec())).collect()
}
