//! Open files and held locks of the simulated disk.

use std::io;
use std::path::{Path, PathBuf};

use crate::seams::{File, Lock, Map};

use super::directory::NodeId;
use super::disk::{SimDisk, record};
use super::fault::Op;
use super::file::FileNode;
use super::state::{Entered, Node, State};
use super::trace::Traced;

/// An open file.
#[derive(Debug)]
pub(super) struct SimFile {
    disk: SimDisk,
    node: NodeId,
    path: PathBuf,
    writable: bool,
}

impl SimFile {
    /// A handle that was counted when the file was opened.
    pub(super) fn new(disk: SimDisk, node: NodeId, path: &Path, writable: bool) -> Self {
        Self { disk, node, path: path.to_owned(), writable }
    }

    fn perform<T>(
        &self,
        op: Op,
        (offset, length): (u64, u64),
        check: u64,
        act: impl FnOnce(&mut State, bool) -> io::Result<T>,
    ) -> io::Result<T> {
        let path = self.path.clone();
        self.disk.perform(Traced { op, path, offset, length, check, error: None }, act)
    }

    fn writable(&self) -> io::Result<()> {
        if self.writable {
            return Ok(());
        }
        let text = format!("{} is open for reading only", self.path.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
    }

    fn sync_in(&self, state: &mut State) -> io::Result<()> {
        let entered = state.enter(Op::Sync)?;
        let mut rng = state.rng.clone();
        let file = state.file(self.node, &self.path)?;
        match entered {
            Entered::Whole | Entered::Short => file.sync(),
            Entered::Failed(error) => {
                file.fail_sync(&mut rng);
                state.rng = rng;
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Half of `bytes`, but something.
fn half(bytes: usize) -> usize {
    (bytes / 2).max(1).min(bytes)
}

fn full(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, format!("no space left for {}", path.display()))
}

impl File for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.perform(Op::Read, (offset, buffer.len() as u64), 0, |state, short| {
            let length = if short { half(buffer.len()) } else { buffer.len() };
            Ok(state.file(self.node, &self.path)?.live.read(&mut buffer[..length], offset))
        })
    }

    fn write_at(&self, buffer: &[u8], offset: u64) -> io::Result<usize> {
        let check = xxhash_rust::xxh3::xxh3_64(buffer);
        self.perform(Op::Write, (offset, buffer.len() as u64), check, |state, short| {
            self.writable()?;
            let mut length = if short { half(buffer.len()) } else { buffer.len() };
            if state.capacity_bytes.is_some() {
                // What fits is found by trying: halves of the write until one fits, as a file system that runs out
                // of blocks would take a part.
                while length > 0
                    && added(state, self.node, &self.path, &buffer[..length], offset)? > state.free_bytes()
                {
                    length /= 2;
                }
                if length == 0 && !buffer.is_empty() {
                    return Err(full(&self.path));
                }
            }
            let operation = state.operations;
            state.file(self.node, &self.path)?.write(operation, &buffer[..length], offset);
            Ok(length)
        })
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        self.perform(Op::Allocate, (0, length), 0, |state, _| {
            self.writable()?;
            let free = state.free_bytes();
            let operation = state.operations;
            let file = state.file(self.node, &self.path)?;
            let more = file.live.blocks_bytes(length.max(file.allocated)) - blocks_bytes(file);
            if more > free {
                return Err(full(&self.path));
            }
            file.allocate(operation, length);
            Ok(())
        })
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.perform(Op::SetLength, (0, length), 0, |state, _| {
            self.writable()?;
            let operation = state.operations;
            state.file(self.node, &self.path)?.set_length(operation, length);
            Ok(())
        })
    }

    fn length(&self) -> io::Result<u64> {
        self.perform(Op::Look, (0, 0), 0, |state, _| Ok(state.file(self.node, &self.path)?.live.length()))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let result = self.sync_in(&mut state);
        let traced =
            Traced { op: Op::Sync, path: self.path.clone(), offset: 0, length: 0, check: 0, error: None };
        record(&mut state, traced, &result);
        result
    }

    fn map(&self, length: u64) -> io::Result<Map> {
        self.perform(Op::Map, (0, length), 0, |state, _| {
            let file = state.file(self.node, &self.path)?;
            if length > file.live.length() {
                // A real map of this kind is a SIGBUS in wait.
                let text = format!(
                    "a map of {length} bytes leaves {}, which has {}",
                    self.path.display(),
                    file.live.length()
                );
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            Ok(Map::of_region(file.map(length)?))
        })
    }
}

fn blocks_bytes(file: &FileNode) -> u64 {
    file.live.blocks_bytes(file.allocated)
}

/// Bytes of blocks that a write would take beyond those in use.
fn added(state: &mut State, node: NodeId, path: &Path, bytes: &[u8], offset: u64) -> io::Result<u64> {
    let file = state.file(node, path)?;
    let mut after = file.live.clone();
    after.write(bytes, offset);
    Ok(after.blocks_bytes(file.allocated) - blocks_bytes(file))
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if let Some(Node::File(file)) = state.nodes.get_mut(&self.node) {
            file.handles -= 1;
        }
    }
}

/// A held lock.
#[derive(Debug)]
pub(super) struct SimLock {
    disk: SimDisk,
    node: NodeId,
}

impl SimLock {
    /// A lock that was counted when it was taken.
    pub(super) fn new(disk: SimDisk, node: NodeId) -> Self {
        Self { disk, node }
    }
}

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if let Some(Node::File(file)) = state.nodes.get_mut(&self.node) {
            file.release_lock();
            file.handles -= 1;
        }
    }
}
