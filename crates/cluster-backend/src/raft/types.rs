//! The types that openraft is built with, and short names for its own with them filled in.
//!
//! No type here has a stored form: [`convert`](super::convert) makes messages of them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use pentad_client::wire;

use super::cause::Cause;

/// Number of a node in its cluster. It is never given to another store, or to the same one emptied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(pub(crate) u32);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// openraft's suite for log storages counts its nodes in u64.
#[cfg(test)]
impl From<u64> for NodeId {
    fn from(id: u64) -> Self {
        Self(u32::try_from(id).expect("ids of the suite are small"))
    }
}

/// What a membership says of a member: how to reach it, and which store it is.
///
/// The store id and the incarnation tell it from another node with its id or address, and from a copy of its directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Member {
    /// Host and port.
    pub(crate) address: String,
    /// 16 bytes.
    pub(crate) store_id: Bytes,
    /// 16 bytes.
    pub(crate) incarnation: Bytes,
    /// Whether the leader promotes it once it has caught up.
    pub(crate) becomes_voter: bool,
}

/// What an entry of ours asks the state machine to do. Shared, because the log, replication and the state machine hold it at
/// the same time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Command(pub(crate) Arc<wire::Command>);

impl From<wire::Command> for Command {
    fn from(command: wire::Command) -> Self {
        Self(Arc::new(command))
    }
}

/// Names the kind only: keys and values of users do not belong in logs.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use wire::command::Kind;
        match &self.0.kind {
            Some(Kind::Write(write)) => write!(f, "write of {} operations", write.operations.len()),
            Some(Kind::Clock(_)) => f.write_str("clock"),
            Some(Kind::PruneBatches(prune)) => write!(f, "prune of batches before {}", prune.before),
            None => f.write_str("unknown command"),
        }
    }
}

/// What applying an entry gave. Entries that openraft makes itself give nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct CommandResult(pub(crate) wire::CommandResult);

openraft::declare_raft_types!(
    /// The types of our Raft.
    pub(crate) Types:
        D = Command,
        R = CommandResult,
        NodeId = NodeId,
        Node = Member,
        Term = u64,
        LeaderId = openraft::impls::leader_id_adv::LeaderId<u64, NodeId>,
        ErrorSource = Cause,
);

/// Who led when an entry was made. Its order is that of terms, then of ids.
pub(crate) type LeaderId = openraft::impls::leader_id_adv::LeaderId<u64, NodeId>;
pub(crate) type Vote = openraft::impls::Vote<LeaderId>;
pub(crate) type LogId = openraft::LogId<LeaderId>;
pub(crate) type Membership = openraft::Membership<NodeId, Member>;
/// A membership, and the entry that made it so.
pub(crate) type StoredMembership = openraft::StoredMembership<LeaderId, NodeId, Member>;
pub(crate) type Payload = openraft::EntryPayload<Command, NodeId, Member>;
pub(crate) type Entry = openraft::Entry<LeaderId, Payload>;
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<LeaderId, NodeId, Member>;
