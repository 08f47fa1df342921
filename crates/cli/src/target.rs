//! The file that an export writes rows to.
//!
//! Invariant: a regular file appears under its name only when it is complete; until then it is a partial file beside
//! it, which goes when the export fails. Standard output, devices and FIFOs are written to as they are.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;

use crate::error::{Failure, Result};
use crate::output;

const BUFFER_BYTES: usize = 1 << 20;

/// An output of rows.
pub(crate) struct Target {
    stream: BufWriter<Box<dyn Write>>,
    /// What it is called in messages; `None` for standard output.
    name: Option<PathBuf>,
    partial: Option<PathBuf>,
}

impl Target {
    /// Standard output.
    pub(crate) fn standard() -> Self {
        Self { stream: buffered(io::stdout().lock()), name: None, partial: None }
    }

    /// The file at `path`. One that is there already is replaced only with `force`.
    pub(crate) fn file(path: &Path, force: bool) -> Result<Self> {
        let refused =
            |why: &str| Err(Failure::Refused(format!("cannot export to {}: {why}", path.display())));
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                return refused("it is a directory; use --format dir for one");
            }
            Ok(metadata) if metadata.is_file() && !force => {
                return refused("it is there already; name another file, or --force to replace it");
            }
            Ok(metadata) if !metadata.is_file() => {
                let file = File::options()
                    .write(true)
                    .open(path)
                    .map_err(|error| Failure::io("open", path, error))?;
                return Ok(Self { stream: buffered(file), name: Some(path.to_owned()), partial: None });
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::io("look at", path, error)),
        }
        let Some(name) = path.file_name() else {
            return refused("it does not name a file");
        };
        let partial = path.with_file_name(format!(".{}.{}.partial", name.display(), process::id()));
        let file = File::create_new(&partial).map_err(|error| Failure::io("create", &partial, error))?;
        Ok(Self { stream: buffered(file), name: Some(path.to_owned()), partial: Some(partial) })
    }

    /// Where rows are written to.
    pub(crate) fn stream(&mut self) -> &mut dyn Write {
        &mut self.stream
    }

    /// What an error of [`Target::stream`] means.
    pub(crate) fn failure(&self, error: io::Error) -> Failure {
        match &self.name {
            None => output::failure(error),
            Some(_) if error.kind() == ErrorKind::BrokenPipe => Failure::ClosedPipe,
            Some(name) => Failure::io("write", name, error),
        }
    }

    /// Gives the file its name: it is complete.
    pub(crate) fn complete(mut self) -> Result<()> {
        if let Err(error) = self.stream.flush() {
            return Err(self.failure(error));
        }
        if let (Some(partial), Some(name)) = (self.partial.take(), &self.name) {
            fs::rename(&partial, name).map_err(|error| Failure::io("write", name, error))?;
        }
        Ok(())
    }

    /// What became of the output after a failure that came after `entries` entries.
    pub(crate) fn abandon(&self, entries: u64) -> String {
        match (&self.partial, &self.name) {
            (Some(_), Some(name)) => format!("{} was not written", name.display()),
            (_, Some(name)) => {
                format!("what was written to {} breaks off after {entries} entries", name.display())
            }
            (_, None) => format!("the output breaks off after {entries} entries"),
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(partial) = &self.partial {
            // It is on its way to a failure, which is what there is to say; its name says that it is partial.
            let _left_over = fs::remove_file(partial);
        }
    }
}

fn buffered(stream: impl Write + 'static) -> BufWriter<Box<dyn Write>> {
    BufWriter::with_capacity(BUFFER_BYTES, Box::new(stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_when_it_is_complete() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.tsv");
        let mut target = Target::file(&path, false).unwrap();
        target.stream().write_all(b"row").unwrap();
        assert!(!path.exists());
        target.complete().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"row");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_abandoned_file_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut target = Target::file(&directory.path().join("out.tsv"), false).unwrap();
        target.stream().write_all(b"row").unwrap();
        drop(target);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_is_replaced_only_by_force() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.tsv");
        fs::write(&path, "old").unwrap();
        assert!(matches!(Target::file(&path, false), Err(Failure::Refused(_))));
        drop(Target::file(&path, true).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        Target::file(&path, true).unwrap().complete().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
    }
}
