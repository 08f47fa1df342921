//! From a batch to the entries of its frame: conditions judged, operations resolved against what is there.
//!
//! "There" is the published state plus the earlier commits of the group, at one store time for the group.

use bytes::Bytes;

use super::overlay::{Overlay, Pending};
use crate::batch::{Batch, Condition, Expect, Expiry, Operation, Payload, PayloadSource};
use crate::error::{Error, ErrorKind, Result, escape_key};
use crate::hash::key_hash;
use crate::index::{Space, Version, View};
use crate::log::frame_writer::{Draft, DraftSubject, DraftValue, PayloadBytes};
use crate::numbers::{SegmentId, Sequence, Timestamp};
use crate::options::{BATCH_BYTES_MAX, BATCH_OPERATIONS_MAX};
use crate::store::core::Core;
use crate::stream::StagedStream;
use crate::value::Value;

/// The evaluation of one group.
#[derive(Debug)]
pub(crate) struct Evaluation<'a> {
    core: &'a Core,
    /// The published state, at the group's time.
    view: View,
    overlay: Overlay,
    /// Whether some commit of the group looks at what is there, so that the overlay is needed.
    looks: bool,
    /// Whether some commit limits the number of keys, so that additions are counted.
    counts: bool,
    /// How many keys the group has added and taken away so far.
    added: i64,
    /// The last sequence given away.
    last_sequence: Sequence,
    streams: Vec<StagedStream>,
}

/// What a batch came to.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) applied: bool,
    /// `None`: nothing is written.
    pub(crate) sequence: Option<Sequence>,
    pub(crate) entries: Vec<Draft>,
    /// The key hash of each entry.
    pub(crate) hashes: Vec<u64>,
    /// Bytes of their keys and of their values in the frame.
    pub(crate) bytes: u64,
    pub(crate) deleted: u64,
    pub(crate) counter: Option<i64>,
}

/// An entry that is there.
#[derive(Debug)]
struct Found {
    at: FoundAt,
    deadline: Option<Timestamp>,
}

#[derive(Debug)]
enum FoundAt {
    Index(Version),
    Group(DraftValue, Sequence),
}

/// Refuses a commit that has grown beyond what a frame may hold: a rename has two entries, and one of them may be any value that is
/// there; a delete by hash has as many as there are keys with it.
fn check_entries(plan: &Plan, batch: &Batch) -> Result<()> {
    let beyond = |what: &str, actual: u64, limit: u64| {
        let text = format!("{what} is {actual} or more, and the limit is {limit}; nothing was written");
        Err(Error::new(ErrorKind::InvalidInput, text))
    };
    if plan.entries.len() > BATCH_OPERATIONS_MAX {
        return beyond(
            "the number of entries that the batch writes",
            plan.entries.len() as u64,
            BATCH_OPERATIONS_MAX as u64,
        );
    }
    // One value of the greatest length is allowed, whatever its key's length is.
    if batch.operations.len() > 1 && plan.bytes > BATCH_BYTES_MAX {
        return beyond("the length in bytes of what the batch writes", plan.bytes, BATCH_BYTES_MAX);
    }
    Ok(())
}

