//! Everything behind the simulated disk's one lock: the tree of nodes, the operation counter, the faults in wait.
//!
//! Invariant: every operation comes in through [`State::enter`], which counts it, strikes it with its fault and
//! refuses it once the machine is off.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::content::Content;
use super::directory::{DirNode, NameChange, Names, NodeId};
use super::fault::{Effect, Faults, Op};
use super::file::FileNode;
use super::random::Rng;
use super::trace::Traced;

/// The root directory.
pub(super) const ROOT: NodeId = 0;
/// How many pages of removed files are remembered.
const RECYCLED_PAGES_MAX: usize = 256;

#[derive(Debug)]
pub(super) enum Node {
    File(FileNode),
    Dir(DirNode),
}

/// How an operation goes on.
pub(super) enum Entered {
    Whole,
    Short,
    Failed(io::Error),
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) nodes: BTreeMap<NodeId, Node>,
    pub(super) next: NodeId,
    pub(super) rng: Rng,
    pub(super) operations: u64,
    pub(super) off_at: Option<u64>,
    pub(super) faults: Faults,
    pub(super) capacity_bytes: Option<u64>,
    pub(super) trace: Vec<Traced>,
    /// Pages of files that were removed, with their offset: what a block may hold when it is used again.
    pub(super) recycled: Vec<(u64, Vec<u8>)>,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            nodes: BTreeMap::from([(ROOT, Node::Dir(DirNode::default()))]),
            next: ROOT + 1,
            rng: Rng::new(seed),
            operations: 0,
            off_at: None,
            faults: Faults::default(),
            capacity_bytes: None,
            trace: Vec::new(),
            recycled: Vec::new(),
        }
    }

    /// Counts the operation and decides what befalls it.
    pub(super) fn enter(&mut self, op: Op) -> io::Result<Entered> {
        if self.off_at.is_some_and(|at| self.operations >= at) {
            return Err(io::Error::other("the simulated machine is off"));
        }
        if op.is_mutating() {
            self.operations += 1;
        }
        Ok(match self.faults.strike(op) {
            None => Entered::Whole,
            Some(Effect::Short) => Entered::Short,
            Some(Effect::Interrupted) => return Err(io::ErrorKind::Interrupted.into()),
            Some(Effect::Error(kind)) => {
                Entered::Failed(io::Error::new(kind, format!("injected {kind:?} fault ({op:?})")))
            }
        })
    }

    /// The same for operations that leave nothing behind when they fail; whether to do only half.
    pub(super) fn begin(&mut self, op: Op) -> io::Result<bool> {
        match self.enter(op)? {
            Entered::Whole => Ok(false),
            Entered::Short => Ok(true),
            Entered::Failed(error) => Err(error),
        }
    }

    pub(super) fn resolve(&self, path: &Path) -> io::Result<NodeId> {
        let mut node = ROOT;
        for part in parts(path)? {
            node = *self.names(node, path)?.get(&part).ok_or_else(|| missing(path))?;
        }
        Ok(node)
    }

    /// The directory that holds the path's last name, and that name.
    pub(super) fn resolve_parent(&self, path: &Path) -> io::Result<(NodeId, OsString)> {
        let mut parts = parts(path)?;
        let name = parts.pop().ok_or_else(|| invalid(path, "is the root directory"))?;
        let mut node = ROOT;
        for part in parts {
            node = *self.names(node, path)?.get(&part).ok_or_else(|| missing(path))?;
        }
        self.names(node, path)?;
        Ok((node, name))
    }

    fn names(&self, node: NodeId, path: &Path) -> io::Result<&Names> {
        match &self.nodes[&node] {
            Node::Dir(dir) => Ok(&dir.live),
            Node::File(_) => Err(io::Error::new(
                io::ErrorKind::NotADirectory,
                format!("{} leads through a file", path.display()),
            )),
        }
    }

    pub(super) fn dir(&mut self, node: NodeId, path: &Path) -> io::Result<&mut DirNode> {
        match self.nodes.get_mut(&node) {
            Some(Node::Dir(dir)) => Ok(dir),
            _ => Err(io::Error::new(io::ErrorKind::NotADirectory, format!("{} is a file", path.display()))),
        }
    }

    pub(super) fn file(&mut self, node: NodeId, path: &Path) -> io::Result<&mut FileNode> {
        match self.nodes.get_mut(&node) {
            Some(Node::File(file)) => Ok(file),
            _ => {
                Err(io::Error::new(io::ErrorKind::IsADirectory, format!("{} is a directory", path.display())))
            }
        }
    }

    pub(super) fn create(&mut self, path: &Path, new: Node) -> io::Result<NodeId> {
        let (parent, name) = self.resolve_parent(path)?;
        let (node, operation) = (self.next, self.operations);
        let dir = self.dir(parent, path)?;
        if dir.live.contains_key(&name) {
            let text = format!("{} is there already", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        dir.change(operation, NameChange::Create { name, node });
        self.next += 1;
        self.nodes.insert(node, new);
        Ok(node)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let node = self.resolve(from)?;
        let (old, _) = self.resolve_parent(from)?;
        let (new, name) = self.resolve_parent(to)?;
        if old != new {
            // A rename across directories is two changes that must survive together; the engine never makes one.
            let text = "the simulated disk renames within a directory only";
            return Err(io::Error::new(io::ErrorKind::CrossesDevices, text));
        }
        let replaced = self.dir(new, to)?.live.get(&name).copied();
        if replaced == Some(node) {
            return Ok(());
        }
        if let Some(replaced) = replaced {
            match (&self.nodes[&node], &self.nodes[&replaced]) {
                (Node::File(_), Node::File(_)) => {}
                (Node::Dir(_), Node::Dir(dir)) if dir.live.is_empty() => {}
                (_, Node::Dir(dir)) if !dir.live.is_empty() => return Err(not_empty(to)),
                (Node::File(_), Node::Dir(_)) => return Err(io::ErrorKind::IsADirectory.into()),
                (Node::Dir(_), _) => return Err(io::ErrorKind::NotADirectory.into()),
            }
            self.recycle(replaced);
        }
        let operation = self.operations;
        self.dir(new, to)?.change(operation, NameChange::Rename { to: name, node });
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path, directory: bool) -> io::Result<()> {
        let node = self.resolve(path)?;
        let (parent, name) = self.resolve_parent(path)?;
        match &self.nodes[&node] {
            Node::Dir(_) if !directory => return Err(invalid(path, "is a directory")),
            Node::Dir(dir) if !dir.live.is_empty() => return Err(not_empty(path)),
            Node::File(_) if directory => return Err(io::ErrorKind::NotADirectory.into()),
            Node::Dir(_) | Node::File(_) => {}
        }
        self.recycle(node);
        let operation = self.operations;
        self.dir(parent, path)?.change(operation, NameChange::Remove { name, node });
        Ok(())
    }

    /// Remembers what the node held, for blocks that are used again.
    fn recycle(&mut self, node: NodeId) {
        if let Some(Node::File(file)) = self.nodes.get(&node) {
            self.recycled.extend(file.live.pages().map(|(offset, bytes)| (offset, bytes.to_vec())));
            let surplus = self.recycled.len().saturating_sub(RECYCLED_PAGES_MAX);
            self.recycled.drain(..surplus);
        }
    }

    /// Forgets nodes that no name leads to any more, not even after a crash, and that nobody has open.
    pub(super) fn collect(&mut self) {
        let mut reached = BTreeSet::from([ROOT]);
        let mut open = vec![ROOT];
        while let Some(node) = open.pop() {
            if let Some(Node::Dir(dir)) = self.nodes.get(&node) {
                open.extend(dir.nodes().filter(|&child| reached.insert(child)));
            }
        }
        self.nodes.retain(|node, content| match content {
            Node::File(file) => file.handles > 0 || reached.contains(node),
            Node::Dir(_) => reached.contains(node),
        });
    }

    /// Every live path, with what is there; directories before what is in them.
    pub(super) fn paths(&self) -> BTreeMap<PathBuf, NodeId> {
        let mut found = BTreeMap::from([(PathBuf::from("/"), ROOT)]);
        let mut open = vec![(PathBuf::from("/"), ROOT)];
        while let Some((path, node)) = open.pop() {
            if let Node::Dir(dir) = &self.nodes[&node] {
                for (name, &child) in &dir.live {
                    found.insert(path.join(name), child);
                    open.push((path.join(name), child));
                }
            }
        }
        found
    }

    /// Bytes of blocks in use: what live names lead to, and removed files that are still open. (That a map keeps
    /// the blocks of a removed file is not simulated.)
    pub(super) fn used_bytes(&self) -> u64 {
        let named: BTreeSet<NodeId> = self.paths().into_values().collect();
        let files = self.nodes.iter().filter_map(|(node, content)| match content {
            Node::File(file) if file.handles > 0 || named.contains(node) => Some(file),
            _ => None,
        });
        files.map(|file| file.live.blocks_bytes(file.allocated)).sum()
    }

    /// How many bytes more fit on the disk.
    pub(super) fn free_bytes(&self) -> u64 {
        self.capacity_bytes.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used_bytes()))
    }

    /// Adds a file that is on the medium with all its directories.
    pub(super) fn settle(&mut self, path: &Path, content: Content) -> io::Result<()> {
        let mut parts = parts(path)?;
        let name = parts.pop().ok_or_else(|| invalid(path, "is the root directory"))?;
        let mut dir = ROOT;
        for part in parts {
            dir = match self.names(dir, path)?.get(&part) {
                Some(&node) => node,
                None => self.settle_node(dir, part, Node::Dir(DirNode::default())),
            };
        }
        self.names(dir, path)?;
        self.settle_node(dir, name, Node::File(FileNode::settled(content)));
        Ok(())
    }

    fn settle_node(&mut self, parent: NodeId, name: OsString, new: Node) -> NodeId {
        let node = self.next;
        self.next += 1;
        self.nodes.insert(node, new);
        if let Some(Node::Dir(dir)) = self.nodes.get_mut(&parent) {
            dir.live.insert(name.clone(), node);
            dir.durable.insert(name, node);
        }
        node
    }
}

/// The names along a path from the root; a relative path starts there too.
fn parts(path: &Path) -> io::Result<Vec<OsString>> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => parts.push(name.to_owned()),
            Component::ParentDir => {
                parts.pop();
            }
            Component::RootDir | Component::CurDir => {}
            Component::Prefix(_) => return Err(invalid(path, "has a drive")),
        }
    }
    Ok(parts)
}

/// The path as the root sees it.
pub(super) fn absolute(path: &Path) -> io::Result<PathBuf> {
    let mut whole = PathBuf::from("/");
    whole.extend(parts(path)?);
    Ok(whole)
}

fn missing(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{} is not there", path.display()))
}

fn not_empty(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::DirectoryNotEmpty, format!("{} is not empty", path.display()))
}

fn invalid(path: &Path, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{} {what}", path.display()))
}
