//! Standard output and standard error.
//!
//! Invariant: a closed pipe on standard output is [`Failure::ClosedPipe`] and nothing else, wherever it is noticed.
//! Standard error is for people: what cannot be said there cannot be said at all, so failures to write are let go.

use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};

use crate::error::{Failure, Result};
use crate::escape::escape;

/// Buffered standard output; call [`Output::finish`] when all is written.
#[derive(Debug)]
pub(crate) struct Output {
    stream: BufWriter<StdoutLock<'static>>,
}

impl Output {
    /// Standard output, locked.
    pub(crate) fn new() -> Self {
        Self { stream: BufWriter::with_capacity(64 << 10, io::stdout().lock()) }
    }

    /// Writes `text` and a newline.
    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        writeln!(self.stream, "{text}").map_err(failure)
    }

    /// Writes a JSON object on a line of its own.
    pub(crate) fn json(&mut self, object: &serde_json::Value) -> Result<()> {
        self.line(&object.to_string())
    }

    /// The stream itself; [`failure`] says what its errors mean.
    pub(crate) fn stream(&mut self) -> &mut dyn Write {
        &mut self.stream
    }

    /// Lets `write` write bytes.
    pub(crate) fn with(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        write(&mut self.stream).map_err(failure)
    }

    /// Hands what is buffered to whoever reads.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.stream.flush().map_err(failure)
    }

    /// The last flush, without which late errors would be lost.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.flush()
    }
}

/// What an error of standard output means.
pub(crate) fn failure(error: io::Error) -> Failure {
    if error.kind() == ErrorKind::BrokenPipe {
        Failure::ClosedPipe
    } else {
        Failure::Io { doing: "cannot write to standard output".to_owned(), error }
    }
}

/// Says something on standard error.
pub(crate) fn warn(text: &str) {
    // There is no place left to report a standard error that cannot be written to.
    let _unheard = writeln!(io::stderr(), "pentad: {text}");
}

/// `word` as a shell takes it: as it is when it has nothing special, else in single quotes.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:,+@%=".contains(&byte) || !byte.is_ascii();
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A key as an argument on a command line, escaped and quoted.
pub(crate) fn shell_key(key: &[u8]) -> String {
    let text = escape(key);
    // A dash in front would make an option of it.
    let text = text.strip_prefix('-').map(|rest| format!("\\x2d{rest}")).unwrap_or(text);
    shell_word(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_the_shell() {
        assert_eq!(shell_key(b"docs/format.md"), "docs/format.md");
        assert_eq!(shell_key(b"it's $HOME"), "'it'\\''s $HOME'");
        assert_eq!(shell_key(b"-n"), "'\\x2dn'");
        assert_eq!(shell_key(b"\x00"), "'\\x00'");
        assert_eq!(shell_key(b""), "''");
    }
}
