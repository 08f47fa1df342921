//! Where the data of a verb lives: in a directory of this machine, or with the nodes of a cluster.
//!
//! Invariant: a verb does not know which. It looks through [`Look`], alters through [`Alter`], and what a place cannot do, the place
//! refuses. `session.rs` decides from the arguments which one it is; verbs about the files of a store go past this, to the
//! directory itself, and are refused there when none was named.

mod change;
mod local;
mod remote;
mod seam;

#[cfg(test)]
pub(crate) use change::Done;
pub(crate) use change::{Bounds, Change, Content};
pub(crate) use local::{LocalAlter, LocalLook};
pub(crate) use remote::Remote;
pub(crate) use seam::{Alter, Changes, Kept, Listing, Look, Seen, Told, ToldChange, WatchWanted};
