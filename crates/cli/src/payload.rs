//! A value of any length from a reader into the store: short ones through memory, long ones through a stream.

use std::io::{ErrorKind, Read, Write as _};

use pentad_engine::Store;

use crate::error::{Failure, Result};
use crate::interrupt;
use crate::place::Content;

/// Values longer than this are streamed, in bytes.
pub(crate) const STREAM_BYTES_MIN: u64 = 8 << 20;
const BLOCK_BYTES: usize = 1 << 20;

/// A value that is ready to be committed.
#[derive(Debug)]
pub(crate) struct Staged {
    /// What the commit takes.
    pub(crate) content: Content,
    /// Its length in bytes.
    pub(crate) length: u64,
    /// How many of these bytes wait in memory until the commit.
    pub(crate) held_bytes: u64,
}

/// Reads `source` to its end. At most [`STREAM_BYTES_MIN`] bytes are held in memory; what is longer goes to the disk
/// at once and becomes visible with the commit. `advance` hears of every piece.
///
/// # Errors
///
/// `broken` makes a failure of an error of the source. The store's own errors, and [`Failure::Interrupted`].
pub(crate) fn stage(
    store: &Store,
    source: &mut dyn Read,
    broken: &dyn Fn(std::io::Error) -> Failure,
    advance: &dyn Fn(u64),
) -> Result<Staged> {
    let mut start = Vec::new();
    (&mut *source).take(STREAM_BYTES_MIN + 1).read_to_end(&mut start).map_err(broken)?;
    let mut length = start.len() as u64;
    advance(length);
    if length <= STREAM_BYTES_MIN {
        return Ok(Staged { content: Content::Bytes(start.into()), length, held_bytes: length });
    }
    let mut stream = store.stream()?;
    let refused = |error| Failure::Io { doing: "cannot write to the store".to_owned(), error };
    stream.write_all(&start).map_err(refused)?;
    let mut block = start;
    block.truncate(BLOCK_BYTES);
    block.shrink_to_fit();
    loop {
        interrupt::check()?;
        let read = match source.read(&mut block) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken(error)),
        };
        stream.write_all(&block[..read]).map_err(refused)?;
        length += read as u64;
        advance(read as u64);
    }
    Ok(Staged { content: Content::Staged(stream.finish()?), length, held_bytes: 0 })
}

/// Copies a stored value out, block by block. `broken` makes a failure of an error of the value, `refused` of one of
/// the target; the result is the number of bytes.
pub(crate) fn copy_out(
    value: &mut dyn Read,
    target: &mut dyn std::io::Write,
    broken: &dyn Fn(std::io::Error) -> Failure,
    refused: &dyn Fn(std::io::Error) -> Failure,
) -> Result<u64> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut length = 0;
    loop {
        interrupt::check()?;
        let read = match value.read(&mut block) {
            Ok(0) => return Ok(length),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken(error)),
        };
        target.write_all(&block[..read]).map_err(refused)?;
        length += read as u64;
    }
}
