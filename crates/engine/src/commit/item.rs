//! An entry that a commit is going to write: what evaluation hands to the log and to the index.
//!
//! Keys and values stay where the batch has them; only what is made while the commit is evaluated is owned here.

use std::borrow::Cow;

use bytes::Bytes;

use crate::format::entry::{Lineage, Subject};
use crate::index::{Name, Space, Spelled, VersionKind};
use crate::keyspace::Keyspace;
use crate::log::frame_writer::{DraftValue, FrameEntry, FrameValue, PayloadBytes};
use crate::numbers::{SegmentId, Timestamp};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Item<'g> {
    pub(crate) key: ItemKey<'g>,
    pub(crate) hash: u64,
    pub(crate) value: ItemValue<'g>,
    pub(crate) deadline: Option<Timestamp>,
}

/// What an item is stored under.
#[derive(Clone, Debug)]
pub(crate) enum ItemKey<'g> {
    Key(&'g [u8]),
    /// A key that was found in the store, or one of a namespace in its full form.
    Found(Space, Bytes),
    /// A hash alone: the item's hash as 8 big-endian bytes, as the index names it.
    Hash([u8; 8]),
    /// The same in a namespace, with its number before it.
    NamedHash([u8; 12]),
    /// The key of a system entry.
    System(&'g [u8]),
    /// One that the store makes itself.
    OwnSystem(Vec<u8>),
}

/// The value of an item.
#[derive(Clone, Debug)]
pub(crate) enum ItemValue<'g> {
    Tombstone,
    Given(&'g [u8]),
    Made(PayloadBytes),
    External { segment: SegmentId, length: u64, checksum: u32 },
}

impl Item<'_> {
    /// What is written into the log.
    #[inline]
    pub(crate) fn entry(&self) -> FrameEntry<'_> {
        let subject = match &self.key {
            ItemKey::Key(key) => Subject::Key(key),
            ItemKey::Found(space, key) => space.subject(key),
            ItemKey::Hash(_) => Subject::Hash(self.hash),
            ItemKey::NamedHash(spelled) => Space::NamedHashes.subject(spelled),
            ItemKey::System(key) => Subject::System(key),
            ItemKey::OwnSystem(key) => Subject::System(key),
        };
        let value = match &self.value {
            ItemValue::Tombstone => FrameValue::Tombstone,
            ItemValue::Given(bytes) => FrameValue::Inline(bytes),
            ItemValue::Made(bytes) => FrameValue::Inline(bytes),
            ItemValue::External { segment, length, checksum } => {
                FrameValue::External { segment: *segment, length: *length, checksum: *checksum }
            }
        };
        FrameEntry { subject, value, deadline: self.deadline, moved: None, lineage: None }
    }

    /// The same, saying which version of its key it is.
    #[inline]
    pub(crate) fn entry_with(&self, lineage: Option<Lineage>) -> FrameEntry<'_> {
        FrameEntry { lineage, ..self.entry() }
    }

    /// What the index knows it by.
    #[inline]
    pub(crate) fn name(&self) -> Name<'_> {
        let (space, key): (_, &[u8]) = match &self.key {
            ItemKey::Key(key) => (Space::Keys, key),
            ItemKey::Found(space, key) => (*space, key),
            ItemKey::Hash(key) => (Space::Hashes, key),
            ItemKey::NamedHash(spelled) => (Space::NamedHashes, spelled),
            ItemKey::System(key) => (Space::System, key),
            ItemKey::OwnSystem(key) => (Space::System, key),
        };
        Name { space, key, hash: self.hash }
    }

    /// What it does to its key.
    pub(crate) fn kind(&self) -> VersionKind {
        match self.value {
            ItemValue::Tombstone => VersionKind::Tombstone,
            _ => VersionKind::Value { deadline: self.deadline },
        }
    }
}

impl<'g> ItemKey<'g> {
    /// A hash alone.
    pub(crate) fn hash(keyspace: Keyspace, hash: u64) -> Self {
        if keyspace.is_own() {
            return Self::Hash(hash.to_be_bytes());
        }
        let mut spelled = Spelled::default();
        Name::spell(Subject::NamedHash(keyspace, hash), &mut spelled);
        Self::NamedHash(spelled)
    }

    /// A key of the batch.
    pub(crate) fn given(keyspace: Keyspace, key: &'g [u8]) -> Self {
        match keyspace.full(key) {
            Cow::Borrowed(key) => Self::Key(key),
            Cow::Owned(full) => Self::Found(Space::Named, full.into()),
        }
    }

    pub(crate) fn is_system(&self) -> bool {
        matches!(self, Self::System(_) | Self::OwnSystem(_))
    }
}

impl From<DraftValue> for ItemValue<'_> {
    fn from(value: DraftValue) -> Self {
        match value {
            DraftValue::Tombstone => Self::Tombstone,
            DraftValue::Inline(bytes) => Self::Made(bytes),
            DraftValue::External { segment, length, checksum } => {
                Self::External { segment, length, checksum }
            }
        }
    }
}
