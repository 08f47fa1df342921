//! Looking at what is there: for conditions, and for operations that depend on it.
//!
//! Invariant: what compaction moves while it is looked at is found where it went.

use bytes::Bytes;

use super::Evaluation;
use crate::batch::Expect;
use crate::commit::item::ItemValue;
use crate::commit::overlay::Pending;
use crate::error::{Error, ErrorKind, Result};
use crate::format::entry::Subject;
use crate::index::{Name, Spelled, Version};
use crate::log::frame_writer::DraftSubject;
use crate::numbers::{SegmentId, Sequence, Timestamp};
use crate::value::Value;

/// An entry that is there.
#[derive(Debug)]
pub(super) struct Found<'g> {
    pub(super) at: FoundAt<'g>,
    pub(super) deadline: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) enum FoundAt<'g> {
    Index(Version),
    Group(ItemValue<'g>, Sequence),
}

impl<'g> Evaluation<'g> {
    pub(super) fn holds(&self, key: &[u8], expect: &Expect) -> Result<bool> {
        let found = self.find_key(key);
        Ok(match (expect, found) {
            (Expect::Absent, found) => found.is_none(),
            (_, None) => false,
            (Expect::Present, Some(_)) => true,
            (Expect::Unmodified(sequence), Some(found)) => self.sequence_of(key, &found)? == *sequence,
            (Expect::Value(expected), Some(found)) => self.value_is(key, &found, expected)?,
        })
    }

    /// The live entry of a key of the current keyspace.
    pub(super) fn find_key(&self, key: &[u8]) -> Option<Found<'g>> {
        let full = self.keyspace.full(key);
        self.find(self.keyspace.keys().subject(&full), self.keyspace.hash(key))
    }

    /// The live entry of a subject; `hash` is that by which the index finds it.
    pub(super) fn find(&self, subject: Subject<'_>, hash: u64) -> Option<Found<'g>> {
        if let Some(pending) = self.overlay.get(subject) {
            return match pending {
                Pending::Deleted => None,
                Pending::Live { deadline: Some(deadline), .. } if *deadline <= self.view.time => None,
                Pending::Live { value, deadline, sequence } => {
                    Some(Found { at: FoundAt::Group(value.clone(), *sequence), deadline: *deadline })
                }
            };
        }
        let mut spelled = Spelled::default();
        let (space, key) = Name::spell(subject, &mut spelled);
        let version = self.core.index.find(space, key, hash, self.view)?;
        Some(Found { at: FoundAt::Index(version), deadline: version.deadline() })
    }

    /// The live entry of a key in the published state.
    fn published(&self, key: &[u8]) -> Option<Version> {
        let full = self.keyspace.full(key);
        self.core.index.find(self.keyspace.keys(), &full, self.keyspace.hash(key), self.view)
    }

    /// Calls `read` with a version, and again with where it went if compaction has moved it since it was found.
    fn where_it_is<T>(
        &self,
        version: &Version,
        key: &[u8],
        read: impl Fn(&Version, &DraftSubject) -> Result<T>,
    ) -> Result<T> {
        let subject = self.keyspace.keys().draft_subject(&self.keyspace.full(key));
        let mut version = *version;
        loop {
            let result = read(&version, &subject);
            if result.is_ok() || self.core.segment_of(&version).is_some() {
                return result;
            }
            match self.published(key) {
                Some(moved) if moved.address != version.address => version = moved,
                _ => return result,
            }
        }
    }

    /// The value of an entry as it is to be written under another key.
    pub(super) fn value_to_move(&self, key: &[u8], at: &FoundAt<'g>) -> Result<ItemValue<'g>> {
        match at {
            FoundAt::Group(value, _) => Ok(value.clone()),
            FoundAt::Index(version) => self.where_it_is(version, key, |version, subject| {
                Ok(self.core.draft_value_at(version, subject)?.into())
            }),
        }
    }

    /// The commit that wrote an entry.
    fn sequence_of(&self, key: &[u8], found: &Found<'g>) -> Result<Sequence> {
        match &found.at {
            FoundAt::Group(_, sequence) => Ok(*sequence),
            FoundAt::Index(version) => self.where_it_is(version, key, |version, _| {
                let segment = self.core.segment_of(version);
                let sequence = self.core.sequence_of(version);
                if sequence.0 > 0 {
                    return Ok(sequence);
                }
                let path = segment.map_or_else(|| self.core.dir.clone(), |segment| segment.path.clone());
                Err(Error::damaged(&path, version.address.offset(), "the frame of an entry cannot be read"))
            }),
        }
    }

    pub(super) fn value_is(&self, key: &[u8], found: &Found<'g>, expected: &[u8]) -> Result<bool> {
        match &found.at {
            FoundAt::Group(ItemValue::External { length, .. }, _) if *length != expected.len() as u64 => {
                Ok(false)
            }
            FoundAt::Group(ItemValue::Tombstone, _) => Ok(false),
            FoundAt::Group(..) => self.with_bytes(key, found, |bytes| *bytes == *expected),
            FoundAt::Index(version) => {
                // A length that differs answers without touching a byte of the value.
                let payload = self
                    .where_it_is(version, key, |version, subject| self.core.payload_at(version, subject))?;
                if payload.length() != expected.len() as u64 {
                    return Ok(false);
                }
                Ok(*payload.value()? == *expected)
            }
        }
    }

    /// The value that a key has, if it is there.
    pub(super) fn previous(&self, key: &[u8]) -> Result<Option<Bytes>> {
        let Some(found) = self.find_key(key) else { return Ok(None) };
        if let FoundAt::Index(version) = &found.at {
            let payload =
                self.where_it_is(version, key, |version, subject| self.core.payload_at(version, subject))?;
            return Ok(Some(payload.value()?.into()));
        }
        self.with_bytes(key, &found, Bytes::copy_from_slice).map(Some)
    }

    /// What `read` makes of the value of an entry.
    pub(super) fn with_bytes<T>(
        &self,
        key: &[u8],
        found: &Found<'g>,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T> {
        Ok(match &found.at {
            FoundAt::Group(ItemValue::Given(bytes), _) => read(bytes),
            FoundAt::Group(ItemValue::Made(bytes), _) => read(bytes),
            FoundAt::Group(ItemValue::Tombstone, _) => read(&[]),
            FoundAt::Group(ItemValue::External { segment, length, checksum }, _) => {
                read(&self.external(*segment, *length, *checksum, key)?)
            }
            FoundAt::Index(version) => {
                let payload = self
                    .where_it_is(version, key, |version, subject| self.core.payload_at(version, subject))?;
                read(&payload.value()?)
            }
        })
    }

    /// A streamed value that an earlier commit of the group moved; one that the same batch puts is not listed yet.
    fn external(&self, segment: SegmentId, length: u64, checksum: u32, key: &[u8]) -> Result<Value> {
        let subject = self.keyspace.keys().draft_subject(&self.keyspace.full(key));
        let payload =
            self.core.external_payload(segment, length, checksum, None, &subject)?.ok_or_else(|| {
                let text = "a batch cannot look at the value of a stream that it puts itself";
                Error::new(ErrorKind::InvalidInput, text)
            })?;
        payload.value()
    }
}
