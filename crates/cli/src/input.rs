//! The bytes of an import's input: a file, a FIFO or standard input, read ahead by a thread of its own.
//!
//! The thread is there so that Ctrl-C is obeyed while nothing arrives (a read that blocks is not woken by it), and so
//! that reading goes on while the store syncs. At most [`CHUNKS_AHEAD`] chunks are in memory.
//!
//! Invariant: an error of the input reaches the reader after all the bytes before it, and is not mistaken for the end.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use crate::error::{Failure, Result};
use crate::interrupt;
use crate::progress::Progress;

const CHUNK_BYTES: usize = 256 << 10;
const CHUNKS_AHEAD: usize = 8;
const PATIENCE: Duration = Duration::from_millis(100);

/// Where the bytes come from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// Standard input.
    Standard,
    /// A file that is open already.
    File(File),
    /// A path that may block when it is opened, as a FIFO does until someone writes.
    Waiting(PathBuf),
}

/// A buffered reader of the input, which fails when a signal asks to stop.
#[derive(Debug)]
pub(crate) struct Input {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    position: usize,
    progress: Progress,
}

impl Input {
    /// Starts reading `origin`.
    pub(crate) fn start(origin: Origin, progress: Progress) -> Result<Self> {
        if matches!(origin, Origin::Standard) && io::stdin().is_terminal() {
            progress.note("reading from the terminal; Ctrl-D on a line of its own ends the input");
        }
        let (sender, chunks) = sync_channel(CHUNKS_AHEAD);
        thread::Builder::new()
            .name("pentad-input".to_owned())
            .spawn(move || read_ahead(origin, &sender))
            .map_err(|error| Failure::Io { doing: "cannot start reading".to_owned(), error })?;
        Ok(Self { chunks, chunk: Vec::new(), position: 0, progress })
    }
}

/// What an error while reading `name` means: that a signal came, or that the operating system refused.
pub(crate) fn failure(name: &Path, error: io::Error) -> Failure {
    if interrupt::requested() { Failure::Interrupted } else { Failure::io("read", name, error) }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.position == self.chunk.len() {
            if interrupt::requested() {
                return Err(io::Error::other("interrupted"));
            }
            match self.chunks.recv_timeout(PATIENCE) {
                Ok(chunk) => {
                    self.chunk = chunk?;
                    self.position = 0;
                    self.progress.add(self.chunk.len() as u64);
                }
                Err(RecvTimeoutError::Timeout) => {}
                // The thread has sent everything, its error included, before it went.
                Err(RecvTimeoutError::Disconnected) => return Ok(&[]),
            }
        }
        Ok(&self.chunk[self.position..])
    }

    fn consume(&mut self, amount: usize) {
        self.position += amount;
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&available[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}

fn read_ahead(origin: Origin, sender: &SyncSender<io::Result<Vec<u8>>>) {
    let mut source: Box<dyn Read> = match origin {
        Origin::Standard => Box::new(io::stdin()),
        Origin::File(file) => Box::new(file),
        Origin::Waiting(path) => match File::open(&path) {
            Ok(file) => Box::new(file),
            Err(error) => {
                // A receiver that is gone wants no error either.
                let _gone = sender.send(Err(error));
                return;
            }
        },
    };
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = match source.read(&mut chunk) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let _gone = sender.send(Err(error));
                return;
            }
        };
        chunk.truncate(read);
        if sender.send(Ok(chunk)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use super::*;

    #[test]
    fn every_byte_of_a_file_arrives_in_order() {
        let expected: Vec<u8> = (0..3 * CHUNK_BYTES + 17).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&expected).unwrap();
        file.rewind().unwrap();
        let mut input = Input::start(Origin::File(file), Progress::new("testing", None)).unwrap();
        let mut read = Vec::new();
        input.read_to_end(&mut read).unwrap();
        assert!(read == expected);
    }

    #[test]
    fn an_error_of_the_input_is_not_its_end() {
        let missing = tempfile::tempdir().unwrap().path().join("missing");
        let mut input = Input::start(Origin::Waiting(missing), Progress::new("testing", None)).unwrap();
        let error = input.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
