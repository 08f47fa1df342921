//! A store in a directory of this machine.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use bytes::Bytes;
use pentad_engine::{
    Batch, Durability, Entry, ErrorKind, Expect, Order, Outcome, PageToken, Sequence, Snapshot, Store,
    WatchEvent, WatchFilter,
};
use serde_json::Value;

use super::change::{Bounds, Change, Content, Done, Info};
use super::seam::{
    Aged, Alter, Changes, Kept, Listing, Look, Rows, Seen, Told, ToldChange, WatchWanted, first_of_newest,
};
use crate::error::{Failure, Result};
use crate::payload::{Staged, stage};
use crate::verbs::stats;

/// An open store, as of a commit or of now.
pub(crate) struct LocalLook<'s> {
    pub(crate) store: &'s Store,
    pub(crate) view: &'s Snapshot,
    /// As the user named it.
    pub(crate) name: &'s Path,
}

impl Look for LocalLook<'_> {
    fn name(&self) -> String {
        self.name.display().to_string()
    }

    fn directory(&self) -> Option<&Path> {
        Some(self.store.path())
    }

    fn sequence(&self) -> Result<u64> {
        Ok(self.view.sequence().0)
    }

    fn value(&self, key: &[u8]) -> Result<Option<Bytes>> {
        Ok(self.view.get(key)?.map(Bytes::from))
    }

    fn reader(&self, key: &[u8]) -> Result<Option<Box<dyn Read + '_>>> {
        Ok(self.view.reader(key)?.map(|reader| Box::new(reader) as Box<dyn Read>))
    }

    fn info(&self, key: &[u8]) -> Result<Option<Info>> {
        let info = self.view.entry_info(key)?;
        Ok(info.map(|info| Info {
            sequence: info.sequence.0,
            created: info.created.map(|created| created.0),
            versions: info.versions,
            bytes: info.length,
            checksum: u32::from_le_bytes(info.checksum),
            deadline: info.deadline,
        }))
    }

    fn rows(&self, listing: &Listing) -> Result<Rows<'_>> {
        let range = self.view.range::<Vec<u8>>(listing.bounds.clone());
        let deadlines = listing.deadlines;
        let seen = move |key: Bytes, value: Bytes| -> Result<Seen> {
            // The snapshot still knows it when it has passed since.
            let info = if deadlines { self.view.entry_info(&key)? } else { None };
            Ok(Seen { key, value, deadline: info.and_then(|info| info.deadline) })
        };
        let row = move |row: pentad_engine::Result<(Bytes, pentad_engine::Value)>| {
            let (key, value) = row?;
            seen(key, value.into())
        };
        let key = move |key: pentad_engine::Result<Bytes>| seen(key?, Bytes::new());
        let limit = listing.limit;
        Ok(match (listing.keys_alone, listing.reverse) {
            (false, false) => Box::new(range.take(limit).map(row)),
            (false, true) => Box::new(range.rev().take(limit).map(row)),
            (true, false) => Box::new(range.keys().take(limit).map(key)),
            (true, true) => Box::new(range.keys().rev().take(limit).map(key)),
        })
    }

    fn count(&self, bounds: &Bounds) -> Result<u64> {
        Ok(self.view.count::<Vec<u8>>(bounds.clone())?)
    }

    fn estimate(&self, bounds: &Bounds) -> Result<(u64, u64)> {
        let estimate = self.view.estimate::<Vec<u8>>(bounds.clone())?;
        Ok((estimate.keys, estimate.bytes))
    }

    fn page(&self, listing: &Listing, token: Option<&[u8]>) -> Result<(Vec<Seen>, Option<Vec<u8>>)> {
        let refused = |error: pentad_engine::Error| match error.kind() {
            ErrorKind::InvalidInput => Failure::Refused(error.to_string()),
            _ => error.into(),
        };
        let token = token.map(PageToken::from_bytes).transpose().map_err(refused)?;
        let order = if listing.reverse { Order::Backward } else { Order::Forward };
        let page = self.store.page::<Vec<u8>>(listing.bounds.clone(), order, listing.limit, token.as_ref());
        let page = page.map_err(refused)?;
        let seen = |(key, value)| Seen { key, value: Bytes::from(value), deadline: None };
        Ok((page.rows.into_iter().map(seen).collect(), page.next.map(|token| token.to_bytes())))
    }

    fn newest_first(
        &self,
        keys_alone: bool,
        limit: u64,
        each: &mut dyn FnMut(Aged) -> Result<()>,
    ) -> Result<()> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        for entry in self.view.newest_first()?.take(limit) {
            let Entry { key, key_hash, value, .. } = entry?;
            let value = if keys_alone { Bytes::new() } else { Bytes::from(value) };
            each(Aged { key, key_hash, value })?;
        }
        Ok(())
    }

    fn namespaces(&self) -> Result<(Vec<String>, Option<String>)> {
        Ok((self.store.namespaces(), self.store.stats().namespaces_fault))
    }

    fn watch(
        &self,
        wanted: &WatchWanted,
        each: &mut dyn FnMut(Told) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let filter = match (&wanted.key, &wanted.prefix) {
            (Some(key), _) => WatchFilter::key(key),
            (None, Some(prefix)) => WatchFilter::prefix(prefix),
            (None, None) => WatchFilter::All,
        };
        let from = wanted.from.map(Sequence).or(self.store.oldest_batch());
        let mut watch = self.store.watch(filter, from)?;
        if wanted.previous {
            watch = watch.with_previous();
        }
        for event in watch {
            // Nothing expires in a store that is only read.
            let WatchEvent::Commit(commit) = event? else { continue };
            let changes = commit.changes.into_iter().map(|change| ToldChange {
                key: change.key,
                value: change.value.map(Bytes::from),
                deadline: change.deadline,
                previous: change.previous.map(Bytes::from),
            });
            let told = Told { sequence: commit.sequence.0, time: commit.time, changes: changes.collect() };
            if each(told)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn oldest_commit(&self) -> Result<Option<u64>> {
        Ok(self.store.oldest_batch().map(u64::from))
    }

    fn log(&self, from: u64, each: &mut dyn FnMut(Told) -> Result<()>) -> Result<()> {
        for commit in self.store.commits(Sequence(from))? {
            let commit = commit?;
            let changes = commit.changes.into_iter().map(|(key, value)| ToldChange {
                key,
                value: value.map(Bytes::from),
                deadline: None,
                previous: None,
            });
            each(Told { sequence: commit.sequence.0, time: commit.time, changes: changes.collect() })?;
        }
        Ok(())
    }

    fn pin(&self) -> Result<()> {
        // The view is of one moment.
        Ok(())
    }

    fn stats(&self) -> Result<(Vec<String>, Value)> {
        let stats = self.store.stats();
        Ok((stats::lines(&stats), stats::object(&stats)))
    }
}

/// A store that is open for writing.
#[derive(Debug)]
pub(crate) struct LocalAlter<'s> {
    pub(crate) store: &'s Store,
    /// As the user named it.
    pub(crate) name: &'s Path,
}

