//! Keys as the index names them, and the change that brings one a new version.
//!
//! Invariant: which hash belongs to a key is the caller's business, but it must always be the same one. The index keeps
//! copies only of keys whose hash very many keys share.

use super::entries::Rank;
use super::version::Version;
use crate::format::entry::Subject;
use crate::hash::key_hash;

/// Mixed into the hashes of system keys, so that these do not compete with the same keys of the user's for one place.
const SYSTEM_MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Which kind of key an entry has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Space {
    /// Ordinary keys.
    Keys,
    /// Entries that were stored under a 64-bit key hash alone: their key is the hash as 8 big-endian bytes. They
    /// never show in ranges.
    Hashes,
    /// System entries. Of each the newest version alone counts, whatever views there are; what it replaces is dropped at once.
    System,
}

impl Space {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 3] = [Self::Keys, Self::Hashes, Self::System];

    /// Whether views see older versions.
    #[inline]
    pub(crate) fn is_versioned(self) -> bool {
        self != Self::System
    }

    /// The hash by which a key is found.
    pub(crate) fn hash(self, key: &[u8]) -> u64 {
        match self {
            Self::Keys => key_hash(key),
            // Whatever is not the spelling of a hash is no key of this space.
            Self::Hashes => key.try_into().map(u64::from_be_bytes).unwrap_or_default(),
            Self::System => key_hash(key) ^ SYSTEM_MIX,
        }
    }
}

/// A key as it is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    pub(crate) space: Space,
    pub(crate) key: &'a [u8],
    /// The 64-bit hash of the key; in [`Space::Hashes`] the number that `key` spells.
    pub(crate) hash: u64,
}

impl<'a> Name<'a> {
    /// What the index calls an entry; a hash is spelled in `spelled`.
    pub(crate) fn of(subject: Subject<'a>, spelled: &'a mut [u8; 8]) -> Self {
        let (space, key): (_, &[u8]) = match subject {
            Subject::Key(key) => (Space::Keys, key),
            Subject::Hash(hash) => {
                *spelled = hash.to_be_bytes();
                (Space::Hashes, spelled)
            }
            Subject::System(key) => (Space::System, key),
        };
        Self { space, key, hash: space.hash(key) }
    }
}

/// A new version of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    pub(crate) space: Space,
    pub(crate) key: &'a [u8],
    /// The 64-bit hash of the key; in [`Space::Hashes`] the number that `key` spells.
    pub(crate) hash: u64,
    pub(crate) version: Version,
    /// When it is written: its commit, and its number in there; in [`Space::System`] its frame instead of the commit.
    pub(crate) rank: Rank,
    /// The version before, as [`Index::resolve`](super::Index::resolve) found it. One that is missing, or out of date, costs
    /// another lookup and changes nothing.
    pub(crate) before: Option<&'a Version>,
}
