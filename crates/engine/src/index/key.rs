//! Keys as the index names them, and the change that brings one a new version.
//!
//! Invariant: which hash belongs to a key is the caller's business, but it must always be the same one. The index keeps
//! copies only of keys whose hash very many keys share.

use super::entries::Rank;
use super::version::Version;
use crate::format::entry::Subject;
use crate::hash::key_hash;
use crate::keyspace::Keyspace;
use crate::log::frame_writer::DraftSubject;

/// Which kind of key an entry has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Space {
    /// Ordinary keys of the store's own keyspace.
    Keys,
    /// Entries that were stored under a 64-bit key hash alone: their key is the hash as 8 big-endian bytes. They
    /// never show in ranges.
    Hashes,
    /// System entries. Of each the newest version alone counts, whatever views there are; what it replaces is dropped at once.
    System,
    /// Keys of namespaces, in their full form.
    Named,
    /// Hashes alone in namespaces: the id of the namespace and the hash, 12 big-endian bytes.
    NamedHashes,
}

impl Space {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 5] =
        [Self::Keys, Self::Hashes, Self::System, Self::Named, Self::NamedHashes];

    /// Whether views see older versions.
    #[inline]
    pub(crate) fn is_versioned(self) -> bool {
        self != Self::System
    }

    /// The hash by which a key is found.
    pub(crate) fn hash(self, key: &[u8]) -> u64 {
        // Whatever is not the spelling of a hash is no key of its space.
        let spelled = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).unwrap_or_default();
        let namespace = Keyspace::of_full(key);
        match self {
            Self::Keys => key_hash(key),
            Self::Hashes => spelled(key),
            Self::System => Keyspace::SYSTEM.hash(key),
            Self::Named => namespace.hash(namespace.strip(key)),
            Self::NamedHashes => namespace.mixed(spelled(namespace.strip(key))),
        }
    }

    /// Which keyspace a key is in.
    pub(crate) fn keyspace(self, key: &[u8]) -> Keyspace {
        match self {
            Self::Keys | Self::Hashes => Keyspace::OWN,
            Self::System => Keyspace::SYSTEM,
            Self::Named | Self::NamedHashes => Keyspace::of_full(key),
        }
    }

    /// What an entry of this space is stored under.
    pub(crate) fn subject(self, key: &[u8]) -> Subject<'_> {
        match self {
            Self::Keys => Subject::Key(key),
            Self::Hashes => Subject::Hash(self.hash(key)),
            Self::System => Subject::System(key),
            Self::Named => Subject::Named(key),
            Self::NamedHashes => {
                let namespace = Keyspace::of_full(key);
                Subject::NamedHash(namespace, namespace.mixed(self.hash(key)))
            }
        }
    }

    /// The same, owned.
    pub(crate) fn draft_subject(self, key: &[u8]) -> DraftSubject {
        DraftSubject::from(self.subject(key))
    }
}

impl Keyspace {
    /// Where its keys are.
    #[inline]
    pub(crate) fn keys(self) -> Space {
        if self.is_own() { Space::Keys } else { Space::Named }
    }

    /// Where its entries without keys are.
    pub(crate) fn hashes(self) -> Space {
        if self.is_own() { Space::Hashes } else { Space::NamedHashes }
    }

    /// What the index calls an entry stored under a hash alone.
    pub(crate) fn spell(self, hash: u64) -> Vec<u8> {
        self.full(&hash.to_be_bytes()).into_owned()
    }
}

/// A key as it is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    pub(crate) space: Space,
    pub(crate) key: &'a [u8],
    /// The hash by which it is found: see [`Space::hash`].
    pub(crate) hash: u64,
}

/// Room for the spelling of a hash.
pub(crate) type Spelled = [u8; 12];

impl<'a> Name<'a> {
    /// What the index calls an entry; a hash is spelled in `spelled`.
    pub(crate) fn of(subject: Subject<'a>, spelled: &'a mut Spelled) -> Self {
        let (space, key) = Self::spell(subject, spelled);
        Self { space, key, hash: space.hash(key) }
    }

    /// The same without the hash.
    pub(crate) fn spell(subject: Subject<'a>, spelled: &'a mut Spelled) -> (Space, &'a [u8]) {
        match subject {
            Subject::Key(key) => (Space::Keys, key),
            Subject::Hash(hash) => {
                spelled[..8].copy_from_slice(&hash.to_be_bytes());
                (Space::Hashes, &spelled[..8])
            }
            Subject::System(key) => (Space::System, key),
            Subject::Named(full) => (Space::Named, full),
            Subject::NamedHash(namespace, hash) => {
                spelled[..4].copy_from_slice(&namespace.number().to_be_bytes());
                spelled[4..].copy_from_slice(&hash.to_be_bytes());
                (Space::NamedHashes, spelled)
            }
        }
    }
}

/// A new version of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    pub(crate) space: Space,
    pub(crate) key: &'a [u8],
    /// The hash by which it is found: see [`Space::hash`].
    pub(crate) hash: u64,
    pub(crate) version: Version,
    /// When it is written: its commit, and its number in there; in [`Space::System`] its frame instead of the commit.
    pub(crate) rank: Rank,
    /// The version before, as [`Index::resolve`](super::Index::resolve) found it. One that is missing, or out of date, costs
    /// another lookup and changes nothing.
    pub(crate) before: Option<&'a Version>,
}
