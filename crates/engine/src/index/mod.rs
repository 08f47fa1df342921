//! The in-memory index: where the versions of every key stand in the log.
//!
//! [`Index`] is the face that the store uses. Behind it are two parts that later work can replace one by one, each
//! a small trait: the [`PointIndex`](point::PointIndex) answers "where is the newest version of this key" and
//! "which keys have this hash", the [`OrderedIndex`](ordered::OrderedIndex) holds every version that some view can
//! still see, in key order. A version is found again by its sequence, never by a link between entries, because
//! compaction moves entries.
//!
//! **Views.** A reader reads at a [`View`]: the published sequence and a store time. Everything at or below a
//! published sequence was applied before it was published, so an entry that a reader finds at or below its view is
//! the answer, and one that it finds above its view sends it to the ordered index for the older ones. That is what
//! makes it safe to update the two parts one after the other, ordered first: a reader in between finds the older
//! entry in the point index, which is the one it may see.
//!
//! **Horizon.** What no view in use can see is dropped. The horizon is the oldest view in use, and a view is in use
//! from before its sequence is read until the last answer at it was taken. A reader that would rather not register
//! its view may read first and compare with [`Index::horizon`] afterwards: if the horizon has passed its view, the
//! answer is void and it starts again with a new view.
//!
//! **Locks**, in the order in which they are taken: `writer` (one slice of one mutation at a time), then *either* the
//! lock inside the ordered index *or* one shard of the point index, never both; `accounts` is taken alone. Readers
//! take one of the last three at a time. No lock is held while a `dropped` callback runs.

mod accounts;
mod address;
mod bucket;
mod chain;
mod facade;
mod garbage;
mod key;
mod lookup;
mod memory;
mod ordered;
mod point;
mod rebuild;
#[cfg_attr(
    not(test),
    expect(dead_code, unused_imports, reason = "the ordered index is being rebuilt around it")
)]
mod runs;
mod table;
#[cfg(test)]
mod tests;
mod tree;
mod version;

pub(crate) use facade::Index;
pub(crate) use key::{Change, Space};
pub(crate) use ordered::Direction;
pub(crate) use rebuild::Rebuild;
pub(crate) use version::{Position, Version, VersionKind, View};
