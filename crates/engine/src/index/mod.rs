//! The in-memory index: where the versions of every key stand in the log.
//!
//! [`Index`] is the face that the store uses. Behind it are two parts. The [slot table](slots) answers "where is the
//! newest version of this key" and "which keys have this hash", in one or two cache misses and without a lock. The
//! [ordered index](ordered) holds every version that some view can still see, in key order. Neither holds keys: they
//! hold [addresses](crate::address), and read keys in the log through [`Entries`]. A version is found again by its place among
//! the versions of its key, never by a link between entries, because compaction moves entries.
//!
//! **Views.** A reader reads at a [`View`]: the published end of the log and a store time. Everything before a published
//! end was applied before it was published, so an entry that a reader finds before the end of its view is the answer, and
//! one that it finds behind it sends it to the ordered index for the older ones. That is what
//! makes it safe to update the two parts one after the other, ordered first: a reader in between finds the older
//! entry in the slot table, which is the one it may see.
//!
//! **Horizon.** What no view in use can see is dropped. The horizon is the oldest view in use, and a view is in use
//! from before its sequence is read until the last answer at it was taken. A reader that would rather not register
//! its view may read first and compare with [`Index::horizon`] afterwards: if the horizon has passed its view, the
//! answer is void and it starts again with a new view.
//!
//! **Checkpoints** ([`image`]) hold an index as it was at one moment, so that opening a store costs only what was written
//! since.
//!
//! **Locks**, in the order in which they are taken: `writer` (one mutation at a time), then the lock of a crowd or the one
//! inside the ordered index; `accounts` is taken alone. Readers take the lock of a crowd, where there is one, and no other.

mod accounts;
mod apply;
mod crowds;
mod deadlines;
mod drops;
mod entries;
mod extent;
mod facade;
mod garbage;
mod image;
mod key;
mod key_order;
mod lookup;
mod memory;
mod moving;
mod ordered;
mod quick_look;
mod rebuild;
mod resolve;
mod runs;
mod scan;
mod scatter;
mod slots;
mod sweep;
mod system;
#[cfg(test)]
mod tests;
mod told;
mod version;

pub(crate) use entries::{Entries, Entry, Look, Rank};
pub(crate) use facade::Index;
pub(crate) use image::{Crowded, IndexImage, IndexParts, SlotGroups, groups_of};
pub(crate) use key::{Change, Name, Space, Spelled};
pub(crate) use key_order::KeyPiece;
pub(crate) use ordered::Direction;
pub(crate) use quick_look::{Begun, Newest};
pub(crate) use rebuild::Met;
pub(crate) use resolve::Before;
pub(crate) use runs::{Run, RunShape};
pub(crate) use version::{Born, Extent, Version, VersionKind, View};
