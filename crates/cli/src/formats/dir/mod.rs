//! `dir`: a directory tree. Paths inside it are keys, the contents of files are values.
//!
//! Invariant: nothing outside the tree is read on the way in or written on the way out, whatever links and keys there
//! are. `paths.rs` decides which keys are paths, `walk.rs` finds the files, `unpack.rs` writes them.

pub(crate) mod paths;
mod unpack;
mod walk;

pub(crate) use unpack::{Policy, Unpacked, unpack};
pub(crate) use walk::{Found, Tree, open_file};
