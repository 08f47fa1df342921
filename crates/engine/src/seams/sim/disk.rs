//! The simulated disk: the operations of the seam, and what a test does to it from outside.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use crate::seams::lock::{Mutex, MutexGuard};
use crate::seams::{Access, Disk, File, Lock, LockMode, PathKind};

use super::content::{Content, size};
use super::crash::{PendingPart, survive};
use super::directory::DirNode;
use super::fate::{Asked, Random};
use super::fault::{Fault, Op};
use super::file::FileNode;
use super::handle::{SimFile, SimLock};
use super::state::{Entered, Node, State, absolute};
use super::trace::Traced;

/// A disk in memory that can lose power. Cloning shares it.
///
/// Paths start at `/`, which is there from the beginning; there are no links.
#[derive(Clone, Debug)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

impl SimDisk {
    /// An empty disk without a capacity limit. `seed` decides what a failed sync leaves.
    pub fn new(seed: u64) -> Self {
        Self::holding(State::new(seed))
    }

    /// A disk that holds these files, all durable.
    ///
    /// # Panics
    ///
    /// When a path is the root or leads through a file.
    pub fn from_image(seed: u64, image: &BTreeMap<PathBuf, Vec<u8>>) -> Self {
        let mut state = State::new(seed);
        for (path, bytes) in image {
            state.settle(path, Content::of(bytes)).expect("an image is a tree of files");
        }
        Self::holding(state)
    }

    fn holding(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A panic under this lock is a failed assertion of the test itself; what drops afterwards may still look.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All files as programs see them, by absolute path.
    pub fn image(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.state();
        let files = state.paths().into_iter().filter_map(|(path, node)| match &state.nodes[&node] {
            Node::File(file) => Some((path, file.live.to_vec())),
            Node::Dir(_) => None,
        });
        files.collect()
    }

    /// The disk after a power cut at this moment: for every file and directory a random part of what was not synced,
    /// sector by sector (512 bytes or 4 KiB), lengths and names on their own, and where blocks were never written zeros or what
    /// deleted files left. `seed` decides. This disk goes on as if nothing had happened, and apart.
    pub fn crash(&self, seed: u64) -> Self {
        let state = self.state();
        Self::holding(survive(&state, &mut Random::new(seed, &state.recycled, state.operations), seed))
    }

    /// The disk after a power cut of which exactly those pending parts survived that `keep` says yes to. Data is cut
    /// at multiples of `sector_bytes`; blocks never written are zeros.
    pub fn crash_exact(&self, sector_bytes: u64, keep: &mut dyn FnMut(&PendingPart) -> bool) -> Self {
        Self::holding(survive(&self.state(), &mut Asked::new(sector_bytes, keep), 0))
    }

    /// Everything that a power cut at this moment could lose, in the order in which [`SimDisk::crash_exact`] asks.
    pub fn pending(&self, sector_bytes: u64) -> Vec<PendingPart> {
        let mut parts = Vec::new();
        self.crash_exact(sector_bytes, &mut |part| {
            parts.push(part.clone());
            false
        });
        parts
    }

    /// The disk after the process was killed and nothing else happened: all that was written is there, and what was
    /// pending still is. Locks are released; old handles act on the old disk.
    pub fn kill(&self) -> Self {
        let state = self.state();
        let nodes = state.nodes.iter().map(|(&id, node)| {
            let node = match node {
                Node::File(file) => Node::File(file.inherited()),
                Node::Dir(dir) => Node::Dir(dir.clone()),
            };
            (id, node)
        });
        let mut after = State {
            nodes: nodes.collect(),
            next: state.next,
            rng: state.rng.clone(),
            capacity_bytes: state.capacity_bytes,
            recycled: state.recycled.clone(),
            ..State::new(0)
        };
        after.collect();
        Self::holding(after)
    }

    /// How many operations were started that change something or make a change durable (see
    /// [`Op::is_mutating`]): the crash points so far.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Turns the machine off after `operations` mutating operations, counted as [`SimDisk::operations`] counts:
    /// from then on everything fails, reads too.
    pub fn fail_after(&self, operations: u64) {
        self.state().off_at = Some(operations);
    }

    /// Injects a fault.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.add(fault);
    }

    /// Takes back all faults that are still waiting and returns them, with what is left of their counts.
    pub fn take_faults(&self) -> Vec<Fault> {
        self.state().faults.take()
    }

    /// How many faults have not struck yet, or strike for ever.
    pub fn faults_waiting(&self) -> usize {
        self.state().faults.waiting()
    }