impl Alter for LocalAlter<'_> {
    fn name(&self) -> String {
        self.name.display().to_string()
    }

    fn directory(&self) -> Option<&Path> {
        Some(self.store.path())
    }

    fn contains(&self, key: &[u8]) -> Result<bool> {
        Ok(self.store.contains_key(key)?)
    }

    fn changes(&self) -> Box<dyn Changes + '_> {
        Box::new(LocalChanges { store: self.store, batch: Batch::new() })
    }

    fn stage(
        &self,
        source: &mut dyn Read,
        broken: &dyn Fn(std::io::Error) -> Failure,
        advance: &dyn Fn(u64),
    ) -> Result<Staged> {
        stage(self.store, source, broken, advance)
    }

    fn prune(&self, kept: Kept) -> Result<(u64, Option<u64>)> {
        let pruned = match kept {
            Kept::From(sequence) => self.store.prune(Sequence(sequence))?,
            Kept::Newest(count) => {
                self.store.prune(Sequence(first_of_newest(count, self.store.sequence().0)))?
            }
            Kept::Window(window) => self.store.set_retention(window)?,
        };
        Ok((pruned, self.store.oldest_batch().map(u64::from)))
    }

    fn drop_namespace(&self, name: &str) -> Result<Done> {
        let mut batch = Batch::new();
        batch.drop_namespace(name);
        Ok(done(self.store.commit(batch)?))
    }

    fn sync(&self) -> Result<()> {
        Ok(self.store.sync()?)
    }
}

#[derive(Debug)]
struct LocalChanges<'s> {
    store: &'s Store,
    batch: Batch,
}

impl Changes for LocalChanges<'_> {
    fn require(&mut self, key: &[u8], expect: Expect) {
        self.batch.require(key, expect);
    }

    fn add(&mut self, change: Change<'_>) {
        let batch = &mut self.batch;
        match change {
            Change::Put { key, value: Content::Bytes(value), expiry } => {
                batch.put_expiring(key, value, expiry)
            }
            Change::Put { key, value: Content::Staged(value), expiry } => {
                batch.put_expiring(key, value, expiry)
            }
            Change::Delete { key } => batch.delete(key),
            Change::DeleteRange { bounds } => batch.delete_range::<Vec<u8>>(bounds),
            Change::DeletePrefix { prefix } => batch.delete_prefix(prefix),
            Change::Increment { key, by } => batch.increment(key, by),
            Change::SetExpiry { key, expiry } => batch.set_expiry(key, expiry),
            Change::Rename { from, to } => batch.rename(from, to),
        };
    }

    fn soft(&mut self) {
        self.batch.durability(Durability::Os);
    }

    fn len(&self) -> usize {
        self.batch.len()
    }

    fn commit(self: Box<Self>) -> Result<Done> {
        Ok(done(self.store.commit(self.batch)?))
    }
}

fn done(outcome: Outcome) -> Done {
    Done {
        applied: outcome.applied,
        sequence: outcome.sequence.map(u64::from),
        deleted: outcome.deleted,
        renewed: outcome.renewed,
        counter: outcome.counter,
    }
}
