//! What a power cut leaves.
//!
//! Invariant: what was synced is there, byte for byte; of the rest, each sector, length and name is there or not as
//! the [`Fate`] decides, and a rename is there whole or not at all. Changes of names that survive keep their order;
//! other orders of a subset show nothing that some subset does not show.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::content::{pieces, size};
use super::directory::{DirNode, NameChange, NodeId};
use super::fate::Fate;
use super::file::{Change, FileNode, Pending};
use super::random::Rng;
use super::state::{Node, ROOT, State};

/// A part of an unsynced operation that survives a power cut or not, on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingPart {
    /// The number of the operation that it belongs to, counted from 1 as [`super::SimDisk::operations`] counts.
    pub operation: u64,
    /// The file, by the name that it has or had; for a name, that name.
    pub path: PathBuf,
    /// What it is.
    pub part: Part,
}

/// What is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Bytes within one sector.
    Data {
        /// Where in the file, in bytes.
        offset: u64,
        /// How many bytes.
        length: u64,
    },
    /// The file's new length.
    Length {
        /// In bytes.
        to: u64,
    },
    /// A name created, removed or renamed.
    Name,
}

/// The state after the cut; `seed` is for the random choices of the disk that comes after.
pub(super) fn survive(before: &State, fate: &mut dyn Fate, seed: u64) -> State {
    let paths = names_of(before);
    let mut after = State {
        nodes: BTreeMap::new(),
        next: before.next,
        capacity_bytes: before.capacity_bytes,
        recycled: before.recycled.clone(),
        ..State::new(Rng::new(seed).bits())
    };
    // Directories first: a fate that was asked for one name is not asked about the content of a file that is gone.
    let mut open = vec![ROOT];
    let mut reached = BTreeSet::from([ROOT]);
    let mut files = Vec::new();
    while let Some(id) = open.pop() {
        match &before.nodes[&id] {
            Node::Dir(dir) => {
                let kept = directory(dir, &paths[&id], fate);
                open.extend(kept.durable.values().copied().filter(|&child| reached.insert(child)));
                after.nodes.insert(id, Node::Dir(kept));
            }
            Node::File(file) => files.push((id, file)),
        }
    }
    for (id, node) in files {
        after.nodes.insert(id, Node::File(file(node, &paths[&id], fate)));
    }
    after
}

/// A path for every node: its live one, else the last that it had.
fn names_of(state: &State) -> BTreeMap<NodeId, PathBuf> {
    let mut paths: BTreeMap<NodeId, PathBuf> = BTreeMap::from([(ROOT, PathBuf::from("/"))]);
    let mut open = vec![ROOT];
    while let Some(id) = open.pop() {
        let Some(Node::Dir(dir)) = state.nodes.get(&id) else { continue };
        let past = dir.pending.iter().filter_map(|pending| match &pending.change {
            NameChange::Create { name, node } | NameChange::Remove { name, node } => Some((name, *node)),
            NameChange::Rename { .. } => None,
        });
        let known = dir.live.iter().chain(&dir.durable).map(|(name, &node)| (name, node));
        for (name, node) in known.chain(past) {
            if !paths.contains_key(&node) {
                paths.insert(node, paths[&id].join(name));
                open.push(node);
            }
        }
    }
    paths
}

fn directory(dir: &DirNode, path: &Path, fate: &mut dyn Fate) -> DirNode {
    let mut names = dir.durable.clone();
    for pending in &dir.pending {
        let part = PendingPart {
            operation: pending.operation,
            path: path.join(pending.change.name()),
            part: Part::Name,
        };
        if fate.keep(&part) {
            pending.change.apply(&mut names);
        }
    }
    DirNode::settled(names)
}

fn file(node: &FileNode, path: &Path, fate: &mut dyn Fate) -> FileNode {
    let sector = fate.sector_bytes();
    let mut content = node.durable.clone();
    let mut kept = BTreeSet::new();
    let mut lost = BTreeSet::new();
    let mut order: Vec<&Pending> = node.pending.iter().collect();
    fate.order(&mut order);
    for Pending { operation, change } in order {
        let part = |part| PendingPart { operation: *operation, path: path.to_owned(), part };
        match change {
            Change::Write { offset, bytes } => {
                for (start, length) in pieces(*offset, bytes.len() as u64, sector) {
                    if fate.keep(&part(Part::Data { offset: start, length })) {
                        let from = size(start - offset);
                        content.write(&bytes[from..from + size(length)], start);
                        kept.insert(start / sector);
                    } else {
                        lost.insert(start / sector);
                    }
                }
            }
            Change::Grow { to } => {
                if fate.keep(&part(Part::Length { to: *to })) {
                    content.grow(*to);
                } else if content.length() < *to {
                    content.grow(fate.part_of(content.length(), *to));
                }
            }
            Change::SetLength { to } => {
                if fate.keep(&part(Part::Length { to: *to })) {
                    content.set_length(*to);
                }
            }
        }
    }
    // Where blocks were new and their data did not make it, they show what was on them before.
    let new = (node.durable.length() / sector)..content.length().div_ceil(sector);
    let stale = new.chain(lost).filter(|at| !kept.contains(at)).collect::<BTreeSet<u64>>();
    for at in stale {
        if at * sector < content.length() && !node.durable.is_written(at * sector, sector) {
            let Some(garbage) = fate.garbage(at * sector) else { break };
            content.write(&garbage, at * sector);
        }
    }
    content.cut();
    FileNode::settled(content)
}
