//! From a reader into a stream segment: drained on the caller's thread, made durable on another.
//!
//! The invariant: nothing of a stream is visible before the commit that puts it, and whatever ends it earlier (an error
//! of the reader, a dropped future) removes its file.

use std::io::{self, ErrorKind, Read, Write};

use pentad_engine::{StagedStream, Store, StreamWriter};

use super::empty_payload;
use super::handoff::on_thread;
use crate::errors::io_error;

/// Bytes asked of a reader at a time.
pub(super) const PIECE_BYTES: usize = 64 << 10;

/// Reads `reader` to its end into a stream of `store`. Blocks as long as the reader does; syncs nothing.
///
/// # Errors
///
/// The reader's as it is; `InvalidInput` when it gives nothing; the store's.
pub(super) fn drain(store: &Store, reader: &mut impl Read, attempted: &str) -> io::Result<StreamWriter> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut length = read_piece(reader, &mut piece)?;
    if length == 0 {
        return Err(empty_payload(attempted));
    }
    let mut stream = store.stream().map_err(|error| io_error(attempted, error))?;
    while length > 0 {
        stream.write_all(&piece[..length]).map_err(|error| in_words(attempted, &error))?;
        length = read_piece(reader, &mut piece)?;
    }
    Ok(stream)
}

/// Reads into `piece`, again if a signal came between; 0 is the end.
pub(super) fn read_piece(reader: &mut impl Read, piece: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(piece) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// What the operating system said, with what was `attempted` before it.
pub(super) fn in_words(attempted: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{attempted}: {error}"))
}

/// Makes a stream durable, which waits for a sync, without waiting on the thread that polls.
pub(super) async fn finish(stream: StreamWriter, attempted: &str) -> io::Result<StagedStream> {
    let finished = on_thread("pentad-stream", move |_| stream.finish())?.await?;
    finished.map_err(|error| io_error(attempted, error))
}
