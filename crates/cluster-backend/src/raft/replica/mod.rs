//! The state machine: a store of the engine, and the thread that applies entries to it.
//!
//! | file | |
//! | --- | --- |
//! | `keys` | the system entries that are kept in the store, beside the users' |
//! | `previous` | whether the values that a write replaces fit into its answer |
//! | `requests` | which requests were applied, so that none is applied twice |
//! | `machine` | one entry after the other becomes a commit |
//! | `run` | those that cannot be refused, many at once |
//! | `applier` | the thread that does so, and installs snapshots in between |
//! | `saver` | takes snapshots meanwhile |
//! | `directory` | `store-NNNN`, and which of them counts |
//! | `snapshot` | a snapshot on the disk |
//! | `spaces` | the namespaces that a write names |
//! | `view` | what readers see of all this while stores are swapped |

mod applier;
mod directory;
mod keys;
mod machine;
mod previous;
mod requests;
mod run;
mod saver;
mod snapshot;
mod spaces;
mod view;

pub(crate) use applier::Applier;
pub(in crate::raft) use directory::sync_tree;
pub(crate) use directory::{GroupDirectory, replace, sync_dir};
pub(crate) use saver::Saver;
pub(crate) use snapshot::{SnapshotData, SnapshotFiles};
pub(crate) use view::View;
