//! `ReadConsistencyPolicy`: how fresh a read must be.
//!
//! The policies differ in a cluster only; a single node reads its latest commit under each of them.

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReadConsistencyPolicy {
    /// The latest commit, as long as the leader holds its lease: no round trip to the other nodes, and correct while
    /// clocks run at about the same speed.
    LeaseRead,
    /// The latest commit, confirmed with a majority: correct whatever the clocks do.
    #[default]
    LinearizableRead,
    /// What the node that is asked has: the fastest, and possibly behind.
    EventualConsistency,
}
