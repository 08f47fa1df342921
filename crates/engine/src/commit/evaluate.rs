//! From a batch to the entries of its frame: conditions judged, operations resolved against what is there.
//!
//! "There" is the published state plus the earlier commits of the group, at the store time of the commit: that of the group, unless
//! commits bring their own. How it is looked at is in `look`.

mod keyspaces;
mod look;
mod ranges;
mod system;

use std::collections::HashMap;

use bytes::Bytes;

use super::item::{Item, ItemKey, ItemValue};
use super::overlay::{Overlay, Owner};
use crate::batch::{Batch, Content, Contents, Expiry, Held, Operation, Span};
use crate::error::{Error, ErrorKind, Result, escape_key};
use crate::hash::key_hash;
use crate::index::{Name, View};
use crate::keyspace::Keyspace;
use crate::log::frame_writer::PayloadBytes;
use crate::numbers::{Sequence, Timestamp};
use crate::options::{BATCH_BYTES_MAX, BATCH_OPERATIONS_MAX};
use crate::store::core::Core;
use crate::stream::StagedStream;

/// The evaluation of one group.
#[derive(Debug)]
pub(crate) struct Evaluation<'g> {
    core: &'g Core,
    /// The published state, at the time of the commit being evaluated.
    view: View,
    /// The time of the last commit of the group; no later one takes place before it.
    time: Timestamp,
    overlay: Overlay<'g>,
    /// Whether some commit of the group looks at what is there, so that the overlay is needed.
    looks: bool,
    /// Whether some commit limits the number of keys, so that additions are counted.
    counts: bool,
    /// How many keys the group has added to each keyspace and taken away so far.
    added: HashMap<Keyspace, i64>,
    /// The last sequence given away.
    last_sequence: Sequence,
    streams: Vec<StagedStream>,
    /// The keyspace that what is judged now is about.
    keyspace: Keyspace,
    /// Namespaces that the group has dropped.
    dropped: Vec<Keyspace>,
}

/// What a batch came to.
#[derive(Debug, Default)]
pub(crate) struct Plan<'g> {
    pub(crate) applied: bool,
    /// When it takes place.
    pub(crate) time: Timestamp,
    /// `None`: nothing of the user's is written.
    pub(crate) sequence: Option<Sequence>,
    pub(crate) items: Vec<Item<'g>>,
    /// Bytes of their keys and of their values in the frame.
    pub(crate) bytes: u64,
    /// Most bytes that they take in the frame.
    pub(crate) bytes_max: u64,
    pub(crate) deleted: u64,
    pub(crate) counter: Option<i64>,
    /// Namespaces that it drops, with the system entries that registered their names.
    pub(crate) dropped: Vec<(Keyspace, Vec<u8>)>,
    pub(crate) renewed: u64,
    pub(crate) previous: Vec<Option<Bytes>>,
}

impl<'g> Plan<'g> {
    #[inline]
    fn take(&mut self, item: Item<'g>, alignment: u64) {
        let entry = item.entry();
        self.bytes += entry.content_bytes();
        self.bytes_max += entry.bytes_max(alignment);
        self.items.push(item);
    }

    /// Whether it goes into the log: with a sequence, or as system entries alone.
    pub(crate) fn is_written(&self) -> bool {
        self.sequence.is_some() || !self.items.is_empty()
    }
}

/// Refuses a commit that has grown beyond what a frame may hold: a rename has two entries, and one of them may be any value that is
/// there; a delete by hash has as many as there are keys with it.
fn check_entries(plan: &Plan<'_>, batch: &Batch) -> Result<()> {
    let beyond = |what: &str, actual: u64, limit: u64| {
        let text = format!("{what} is {actual} or more, and the limit is {limit}; nothing was written");
        Err(Error::new(ErrorKind::InvalidInput, text))
    };
    if plan.items.len() > BATCH_OPERATIONS_MAX {
        return beyond(
            "the number of entries that the batch writes",
            plan.items.len() as u64,
            BATCH_OPERATIONS_MAX as u64,
        );
    }
    // One value of the greatest length is allowed, whatever its key's length is.
    if batch.contents.entries() > 1 && plan.bytes > BATCH_BYTES_MAX {
        return beyond("the length in bytes of what the batch writes", plan.bytes, BATCH_BYTES_MAX);
    }
    Ok(())
}

impl<'g> Evaluation<'g> {
    /// An evaluation of `batches` against the published state at `time`.
    pub(crate) fn new(
        core: &'g Core,
        time: Timestamp,
        last_sequence: Sequence,
        batches: impl Iterator<Item = &'g Batch> + Clone,
    ) -> Self {
        let counts = batches.clone().any(|batch| batch.keys_max.is_some());
        Self {
            core,
            view: View { time, ..core.view() },
            time,
            overlay: Overlay::default(),
            looks: counts || batches.clone().any(|batch| batch.contents.summary.looks),
            counts,
            added: HashMap::new(),
            last_sequence,
            streams: Vec::new(),
            keyspace: Keyspace::OWN,
            dropped: Vec::new(),
        }
    }

