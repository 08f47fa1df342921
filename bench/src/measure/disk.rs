//! Disk: what a directory takes, when it has stopped changing, and what is free.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;
use nix::unistd::syncfs;

use crate::error::{Error, Result};

/// A store that goes on changing its files for longer than this is taken as it then is.
const SETTLE_MAX: Duration = Duration::from_secs(120);
/// Unchanged for so long counts as settled.
const SETTLED_AFTER: Duration = Duration::from_secs(4);

/// The bytes of the blocks that the files under `path` occupy. A file that goes away meanwhile counts nothing.
pub(crate) fn allocated_bytes(path: &Path) -> Result<u64> {
    sum(path, &|metadata| metadata.blocks() * 512)
}

/// A number that changes when any file under `path` grows, shrinks, comes or goes.
fn fingerprint(path: &Path) -> Result<u64> {
    sum(path, &|metadata| {
        (metadata.len() ^ metadata.ino().rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

fn sum(path: &Path, of: &dyn Fn(&fs::Metadata) -> u64) -> Result<u64> {
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let mut total = 0_u64;
    for entry in fs::read_dir(path).map_err(Error::file(path))? {
        let entry = entry.map_err(Error::file(path))?;
        match fs::symlink_metadata(entry.path()) {
            Ok(metadata) if metadata.is_dir() => total = total.wrapping_add(sum(&entry.path(), of)?),
            Ok(metadata) => total = total.wrapping_add(of(&metadata)),
            Err(error) if gone(&error) => {}
            Err(error) => return Err(Error::file(&entry.path())(error)),
        }
    }
    Ok(total)
}

/// Waits until the store's own threads have stopped changing files under `path`, and gives the bytes then allocated.
pub(crate) fn settled_bytes(path: &Path) -> Result<u64> {
    let begun = Instant::now();
    let (mut last, mut since) = (fingerprint(path)?, Instant::now());
    while since.elapsed() < SETTLED_AFTER && begun.elapsed() < SETTLE_MAX {
        thread::sleep(Duration::from_millis(100));
        let now = fingerprint(path)?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    allocated_bytes(path)
}

/// Bytes that may still be written to the file system of `path`.
pub(crate) fn free_bytes(path: &Path) -> Result<u64> {
    let answer = statvfs(path).map_err(|error| Error::file(path)(error.into()))?;
    Ok(answer.blocks_available() * answer.fragment_size())
}

/// Has everything written to the file system of `path`, so that what one engine left behind is not written while the next
/// one is measured.
pub(crate) fn flush(path: &Path) -> Result<()> {
    let directory = File::open(path).map_err(Error::file(path))?;
    syncfs(directory).map_err(|error| Error::file(path)(error.into()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{allocated_bytes, free_bytes, settled_bytes};

    #[test]
    fn files_in_subdirectories_count_and_holes_do_not() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("sub")).unwrap();
        fs::write(place.path().join("sub/data"), vec![1; 1 << 20]).unwrap();
        let sparse = fs::File::create(place.path().join("sparse")).unwrap();
        sparse.set_len(1 << 30).unwrap();
        fs::File::open(place.path().join("sub/data")).unwrap().sync_all().unwrap();
        let bytes = allocated_bytes(place.path()).unwrap();
        assert!((1 << 20..2 << 20).contains(&bytes), "{bytes}");
        assert_eq!(settled_bytes(place.path()).unwrap(), bytes);
        assert!(free_bytes(place.path()).unwrap() > 0);
    }
}
