//! The real disk with a gate before every sync: while it is shut, a sync waits.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};

use pentad_engine::seams::{Access, Disk, File, Lock, LockMode, Map, PathKind, RealDisk};

/// What syncs wait for. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    shut: bool,
    waiting: usize,
}

impl Gate {
    pub(crate) fn shut(&self) {
        self.shared.0.lock().unwrap().shut = true;
    }

    pub(crate) fn open(&self) {
        self.shared.0.lock().unwrap().shut = false;
        self.shared.1.notify_all();
    }

    /// How many syncs wait at the gate.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.0.lock().unwrap().waiting
    }

    fn pass(&self) {
        let mut state = self.shared.0.lock().unwrap();
        state.waiting += 1;
        while state.shut {
            state = self.shared.1.wait(state).unwrap();
        }
        state.waiting -= 1;
    }
}

/// A [`RealDisk`] behind a [`Gate`].
#[derive(Debug)]
pub(crate) struct GatedDisk {
    pub(crate) gate: Gate,
}

impl Disk for GatedDisk {
    fn kind(&self, path: &Path) -> io::Result<Option<PathKind>> {
        RealDisk.kind(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        RealDisk.list(dir)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        RealDisk.canonicalize(path)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.create_dir(dir)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn File>> {
        Ok(Box::new(GatedFile { inner: RealDisk.open(path, access)?, gate: self.gate.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_file(path)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.remove_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.gate.pass();
        RealDisk.sync_dir(dir)
    }

    fn lock(&self, path: &Path, mode: LockMode) -> io::Result<Option<Box<dyn Lock>>> {
        RealDisk.lock(path, mode)
    }
}

#[derive(Debug)]
struct GatedFile {
    inner: Box<dyn File>,
    gate: Gate,
}

impl File for GatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, buffer: &[u8], offset: u64) -> io::Result<usize> {
        self.inner.write_at(buffer, offset)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        self.inner.allocate(length)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.inner.set_length(length)
    }

    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn sync(&self) -> io::Result<()> {
        self.gate.pass();
        self.inner.sync()
    }

    fn map(&self, length: u64) -> io::Result<Map> {
        self.inner.map(length)
    }
}