    /// The staged streams that the group's commits refer to.
    pub(crate) fn into_streams(self) -> Vec<StagedStream> {
        self.streams
    }

    /// Turns one batch into a plan; an error, or a condition that does not hold, leaves no trace.
    pub(crate) fn plan(&mut self, batch: &'g Batch) -> Result<Plan<'g>> {
        let added = self.added.clone();
        let dropped = self.dropped.len();
        let streams = self.streams.len();
        self.view.time = self.time.max(batch.at.unwrap_or_default());
        let planned = self.try_plan(batch);
        match &planned {
            Ok(plan) if plan.is_written() => {
                self.overlay.keep();
                self.last_sequence = plan.sequence.unwrap_or(self.last_sequence);
                self.time = plan.time;
            }
            _ => {
                self.overlay.take_back();
                self.added = added;
                self.streams.truncate(streams);
                self.dropped.truncate(dropped);
            }
        }
        planned
    }

    fn try_plan(&mut self, batch: &'g Batch) -> Result<Plan<'g>> {
        let contents = &batch.contents;
        for condition in &contents.conditions {
            self.enter(batch, condition.within, &[])?;
            if !self.holds(contents.bytes(condition.key), &condition.expect)? {
                return Ok(Plan::default());
            }
        }
        self.enter(batch, None, &[])?;
        if batch.reads.as_ref().is_some_and(|reads| !self.is_unchanged(reads)) {
            return Ok(Plan::default());
        }
        let before = self.added_to(batch.keyspace);
        let mut plan = Plan { applied: true, time: self.view.time, ..Plan::default() };
        plan.items.reserve_exact(contents.operations.len());
        for operation in &contents.operations {
            if let Operation::Within(within) = operation {
                self.enter(batch, Some(*within), &plan.dropped)?;
                continue;
            }
            // It may be the keyspace of the handle, or was entered before it was dropped. A drop is about a name, wherever the batch is.
            if !matches!(operation, Operation::DropNamespace { .. }) {
                self.check_undropped(&plan.dropped)?;
            }
            if batch.previous
                && let Operation::Put { key, .. } | Operation::Delete { key } = operation
            {
                plan.previous.push(self.previous(contents.bytes(*key))?);
            }
            self.operate(contents, operation, &mut plan)?;
            check_entries(&plan, batch)?;
        }
        if let Some(limit) = batch.keys_max
            && self.added_to(batch.keyspace) > before
        {
            let held = self.core.len_in(batch.keyspace, self.view);
            let keys = held.saturating_add_signed(self.added_to(batch.keyspace));
            if keys > limit {
                return Err(Error::new(
                    ErrorKind::LimitExceeded,
                    format!(
                        "the keyspace would have {keys} keys, and the limit is {limit}; nothing was written"
                    ),
                ));
            }
        }
        if !plan.items.is_empty() || !plan.dropped.is_empty() || batch.always {
            plan.sequence = Some(self.last_sequence.next());
        }
        self.plan_system(batch, &mut plan)?;
        Ok(plan)
    }

    fn operate(
        &mut self,
        contents: &'g Contents,
        operation: &'g Operation,
        plan: &mut Plan<'g>,
    ) -> Result<()> {
        let key = |span: Span| contents.bytes(span);
        match operation {
            Operation::Put { key: span, value, expiry } => {
                let (key, value) = (key(*span), self.value(contents, value)?);
                let deadline = self.deadline(*expiry);
                self.add(plan, self.item(key, value, deadline));
            }
            Operation::PutHash { hash, value } => {
                let value = self.value(contents, value)?;
                let key = ItemKey::hash(self.keyspace, *hash);
                self.add(plan, Item { key, hash: self.keyspace.mixed(*hash), value, deadline: None });
            }
            Operation::Delete { key: span } => {
                let key = key(*span);
                self.delete(plan, ItemKey::given(self.keyspace, key), self.keyspace.hash(key));
            }
            Operation::DeleteAny { key: span } => {
                let key = key(*span);
                let hash = self.keyspace.hash(key);
                self.delete(plan, ItemKey::given(self.keyspace, key), hash);
                self.delete(plan, ItemKey::hash(self.keyspace, key_hash(key)), hash);
            }
            Operation::DeleteHash { hash } => self.delete_all(plan, *hash),
            Operation::Rename { from, to } => self.rename(plan, key(*from), key(*to))?,
            Operation::Increment { key: span, delta } => self.increment(plan, key(*span), *delta)?,
            Operation::DeleteRange { lower, upper } => {
                self.delete_range(plan, (lower.map(key), upper.map(key)))?;
            }
            Operation::SetExpiry { key: span, expiry } => self.set_expiry(plan, key(*span), *expiry)?,
            Operation::Within(within) => self.keyspace = within.keyspace,
            Operation::DropNamespace { name } => self.drop_namespace(plan, key(*name))?,
        }
        Ok(())
    }

    /// An item under a key of the current keyspace.
    #[inline]
    fn item(&self, key: &'g [u8], value: ItemValue<'g>, deadline: Option<Timestamp>) -> Item<'g> {
        Item { key: ItemKey::given(self.keyspace, key), hash: self.keyspace.hash(key), value, deadline }
    }

    fn rename(&mut self, plan: &mut Plan<'g>, from: &'g [u8], to: &'g [u8]) -> Result<()> {
        if from == to {
            let text = format!("cannot rename {} to itself", escape_key(from));
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let Some(found) = self.find_key(from) else {
            let text = format!("cannot rename {}: there is no such key", escape_key(from));
            return Err(Error::new(ErrorKind::KeyNotFound, text));
        };
        let value = self.value_to_move(from, &found.at)?;
        let deadline = found.deadline;
        self.add(plan, self.item(to, value, deadline));
        self.add(plan, self.item(from, ItemValue::Tombstone, None));
        Ok(())
    }

    fn set_expiry(&mut self, plan: &mut Plan<'g>, key: &'g [u8], expiry: Expiry) -> Result<()> {
        let Some(found) = self.find_key(key) else { return Ok(()) };
        let value = self.value_to_move(key, &found.at)?;
        let deadline = self.deadline(expiry);
        self.add(plan, self.item(key, value, deadline));
        plan.renewed += 1;
        Ok(())
    }

    fn increment(&mut self, plan: &mut Plan<'g>, key: &'g [u8], delta: i64) -> Result<()> {
        let current = match self.find_key(key) {
            None => 0,
            Some(found) => {
                let parse = |bytes: &[u8]| {
                    parse_counter(bytes).ok_or_else(|| {
                        let text = format!(
                            "invalid number: the value of {} is {}",
                            escape_key(key),
                            escape_key(bytes)
                        );
                        Error::new(ErrorKind::WrongType, text)
                    })
                };
                self.with_bytes(key, &found, parse)??
            }
        };
        let counter = current.saturating_add(delta);
        let value = ItemValue::Made(PayloadBytes::Owned(counter.to_string().into()));
        self.add(plan, self.item(key, value, None));
        plan.counter = Some(counter);
        Ok(())
    }

    fn delete(&mut self, plan: &mut Plan<'g>, key: ItemKey<'g>, hash: u64) {
        let item = Item { key, hash, value: ItemValue::Tombstone, deadline: None };
        if self.find(item.entry().subject, hash).is_some() {
            self.add(plan, item);
            plan.deleted += 1;
        }
    }

    fn delete_all(&mut self, plan: &mut Plan<'g>, hash: u64) {
        let keyspace = self.keyspace;
        let held = self.core.index.all_with_hash_in(keyspace, hash, self.view).into_iter();
        let held = held.map(|(space, key)| {
            if space == keyspace.keys() {
                ItemKey::Found(space, Bytes::copy_from_slice(&key))
            } else {
                ItemKey::hash(keyspace, hash)
            }
        });
        let mixed = keyspace.mixed(hash);
        let group = self.overlay.with_hash(keyspace, mixed).map(|owner| match owner {
            Owner::Key(space, key) => ItemKey::Found(*space, Bytes::copy_from_slice(key)),
            Owner::Hash(keyspace, hash) => ItemKey::hash(*keyspace, *hash),
        });
        let keys: Vec<_> = held.chain(group).collect();
        for key in keys {
            self.delete(plan, key, mixed);
        }
    }

    #[inline]
    fn add(&mut self, plan: &mut Plan<'g>, item: Item<'g>) {
        if self.looks {
            self.note(&item);
        }
        plan.take(item, self.core.identity.alignment.bytes());
    }

    /// Notes what later commits of the group, and later operations of the commit, have to know.
    fn note(&mut self, item: &Item<'g>) {
        if self.counts {
            let was_there = i64::from(self.find(item.entry().subject, item.hash).is_some());
            let is_there = i64::from(!matches!(item.value, ItemValue::Tombstone));
            let Name { space, key, .. } = item.name();
            *self.added.entry(space.keyspace(key)).or_default() += is_there - was_there;
        }
        self.overlay.record(item, self.last_sequence.next());
    }

    fn value(&mut self, contents: &'g Contents, value: &'g Content) -> Result<ItemValue<'g>> {
        let held = match value {
            Content::Copied(span) => return Ok(ItemValue::Given(contents.bytes(*span))),
            Content::Held(held) => held,
        };
        match &**held {
            Held::Bytes(bytes) => Ok(ItemValue::Given(bytes)),
            Held::Value(value) => Ok(ItemValue::Given(value)),
            Held::Stream(stream) => {
                if !stream.belongs_to(&self.core.catalog) {
                    return Err(Error::new(
                        ErrorKind::InvalidInput,
                        "a staged stream can be put only into the store that it was written to, until that is closed"
                            .to_owned(),
                    ));
                }
                self.streams.push(stream.clone());
                let record = stream.record();
                Ok(ItemValue::External {
                    segment: record.id,
                    length: record.payload_length,
                    checksum: record.payload_checksum,
                })
            }
        }
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
