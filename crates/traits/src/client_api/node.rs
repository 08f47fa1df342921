//! `NodeMeta`: a member of a cluster, with the enums that its numbers stand for.
//!
//! The invariant: a number keeps its meaning for ever. `NodeMeta` holds numbers, not the enums, so that a client
//! can pass on a role or status that is newer than it.

use super::UnknownNumber;

/// A member of a cluster.
///
/// ```
/// use pentad_traits::{NodeMeta, NodeRole};
///
/// let node = NodeMeta { id: 1, address: String::new(), role: 3, status: 3 };
/// assert_eq!(NodeRole::try_from(node.role), Ok(NodeRole::Leader));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeMeta {
    /// The node's number, unique in its cluster.
    pub id: u32,
    /// The address that clients reach it by; empty for a local store.
    pub address: String,
    /// A [`NodeRole`].
    pub role: i32,
    /// A [`NodeStatus`].
    pub status: i32,
}

/// The part that a node plays in its cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum NodeRole {
    /// Not known.
    #[default]
    Unspecified = 0,
    /// Votes, and copies the leader's log.
    Follower = 1,
    /// Stands for election.
    Candidate = 2,
    /// Takes the writes.
    Leader = 3,
    /// Copies the leader's log without a vote.
    Learner = 4,
}

/// What a node may be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum NodeStatus {
    /// Not known.
    #[default]
    Unspecified = 0,
    /// A learner that may become a voter.
    Promotable = 1,
    /// A learner that stays one.
    ReadOnly = 2,
    /// A voter.
    Active = 3,
}

impl TryFrom<i32> for NodeRole {
    type Error = UnknownNumber;

    fn try_from(number: i32) -> Result<Self, UnknownNumber> {
        Ok(match number {
            0 => Self::Unspecified,
            1 => Self::Follower,
            2 => Self::Candidate,
            3 => Self::Leader,
            4 => Self::Learner,
            _ => return Err(UnknownNumber { what: "node role", number }),
        })
    }
}

impl TryFrom<i32> for NodeStatus {
    type Error = UnknownNumber;

    fn try_from(number: i32) -> Result<Self, UnknownNumber> {
        Ok(match number {
            0 => Self::Unspecified,
            1 => Self::Promotable,
            2 => Self::ReadOnly,
            3 => Self::Active,
            _ => return Err(UnknownNumber { what: "node status", number }),
        })
    }
}

impl From<NodeRole> for i32 {
    fn from(role: NodeRole) -> Self {
        role as Self
    }
}

impl From<NodeStatus> for i32 {
    fn from(status: NodeStatus) -> Self {
        status as Self
    }
}
