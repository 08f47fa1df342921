//! Opening a store.
//!
//! [`load`] is an open from its beginning to its end, and [`damaged`] that of a store of which something is missing. [`checkpoint`] finds
//! the checkpoint to begin with; [`rebuild`] makes the indexes of what follows it ([`tail`]), or of all of the log; [`end_check`] says whether
//! what was read can be gone on with, and [`registrations`] which namespaces there are.

mod checkpoint;
mod damaged;
mod end_check;
mod load;
mod rebuild;
mod registrations;
mod tail;

pub(super) use self::damaged::lock_if_there;
