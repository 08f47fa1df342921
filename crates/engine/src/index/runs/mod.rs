//! Sorted runs: the keys of one space in order, each with the addresses of its versions, without the keys.
//!
//! A record is sixteen bytes: eight bytes of its key, and an address with flags. A [`Run`] is an immutable array of
//! records in key order, cut into blocks; what the keys of a block share is stored once, so that the eight bytes
//! are those that tell neighbours apart. Only where they do not is the key read in the log, through [`Keys`].
//!
//! [`Runs`] is a list of runs, newest first. A commit's records become a small run; neighbours are merged as they
//! grow, small ones by whoever pushes, large ones by a thread that calls [`Runs::maintain`]. Within a run and over the
//! list the newest version of a key comes first, so that rank takes no sequences. A merge may leave out what nobody can
//! see, as [`Keep`] says.
//!
//! Readers open a [`Cursor`] between two bounds, take no lock and wait for nobody. They get addresses: what stands
//! there, and whether their view sees it, they find out in the log.
//!
//! | file | |
//! | --- | --- |
//! | `window`, `stem`, `cell` | the parts of a record: bytes of the key, what is left out of them, address and flags |
//! | `run`, `seek`, `relocate` | a run, where a key stands in it, and the one change that it knows |
//! | `assembly`, `build` | runs made from keys |
//! | `flat` | runs made from runs by sorting windows |
//! | `contest`, `weave` | the next key of several runs; runs made from runs where windows do not tell enough |
//! | `shape`, `list` | which runs are merged when; the list and its locks |
//! | `cursor` | reading |
//! | `image` | a run in a checkpoint |
//! | `divide` | how much lies between two bounds |

mod assembly;
mod build;
mod cell;
mod contest;
mod cursor;
mod divide;
mod flat;
mod image;
mod keys;
mod list;
mod relocate;
mod run;
mod seek;
mod shape;
mod stem;
#[cfg(test)]
mod tests;
mod weave;
mod window;

pub(crate) use build::Entry;
pub(crate) use cell::Mark;
pub(crate) use contest::Way;
pub(crate) use cursor::{Again, Stale};
#[cfg(test)]
pub(crate) use cursor::{Cursor, Row};
pub(crate) use image::RunShape;
#[cfg(test)]
pub(crate) use keys::KeepAll;
pub(crate) use keys::{Keep, Keys};
#[cfg(test)]
pub(crate) use list::Size;
pub(crate) use list::{Effort, List, Runs};
pub(crate) use run::Run;
