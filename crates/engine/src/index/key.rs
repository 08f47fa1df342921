//! Keys as the index names them, and the change that brings one a new version.
//!
//! Invariant: which hash belongs to a key is the caller's business, but it must always be the same one. The index keeps
//! copies only of keys whose hash very many keys share.

use super::entries::Rank;
use super::version::Version;

/// Which of the two kinds of key an entry has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Space {
    /// Ordinary keys.
    Keys,
    /// Entries that were stored under a 64-bit key hash alone: their key is the hash as 8 big-endian bytes. They
    /// never show in ranges.
    Hashes,
}

/// A key as it is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    pub(crate) space: Space,
    pub(crate) key: &'a [u8],
    /// The 64-bit hash of the key; in [`Space::Hashes`] the number that `key` spells.
    pub(crate) hash: u64,
}

/// A new version of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    pub(crate) space: Space,
    pub(crate) key: &'a [u8],
    /// The 64-bit hash of the key; in [`Space::Hashes`] the number that `key` spells.
    pub(crate) hash: u64,
    pub(crate) version: Version,
    /// When it is written: its commit, and its number in there.
    pub(crate) rank: Rank,
    /// The version before, as [`Index::resolve`](super::Index::resolve) found it. One that is missing, or out of date, costs
    /// another lookup and changes nothing.
    pub(crate) before: Option<&'a Version>,
}
