//! One file from the store to the repository or back: by a second name, or by a copy.
//!
//! Invariant: a file stands under its name when it is whole and its content durable; the directory is up to the caller.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::format::names;
use crate::seams::{Access, Disk};
use crate::store::Progress;

/// Bytes that are copied at once.
const PIECE: usize = 1 << 20;

/// How a file came to its new place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Reused,
    Linked,
    Copied,
}

/// Files that go from one directory to another.
pub(super) struct Transfer<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) progress: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    pub(super) done_bytes: u64,
    pub(super) total_bytes: u64,
    /// What is being done, for the error when it is stopped.
    pub(super) doing: String,
}

impl Transfer<'_> {
    /// Brings the first `length` bytes of `from`, which do not change any more, to `to`, where they may be already. A file
    /// that is longer than that can only be copied.
    pub(super) fn bring(&mut self, from: &Path, to: &Path, length: u64, may_link: bool) -> Result<Way> {
        if self.length_at(to)? == Some(length) {
            self.advance(length)?;
            return Ok(Way::Reused);
        }
        if may_link && self.length_at(from)? == Some(length) && self.link(from, to)? {
            self.advance(length)?;
            return Ok(Way::Linked);
        }
        self.copy(from, to, length)?;
        Ok(Way::Copied)
    }

    /// Copies the first `length` bytes of `from` to `to`, which is replaced.
    pub(super) fn copy(&mut self, from: &Path, to: &Path, length: u64) -> Result<()> {
        let temporary = unfinished(to);
        let copied = self
            .copy_into(from, &temporary, length)
            .and_then(|()| self.disk.rename(&temporary, to).map_err(|e| Error::io("write", to, &e)));
        if copied.is_err() {
            // Whatever is left has a telling name, and the next backup removes it.
            drop(self.disk.remove_file(&temporary));
        }
        copied
    }

    fn copy_into(&mut self, from: &Path, temporary: &Path, length: u64) -> Result<()> {
        let reading = |e| Error::io("read", from, &e);
        let writing = |e| Error::io("write", temporary, &e);
        match self.disk.remove_file(temporary) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(writing(e)),
            _ => {}
        }
        let source = self.disk.open(from, Access::Read).map_err(reading)?;
        let target = self.disk.open(temporary, Access::CreateNew).map_err(writing)?;
        let mut buffer = vec![0; PIECE];
        let mut at = 0;
        while at < length {
            let wanted = usize::try_from(length - at).unwrap_or(PIECE).min(PIECE);
            let read = source.read_full_at(&mut buffer[..wanted], at).map_err(reading)?;
            if read < wanted {
                let text = format!("the file ends here; {length} bytes were written");
                return Err(Error::damaged(from, at + read as u64, text));
            }
            target.write_all_at(&buffer[..wanted], at).map_err(writing)?;
            at += wanted as u64;
            self.advance(wanted as u64)?;
        }
        target.sync_whole().map_err(writing)
    }

    /// Gives the file at `from` the name `to` as well, replacing what has it; `false` where that cannot be done.
    fn link(&self, from: &Path, to: &Path) -> Result<bool> {
        match self.disk.remove_file(to) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::io("replace", to, &e)),
            _ => {}
        }
        // Another file system, one without second names, too many of them, a rule against it: a copy does as well.
        Ok(self.disk.link(from, to).is_ok())
    }

    fn length_at(&self, path: &Path) -> Result<Option<u64>> {
        match self.disk.open(path, Access::Read).and_then(|file| file.length()) {
            Ok(length) => Ok(Some(length)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("look at", path, &e)),
        }
    }

    /// Tells how far the work is; an error when that is enough.
    pub(super) fn advance(&mut self, bytes: u64) -> Result<()> {
        self.done_bytes = self.done_bytes.saturating_add(bytes).min(self.total_bytes);
        match (self.progress)(Progress { done_bytes: self.done_bytes, total_bytes: self.total_bytes }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => {
                Err(Error::new(ErrorKind::Cancelled, format!("{} was stopped; nothing was made", self.doing)))
            }
        }
    }
}

/// What a file is called while it is being written.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(names::UNFINISHED);
    PathBuf::from(name)
}
