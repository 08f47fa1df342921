//! Between openraft's types and the messages of `pentad.v1`: ids, votes, memberships, entries, snapshot metadata.
//!
//! Invariant: what [`Wire::to_wire`] makes, [`Wire::from_wire`] takes back unchanged; what a peer or a disk gives that no node
//! would have made is an error and never a guess.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openraft::EntryPayload;
use pentad_client::wire;

use super::types::{
    Command, Entry, LeaderId, LogId, Member, Membership, NodeId, SnapshotMeta, StoredMembership, Vote,
};

/// A message that lacks what it must have, or contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message is malformed: {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// A type of openraft, and the message that stands for it outside of the process.
pub(crate) trait Wire: Sized {
    type Message;

    fn to_wire(&self) -> Self::Message;

    fn from_wire(message: Self::Message) -> Result<Self, Malformed>;

    /// For fields that must be there; `what` is what is wrong when one is not.
    fn required(message: Option<Self::Message>, what: &'static str) -> Result<Self, Malformed> {
        Self::from_wire(message.ok_or(Malformed(what))?)
    }

    /// For fields that may be absent.
    fn optional(message: Option<Self::Message>) -> Result<Option<Self>, Malformed> {
        message.map(Self::from_wire).transpose()
    }
}

impl Wire for LogId {
    type Message = wire::LogId;

    fn to_wire(&self) -> wire::LogId {
        wire::LogId { term: self.leader_id.term, node_id: self.leader_id.node_id.0, index: self.index }
    }

    fn from_wire(message: wire::LogId) -> Result<Self, Malformed> {
        let leader_id = LeaderId { term: message.term, node_id: NodeId(message.node_id) };
        Ok(Self { leader_id, index: message.index })
    }
}

impl Wire for Vote {
    type Message = wire::RaftVote;

    fn to_wire(&self) -> wire::RaftVote {
        wire::RaftVote {
            term: self.leader_id.term,
            node_id: self.leader_id.node_id.0,
            committed: self.committed,
        }
    }

    fn from_wire(message: wire::RaftVote) -> Result<Self, Malformed> {
        let leader_id = LeaderId { term: message.term, node_id: NodeId(message.node_id) };
        Ok(Self { leader_id, committed: message.committed })
    }
}

impl Wire for Membership {
    type Message = wire::Membership;

    fn to_wire(&self) -> wire::Membership {
        let ids = |set: &BTreeSet<NodeId>| wire::NodeIds { ids: set.iter().map(|id| id.0).collect() };
        wire::Membership {
            voters: self.get_joint_config().iter().map(ids).collect(),
            members: self.nodes().map(|(id, member)| member_to_wire(*id, member)).collect(),
        }
    }

    fn from_wire(message: wire::Membership) -> Result<Self, Malformed> {
        let voters =
            message.voters.into_iter().map(|set| set.ids.into_iter().map(NodeId).collect()).collect();
        let count = message.members.len();
        let members: BTreeMap<NodeId, Member> = message.members.into_iter().map(member_from_wire).collect();
        if members.len() != count {
            return Err(Malformed("a membership names a member twice"));
        }
        Self::new(voters, members)
            .map_err(|_| Malformed("a membership has an empty set of voters, or an unknown voter"))
    }
}

/// A member as a message, which also holds its id.
pub(crate) fn member_to_wire(id: NodeId, member: &Member) -> wire::MemberInfo {
    wire::MemberInfo {
        id: id.0,
        address: member.address.clone(),
        store_id: member.store_id.clone(),
        incarnation: member.incarnation.clone(),
        becomes_voter: member.becomes_voter,
    }
}

/// The id and the member that a message is of.
pub(crate) fn member_from_wire(message: wire::MemberInfo) -> (NodeId, Member) {
    let wire::MemberInfo { id, address, store_id, incarnation, becomes_voter } = message;
    (NodeId(id), Member { address, store_id, incarnation, becomes_voter })
}

impl Wire for Entry {
    type Message = wire::RaftEntry;

    fn to_wire(&self) -> wire::RaftEntry {
        use wire::raft_entry::Payload;
        let payload = match &self.payload {
            EntryPayload::Blank => Payload::Blank(wire::Nothing {}),
            EntryPayload::Normal(Command(command)) => Payload::Command(command.as_ref().clone()),
            EntryPayload::Membership(membership) => Payload::Membership(membership.to_wire()),
        };
        wire::RaftEntry { id: Some(self.log_id.to_wire()), payload: Some(payload) }
    }

    fn from_wire(message: wire::RaftEntry) -> Result<Self, Malformed> {
        use wire::raft_entry::Payload;
        let log_id = LogId::required(message.id, "an entry has no log id")?;
        let payload = match message
            .payload
            .ok_or(Malformed("an entry has no payload, or one of a newer version"))?
        {
            Payload::Blank(_) => EntryPayload::Blank,
            Payload::Command(command) => EntryPayload::Normal(Command(Arc::new(command))),
            Payload::Membership(membership) => EntryPayload::Membership(Membership::from_wire(membership)?),
        };
        Ok(Self { log_id, payload })
    }
}

impl Wire for SnapshotMeta {
    type Message = wire::SnapshotMeta;

    /// Leaves `snapshot_id` empty: it names the files of a snapshot, and openraft knows nothing of these.
    fn to_wire(&self) -> wire::SnapshotMeta {
        wire::SnapshotMeta {
            last_log_id: self.last_log_id.as_ref().map(Wire::to_wire),
            membership_log_id: self.last_membership.log_id().as_ref().map(Wire::to_wire),
            membership: Some(self.last_membership.membership().to_wire()),
            snapshot_id: String::new(),
        }
    }

    fn from_wire(message: wire::SnapshotMeta) -> Result<Self, Malformed> {
        let membership = Membership::required(message.membership, "a snapshot has no membership")?;
        Ok(Self {
            last_log_id: LogId::optional(message.last_log_id)?,
            last_membership: StoredMembership::new(LogId::optional(message.membership_log_id)?, membership),
        })
    }
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