    /// Limits the blocks in use to `bytes`, in steps of 4 KiB; `None` lifts the limit. Files that are there stay.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity_bytes = bytes;
    }

    /// Bytes of blocks in use, reserved ones included.
    pub fn used_bytes(&self) -> u64 {
        self.state().used_bytes()
    }

    /// Changes a file behind everyone's back, on the medium and in every view, as rot does. Slices of maps of the
    /// file must not be held meanwhile.
    ///
    /// # Panics
    ///
    /// When there is no such file.
    pub fn edit(&self, path: impl AsRef<Path>, change: impl FnOnce(&mut Vec<u8>)) {
        let path = path.as_ref();
        let mut state = self.state();
        let node = state.resolve(path).expect("the file to edit is there");
        let file = state.file(node, path).expect("the path to edit is a file");
        let mut bytes = file.live.to_vec();
        change(&mut bytes);
        file.replace(&bytes);
    }

    /// Cuts a file to `length` bytes behind everyone's back.
    ///
    /// # Panics
    ///
    /// When there is no such file.
    pub fn truncate(&self, path: impl AsRef<Path>, length: u64) {
        self.edit(path, |bytes| bytes.truncate(size(length)));
    }

    /// What was asked of the disk so far, reads and looks left out.
    pub fn trace(&self) -> Vec<Traced> {
        self.state().trace.clone()
    }

    /// Does one operation under the lock and writes it into the trace.
    pub(super) fn perform<T>(
        &self,
        traced: Traced,
        act: impl FnOnce(&mut State, bool) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state();
        let result = state.begin(traced.op).and_then(|short| act(&mut state, short));
        record(&mut state, traced, &result);
        result
    }

    fn on_path<T>(
        &self,
        op: Op,
        path: &Path,
        act: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        let path = path.to_owned();
        self.perform(Traced { op, path, offset: 0, length: 0, check: 0, error: None }, |state, _| act(state))
    }
}

pub(super) fn record<T>(state: &mut State, mut traced: Traced, result: &io::Result<T>) {
    if !matches!(traced.op, Op::Read | Op::Look) {
        traced.error = result.as_ref().err().map(io::Error::kind);
        state.trace.push(traced);
    }
}

impl Disk for SimDisk {
    fn kind(&self, path: &Path) -> io::Result<Option<PathKind>> {
        self.on_path(Op::Look, path, |state| match state.resolve(path) {
            Ok(node) => Ok(Some(match state.nodes[&node] {
                Node::File(_) => PathKind::File,
                Node::Dir(_) => PathKind::Directory,
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        self.on_path(Op::Look, dir, |state| {
            let node = state.resolve(dir)?;
            let mut names: Vec<OsString> = state.dir(node, dir)?.live.keys().cloned().collect();
            // No order is promised, so the store must not come to rely on one.
            state.rng.shuffle(&mut names);
            Ok(names)
        })
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.on_path(Op::Look, path, |state| {
            state.resolve(path)?;
            absolute(path)
        })
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.on_path(Op::CreateDir, dir, |state| {
            state.create(dir, Node::Dir(DirNode::default()))?;
            Ok(())
        })
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn File>> {
        let op = if access == Access::CreateNew { Op::Create } else { Op::Open };
        let node = self.on_path(op, path, |state| {
            let node = match access {
                Access::CreateNew => state.create(path, Node::File(FileNode::default()))?,
                Access::Read | Access::Write => state.resolve(path)?,
            };
            state.file(node, path)?.handles += 1;
            Ok(node)
        })?;
        Ok(Box::new(SimFile::new(self.clone(), node, path, access != Access::Read)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        // The trace has one path: the new name, which is what tells two renames of a temporary file apart.
        self.on_path(Op::Rename, to, |state| state.rename(from, to))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.on_path(Op::Remove, path, |state| state.remove(path, false))
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        self.on_path(Op::Remove, dir, |state| state.remove(dir, true))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        let result = sync_dir(&mut state, dir);
        let traced =
            Traced { op: Op::SyncDir, path: dir.to_owned(), offset: 0, length: 0, check: 0, error: None };
        record(&mut state, traced, &result);
        result
    }

    fn lock(&self, path: &Path, mode: LockMode) -> io::Result<Option<Box<dyn Lock>>> {
        let taken = self.on_path(Op::Lock, path, |state| {
            let node = state.resolve(path)?;
            let file = state.file(node, path)?;
            let taken = file.take_lock(mode);
            // The lock holds the file open.
            file.handles += u32::from(taken);
            Ok(taken.then_some(node))
        })?;
        Ok(taken.map(|node| Box::new(SimLock::new(self.clone(), node)) as Box<dyn Lock>))
    }
}

fn sync_dir(state: &mut State, dir: &Path) -> io::Result<()> {
    let entered = state.enter(Op::SyncDir)?;
    let node = state.resolve(dir)?;
    let mut rng = state.rng.clone();
    let names = state.dir(node, dir)?;
    match entered {
        Entered::Whole | Entered::Short => names.sync(),
        Entered::Failed(error) => {
            names.fail_sync(&mut rng);
            state.rng = rng;
            return Err(error);
        }
    }
    state.collect();
    Ok(())
}
