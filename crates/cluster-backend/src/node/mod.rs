//! A node: its directory, its runtime, its part in a cluster, and what it answers.
//!
//! | file | |
//! | --- | --- |
//! | `identity` | who the node is, on the disk |
//! | `directory` | the data directory: its lock, and where things are |
//! | `builder` | options and start |
//! | `membership` | how a node gets into a cluster |
//! | `handle` | the handle that users hold |
//! | `shared` | what all tasks of a node share |
//! | `calls` | calls of clients: consistency, forwarding, time limits |
//! | `outgoing` | ids for requests that have none |
//! | `read_index` | one question to the leader for many readers |
//! | `changes` | adding, promoting, removing, passing the lead on |
//! | `steward` | what the node does by itself: clock entries, promotions, snapshots |

mod builder;
mod calls;
mod changes;
mod directory;
mod handle;
mod identity;
mod membership;
mod outgoing;
mod read_index;
mod shared;
mod steward;

pub use builder::NodeBuilder;
pub use handle::Node;
pub(crate) use identity::Me;
pub(crate) use membership::VERSIONS;
pub(crate) use shared::Shared;
