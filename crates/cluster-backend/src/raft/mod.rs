//! Consensus: what the node needs of openraft, and all that knows openraft's types.
//!
//! Nothing outside of this module names a type of openraft, and nothing of it is stored or sent: disk and wire hold the
//! messages of `pentad.v1`, and [`convert`] stands between the two. An upgrade of openraft therefore changes no byte.
//!
//! | file | |
//! | --- | --- |
//! | `cause` | what openraft carries along as the source of an error |
//! | `types` | the types that openraft is built with |
//! | `convert` | these as messages |
//! | `timing` | times, and openraft's configuration |
//! | `log_store` | the Raft log, in the engine's record log |
//! | `replica` | the state machine, in the engine's store |
//! | `network` | the way to another node |
//! | `inbound` | what other nodes ask |
//! | `snapshot_out`, `snapshot_in` | snapshots on their way |
//! | `group` | all of it together |

mod cause;
pub(crate) mod convert;
mod group;
mod inbound;
mod log_store;
mod network;
mod replica;
mod snapshot_in;
mod snapshot_out;
mod timing;
pub(crate) mod types;

pub(crate) use group::{Certainty, Group, MemberState, State};
pub(crate) use inbound::Inbound;
pub(crate) use replica::{GroupDirectory, replace, sync_dir};
pub use timing::Timing;