impl<'a> Evaluation<'a> {
    /// An evaluation of `batches` against the published state at `time`.
    pub(crate) fn new<'b>(
        core: &'a Core,
        time: Timestamp,
        last_sequence: Sequence,
        batches: impl Iterator<Item = &'b Batch> + Clone,
    ) -> Self {
        let blind =
            |operation: &Operation| matches!(operation, Operation::Put { .. } | Operation::PutHash { .. });
        Self {
            core,
            view: View { time, ..core.view() },
            overlay: Overlay::default(),
            looks: batches
                .clone()
                .any(|b| !b.conditions.is_empty() || b.keys_max.is_some() || !b.operations.iter().all(blind)),
            counts: batches.clone().any(|b| b.keys_max.is_some()),
            added: 0,
            last_sequence,
            streams: Vec::new(),
        }
    }

    /// The staged streams that the group's commits refer to.
    pub(crate) fn into_streams(self) -> Vec<StagedStream> {
        self.streams
    }

    /// Turns one batch into a plan; an error, or a condition that does not hold, leaves no trace.
    pub(crate) fn plan(&mut self, batch: &Batch) -> Result<Plan> {
        let added = self.added;
        let streams = self.streams.len();
        let planned = self.try_plan(batch);
        match &planned {
            Ok(plan) if plan.sequence.is_some() => {
                self.overlay.keep();
                self.last_sequence = self.last_sequence.next();
            }
            _ => {
                self.overlay.take_back();
                self.added = added;
                self.streams.truncate(streams);
            }
        }
        planned
    }

    fn try_plan(&mut self, batch: &Batch) -> Result<Plan> {
        for condition in &batch.conditions {
            if !self.holds(condition)? {
                return Ok(Plan::default());
            }
        }
        let before = self.added;
        let mut plan = Plan { applied: true, ..Plan::default() };
        for operation in &batch.operations {
            self.operate(operation, &mut plan)?;
            check_entries(&plan, batch)?;
        }
        if let Some(limit) = batch.keys_max
            && self.added > before
        {
            let keys = self.core.len_at(self.view.time).saturating_add_signed(self.added);
            if keys > limit {
                return Err(Error::new(
                    ErrorKind::LimitExceeded,
                    format!(
                        "the store would have {keys} keys, and the limit is {limit}; nothing was written"
                    ),
                ));
            }
        }
        if !plan.entries.is_empty() || batch.always {
            plan.sequence = Some(self.last_sequence.next());
        }
        Ok(plan)
    }

    fn holds(&self, condition: &Condition) -> Result<bool> {
        let subject = DraftSubject::Key(condition.key.clone());
        let found = self.find(&subject, key_hash(&condition.key));
        Ok(match (&condition.expect, found) {
            (Expect::Absent, found) => found.is_none(),
            (_, None) => false,
            (Expect::Present, Some(_)) => true,
            (Expect::Unmodified(sequence), Some(found)) => self.sequence_of(&subject, &found)? == *sequence,
            (Expect::Value(expected), Some(found)) => self.value_is(&subject, &found, expected)?,
        })
    }

    fn operate(&mut self, operation: &Operation, plan: &mut Plan) -> Result<()> {
        match operation {
            Operation::Put { key, payload, expiry } => {
                let value = self.draft_value(payload)?;
                self.add(plan, DraftSubject::Key(key.clone()), key_hash(key), value, self.deadline(*expiry));
            }
            Operation::PutHash { hash, payload } => {
                let value = self.draft_value(payload)?;
                self.add(plan, DraftSubject::Hash(*hash), *hash, value, None);
            }
            Operation::Delete { key } => {
                self.delete(plan, DraftSubject::Key(key.clone()), key_hash(key));
            }
            Operation::DeleteAny { key } => {
                let hash = key_hash(key);
                self.delete(plan, DraftSubject::Key(key.clone()), hash);
                self.delete(plan, DraftSubject::Hash(hash), hash);
            }
            Operation::DeleteHash { hash } => {
                let held =
                    self.core.index.all_with_hash(*hash, self.view).into_iter().map(
                        |(space, key)| match space {
                            Space::Keys => DraftSubject::Key(Bytes::copy_from_slice(&key)),
                            Space::Hashes => DraftSubject::Hash(*hash),
                        },
                    );
                let subjects: Vec<_> = held.chain(self.overlay.with_hash(*hash).iter().cloned()).collect();
                for subject in subjects {
                    self.delete(plan, subject, *hash);
                }
            }
            Operation::Rename { from, to } => self.rename(plan, from, to)?,
            Operation::Increment { key, delta } => self.increment(plan, key, *delta)?,
        }
        Ok(())
    }

    fn rename(&mut self, plan: &mut Plan, from: &Bytes, to: &Bytes) -> Result<()> {
        if from == to {
            let text = format!("cannot rename {} to itself", escape_key(from));
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let source = DraftSubject::Key(from.clone());
        let hash = key_hash(from);
        let Some(found) = self.find(&source, hash) else {
            let text = format!("cannot rename {}: there is no such key", escape_key(from));
            return Err(Error::new(ErrorKind::KeyNotFound, text));
        };
        let value = self.value_to_move(&source, &found.at)?;
        self.add(plan, DraftSubject::Key(to.clone()), key_hash(to), value, found.deadline);
        self.add(plan, source, hash, DraftValue::Tombstone, None);
        Ok(())
    }

    /// The value of an entry as it is to be written under another key.
    fn value_to_move(&self, subject: &DraftSubject, at: &FoundAt) -> Result<DraftValue> {
        match at {
            FoundAt::Group(value, _) => Ok(value.clone()),
            FoundAt::Index(version) => {
                self.where_it_is(version, subject, |version| self.core.draft_value_at(version, subject))
            }
        }
    }

    fn increment(&mut self, plan: &mut Plan, key: &Bytes, delta: i64) -> Result<()> {
        let subject = DraftSubject::Key(key.clone());
        let hash = key_hash(key);
        let current = match self.find(&subject, hash) {
            None => 0,
            Some(found) => {
                let bytes = self.bytes_of(&subject, &found)?;
                parse_counter(&bytes).ok_or_else(|| {
                    let text =
                        format!("invalid number: the value of {} is {}", escape_key(key), escape_key(&bytes));
                    Error::new(ErrorKind::WrongType, text)
                })?
            }
        };
        let counter = current.saturating_add(delta);
        let value = DraftValue::Inline(PayloadBytes::Owned(counter.to_string().into()));
        self.add(plan, subject, hash, value, None);
        plan.counter = Some(counter);
        Ok(())
    }

    fn delete(&mut self, plan: &mut Plan, subject: DraftSubject, hash: u64) {
        if self.find(&subject, hash).is_some() {
            self.add(plan, subject, hash, DraftValue::Tombstone, None);
            plan.deleted += 1;
        }
    }

    fn add(
        &mut self,
        plan: &mut Plan,
        subject: DraftSubject,
        hash: u64,
        value: DraftValue,
        deadline: Option<Timestamp>,
    ) {
        if self.counts {
            let was_there = i64::from(self.find(&subject, hash).is_some());
            let is_there = i64::from(!matches!(value, DraftValue::Tombstone));
            self.added += is_there - was_there;
        }
        let draft = Draft { subject, value, deadline, moved: None };
        if self.looks {
            self.overlay.record(&draft, hash, self.last_sequence.next());
        }
        plan.bytes += draft.content_bytes();
        plan.entries.push(draft);
        plan.hashes.push(hash);
    }

    /// The live entry of a subject.
    fn find(&self, subject: &DraftSubject, hash: u64) -> Option<Found> {
        if let Some(pending) = self.overlay.get(subject) {
            return match pending {
                Pending::Deleted => None,
                Pending::Live { deadline: Some(deadline), .. } if *deadline <= self.view.time => None,
                Pending::Live { value, deadline, sequence } => {
                    Some(Found { at: FoundAt::Group(value.clone(), *sequence), deadline: *deadline })
                }
            };
        }
        let version = self.published(subject, hash)?;
        Some(Found { at: FoundAt::Index(version), deadline: version.deadline() })
    }

    /// The live entry of a subject in the published state.
    fn published(&self, subject: &DraftSubject, hash: u64) -> Option<Version> {
        match subject {
            DraftSubject::Key(key) => self.core.index.get(key, hash, self.view),
            DraftSubject::Hash(_) => self.core.index.get_hash_only(hash, self.view),
        }
    }

    /// Calls `read` with a version, and again with where it went if compaction has moved it since it was found.
    fn where_it_is<T>(
        &self,
        version: &Version,
        subject: &DraftSubject,
        read: impl Fn(&Version) -> Result<T>,
    ) -> Result<T> {
        let hash = match subject {
            DraftSubject::Key(key) => key_hash(key),
            DraftSubject::Hash(hash) => *hash,
        };
        let mut version = *version;
        loop {
            let result = read(&version);
            if result.is_ok() || self.core.segment_of(&version).is_some() {
                return result;
            }
            match self.published(subject, hash) {
                Some(moved) if moved.address != version.address => version = moved,
                _ => return result,
            }
        }
    }

    /// The commit that wrote an entry.
    fn sequence_of(&self, subject: &DraftSubject, found: &Found) -> Result<Sequence> {
        match &found.at {
            FoundAt::Group(_, sequence) => Ok(*sequence),
            FoundAt::Index(version) => self.where_it_is(version, subject, |version| {
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

    fn value_is(&self, subject: &DraftSubject, found: &Found, expected: &[u8]) -> Result<bool> {
        match &found.at {
            FoundAt::Group(DraftValue::Inline(bytes), _) => Ok(**bytes == *expected),
            FoundAt::Group(DraftValue::Tombstone, _) => Ok(false),
            FoundAt::Group(DraftValue::External { segment, length, checksum }, _) => {
                let same_length = *length == expected.len() as u64;
                Ok(same_length && *self.external(*segment, *length, *checksum, subject)? == *expected)
            }
            FoundAt::Index(version) => {
                // A length that differs answers without touching a byte of the value.
                let payload =
                    self.where_it_is(version, subject, |version| self.core.payload_at(version, subject))?;
                if payload.length() != expected.len() as u64 {
                    return Ok(false);
                }
                Ok(*payload.value()? == *expected)
            }
        }
    }

    fn bytes_of(&self, subject: &DraftSubject, found: &Found) -> Result<PayloadBytes> {
        match &found.at {
            FoundAt::Group(DraftValue::Inline(bytes), _) => Ok(bytes.clone()),
            FoundAt::Group(DraftValue::Tombstone, _) => Ok(PayloadBytes::Owned(Bytes::new())),
            FoundAt::Group(DraftValue::External { segment, length, checksum }, _) => {
                Ok(PayloadBytes::Mapped(self.external(*segment, *length, *checksum, subject)?))
            }
            FoundAt::Index(version) => {
                let payload =
                    self.where_it_is(version, subject, |version| self.core.payload_at(version, subject))?;
                Ok(PayloadBytes::Mapped(payload.value()?))
            }
        }
    }

    /// A streamed value that an earlier commit of the group moved; one that the same batch puts is not listed yet.
    fn external(
        &self,
        segment: SegmentId,
        length: u64,
        checksum: u32,
        subject: &DraftSubject,
    ) -> Result<Value> {
        let payload =
            self.core.external_payload(segment, length, checksum, None, subject)?.ok_or_else(|| {
                let text = "a batch cannot look at the value of a stream that it puts itself";
                Error::new(ErrorKind::InvalidInput, text)
            })?;
        payload.value()
    }

    fn draft_value(&mut self, payload: &Payload) -> Result<DraftValue> {
        Ok(match &payload.0 {
            PayloadSource::Bytes(bytes) => DraftValue::Inline(PayloadBytes::Owned(bytes.clone())),
            PayloadSource::Value(value) => DraftValue::Inline(PayloadBytes::Mapped(value.clone())),
            PayloadSource::Stream(stream) => {
                if !stream.belongs_to(&self.core.catalog) {
                    return Err(Error::new(
                        ErrorKind::InvalidInput,
                        "a staged stream can be put only into the store that it was written to, until that is closed"
                            .to_owned(),
                    ));
                }
                self.streams.push(stream.clone());
                let record = stream.record();
                DraftValue::External {
                    segment: record.id,
                    length: record.payload_length,
                    checksum: record.payload_checksum,
                }
            }
        })
    }

    fn deadline(&self, expiry: Expiry) -> Option<Timestamp> {
        match expiry {
            Expiry::Never => None,
            Expiry::At(deadline) => Some(deadline),
            Expiry::After(duration) => {
                let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
                Some(Timestamp(self.view.time.0.saturating_add(ns)))
            }
        }
    }
}

/// A decimal number as [`Batch::increment`] reads it.
fn parse_counter(bytes: &[u8]) -> Option<i64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
#[path = "evaluate_tests.rs"]
mod tests;
