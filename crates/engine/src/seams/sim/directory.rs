//! One directory: the names that programs see, the names on the medium, and the changes in between.
//!
//! Invariant: a rename is one change, so no crash shows its two halves apart, and no crash shows one file under two
//! names.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::random::Rng;

/// The number of a file or directory, whatever its name.
pub(super) type NodeId = u64;

pub(super) type Names = BTreeMap<OsString, NodeId>;

#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Create { name: OsString, node: NodeId },
    Remove { name: OsString, node: NodeId },
    Rename { to: OsString, node: NodeId },
}

impl NameChange {
    /// The name that appears or goes.
    pub(super) fn name(&self) -> &OsStr {
        match self {
            Self::Create { name, .. } | Self::Remove { name, .. } | Self::Rename { to: name, .. } => name,
        }
    }

    pub(super) fn apply(&self, names: &mut Names) {
        match self {
            Self::Create { name, node } => {
                names.retain(|_, held| held != node);
                names.insert(name.clone(), *node);
            }
            // Only the entry that was meant goes: where an earlier rename did not survive, an older file has the name.
            Self::Remove { name, node } => {
                if names.get(name) == Some(node) {
                    names.remove(name);
                }
            }
            Self::Rename { to, node } => {
                names.retain(|_, held| held != node);
                names.insert(to.clone(), *node);
            }
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct PendingName {
    /// The number of the disk operation that made the change.
    pub(super) operation: u64,
    pub(super) change: NameChange,
}

#[derive(Clone, Debug, Default)]
pub(super) struct DirNode {
    pub(super) live: Names,
    pub(super) durable: Names,
    pub(super) pending: Vec<PendingName>,
}

impl DirNode {
    pub(super) fn settled(names: Names) -> Self {
        Self { live: names.clone(), durable: names, pending: Vec::new() }
    }

    pub(super) fn change(&mut self, operation: u64, change: NameChange) {
        change.apply(&mut self.live);
        self.pending.push(PendingName { operation, change });
    }

    pub(super) fn sync(&mut self) {
        for pending in self.pending.drain(..) {
            pending.change.apply(&mut self.durable);
        }
    }

    /// The sync failed: some of the pending changes are on the medium, the rest never will be by themselves.
    pub(super) fn fail_sync(&mut self, rng: &mut Rng) {
        for pending in self.pending.drain(..) {
            if rng.chance(500) {
                pending.change.apply(&mut self.durable);
            }
        }
    }

    /// Every node that some name, present or possible after a crash, leads to.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        let pending = self.pending.iter().map(|pending| match pending.change {
            NameChange::Create { node, .. }
            | NameChange::Remove { node, .. }
            | NameChange::Rename { node, .. } => node,
        });
        self.live.values().chain(self.durable.values()).copied().chain(pending)
    }
}
