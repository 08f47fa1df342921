//! The nodes of a cluster, by way of the network client.
//!
//! Invariant: the verb's thread drives the client's runtime while it waits, and nothing runs when it does not. Rows come page by
//! page, all of the view of the first.

use std::cell::Cell;
use std::fmt;
use std::io::{Cursor, Read};
use std::ops::{Bound, ControlFlow};
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use pentad_client::wire::{self, NewestFirstRequest, NewestRow, Row, WatchedCommit, WriteResult};
use pentad_client::{
    Batch, Client, FailureKind, Keys, PageRequest, VALUE_BYTES_MAX, WatchEvent, WatchFilter, WatchFrom,
    Within,
};
use pentad_engine::{Expect, Expiry, Timestamp, escape_key};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::change::{Bounds, Change, Content, Done, Info};
use super::seam::{
    Aged, Alter, Changes, Kept, Listing, Look, Rows, Seen, Told, ToldChange, WatchWanted, first_of_newest,
};
use crate::error::{Failure, Result};
use crate::human;
use crate::payload::Staged;

/// For how long nodes are waited for that do not have all commits yet.
const BEHIND_MAX: Duration = Duration::from_secs(10);
/// How long to wait before they are asked again.
const AGAIN: Duration = Duration::from_millis(50);

/// A cluster that answers.
pub(crate) struct Remote {
    // Before the runtime, whose tasks it leaves.
    client: Client,
    runtime: Runtime,
    /// Read as of this commit.
    at: Cell<Option<u64>>,
    /// What the verb is about; empty is the store's own keyspace.
    namespace: String,
    name: String,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Remote {
    /// The cluster that the nodes at `endpoints` belong to, as of a commit or of now.
    pub(crate) fn connect(endpoints: &[String], at: Option<u64>) -> Result<Self> {
        let refused = |error| Failure::Io { doing: "cannot wait for the network".to_owned(), error };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(refused)?;
        let client = runtime.block_on(Client::connect(endpoints.iter().cloned()))?;
        let name = endpoints.join(",");
        Ok(Self { client, runtime, at: Cell::new(at), namespace: String::new(), name })
    }

    /// The namespace `name` of it, if one is named: it must be there, or is made.
    pub(crate) fn part(mut self, name: Option<&str>, make: bool) -> Result<Self> {
        let Some(name) = name else { return Ok(self) };
        if name.is_empty() && !make {
            // The name of the store's own keyspace on the way, and of no namespace.
            return Err(self.absent(name));
        }
        if make {
            self.wait(self.client.keys().make_namespace(name))?;
        }
        name.clone_into(&mut self.namespace);
        match self.runtime.block_on(self.keys().extent()) {
            Err(failure) if failure.kind() == FailureKind::KeyNotFound => Err(self.absent(name)),
            there => Ok(there.map(|_| self)?),
        }
    }

    fn absent(&self, name: &str) -> Failure {
        Failure::Absent(format!("there is no namespace {} in {}", escape_key(name.as_bytes()), self.name))
    }

    fn keys(&self) -> Keys<Within<'_, &Client>> {
        let keys = self.client.keys().in_namespace(&self.namespace);
        match self.at.get() {
            Some(sequence) => keys.at(sequence),
            None => keys,
        }
    }

    fn wait<T>(&self, answer: impl Future<Output = Result<T, pentad_client::Failure>>) -> Result<T> {
        Ok(self.runtime.block_on(answer)?)
    }
}

impl Look for Remote {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn directory(&self) -> Option<&Path> {
        None
    }

    fn sequence(&self) -> Result<u64> {
        match self.at.get() {
            Some(sequence) => Ok(sequence),
            None => Ok(self.wait(self.keys().extent())?.sequence),
        }
    }

    fn value(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.wait(self.keys().get(key))
    }

    fn reader(&self, key: &[u8]) -> Result<Option<Box<dyn Read + '_>>> {
        Ok(self.value(key)?.map(|value| Box::new(Cursor::new(value)) as Box<dyn Read>))
    }

    fn info(&self, key: &[u8]) -> Result<Option<Info>> {
        let found = self.wait(self.keys().describe(key))?;
        Ok(found.map(|found| Info {
            sequence: found.modified_sequence,
            created: found.created_sequence,
            versions: found.versions,
            bytes: found.value_bytes,
            checksum: found.checksum,
            deadline: found.deadline_ns.map(Timestamp),
        }))
    }

    fn rows(&self, listing: &Listing) -> Result<Rows<'_>> {
        let mut left = listing.limit;
        let mut request = Some(PageRequest { one_view: true, ..page_request(listing) });
        let mut rows = Vec::new().into_iter();
        Ok(Box::new(std::iter::from_fn(move || {
            loop {
                if left == 0 {
                    return None;
                }
                if let Some(row) = rows.next() {
                    left -= 1;
                    return Some(Ok(seen(row)));
                }
                let mut asked = request.take()?;
                asked.limit = u32::try_from(left).unwrap_or(0);
                let page = match self.wait(self.keys().page(asked.clone())) {
                    Ok(page) => page,
                    Err(failure) => return Some(Err(failure)),
                };
                request = page.next.map(|token| PageRequest { token: Some(token), ..asked });
                rows = page.rows.into_iter();
            }
        })))
    }

    fn count(&self, bounds: &Bounds) -> Result<u64> {
        self.wait(self.keys().count(wire_bounds(bounds)))
    }

    fn estimate(&self, bounds: &Bounds) -> Result<(u64, u64)> {
        let estimate = self.wait(self.keys().estimate(wire_bounds(bounds)))?;
        Ok((estimate.keys, estimate.bytes))
    }

    fn page(&self, listing: &Listing, token: Option<&[u8]>) -> Result<(Vec<Seen>, Option<Vec<u8>>)> {
        let mut request = page_request(listing);
        request.limit = u32::try_from(listing.limit).unwrap_or(0);
        request.token = token.map(Bytes::copy_from_slice);
        let page = self.wait(self.keys().page(request))?;
        Ok((page.rows.into_iter().map(seen).collect(), page.next.map(|token| token.to_vec())))
    }

    fn newest_first(
        &self,
        keys_alone: bool,
        limit: u64,
        each: &mut dyn FnMut(Aged) -> Result<()>,
    ) -> Result<()> {
        if limit == 0 {
            return Ok(());
        }
        let (namespace, keys_only) = (self.namespace.clone(), keys_alone);
        let request = NewestFirstRequest { namespace, limit, keys_only, ..NewestFirstRequest::default() };
        let mut listing = self.wait(self.client.newest_first(request))?;
        while let Some(NewestRow { key, key_hash, value, .. }) = self.wait(listing.next())? {
            each(Aged { key, key_hash, value })?;
        }
        Ok(())
    }

    fn namespaces(&self) -> Result<(Vec<String>, Option<String>)> {
        let told = self.wait(self.keys().namespaces())?;
        Ok((told.names, told.fault))
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
        let extent = self.wait(self.keys().extent())?;
        let (next, sequence) = (extent.sequence + 1, wanted.from.or(extent.oldest_batch));
        if let Some(sequence) = sequence.filter(|sequence| *sequence > next) {
            let text = format!("commit {sequence} is not there yet; the next one will be {next}");
            return Err(Failure::Refused(text));
        }
        let from = WatchFrom { sequence, previous: wanted.previous, ..WatchFrom::default() };
        let mut watch = self.client.watch_in_namespace(&self.namespace, filter, from);
        while let Some(event) = self.runtime.block_on(watch.next()) {
            let commit = match event? {
                WatchEvent::Commit(commit) => commit,
                WatchEvent::Lost(sequence) => {
                    warn_of_lost(sequence);
                    continue;
                }
                _ => continue,
            };
            if each(told(commit))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn oldest_commit(&self) -> Result<Option<u64>> {
        Ok(self.wait(self.keys().extent())?.oldest_batch)
    }

    fn log(&self, from: u64, each: &mut dyn FnMut(Told) -> Result<()>) -> Result<()> {
        let end = self.wait(self.keys().extent())?.sequence;
        let mut from = WatchFrom { until_now: true, whole_log: true, ..WatchFrom::sequence(from) };
        let given_up_at = Instant::now() + BEHIND_MAX;
        while from.sequence.is_some_and(|next| next <= end) {
            let mut watch = self.client.watch_in_namespace(&self.namespace, WatchFilter::All, from);
            while let Some(event) = self.runtime.block_on(watch.next()) {
                match event? {
                    WatchEvent::Commit(commit) => each(told(commit))?,
                    WatchEvent::Lost(sequence) => warn_of_lost(sequence),
                    _ => {}
                }
            }
            // The node that was asked may not have had all of them yet.
            from.sequence = watch.resume_at();
            if Instant::now() >= given_up_at {
                let text = format!("the nodes do not tell the commits up to {end}; run the command again");
                return Err(Failure::Cluster(text));
            }
            if from.sequence.is_some_and(|next| next <= end) {
                self.runtime.block_on(tokio::time::sleep(AGAIN));
            }
        }
        Ok(())
    }

    fn pin(&self) -> Result<()> {
        // Of a store to which nothing was ever written there is no commit to name.
        let sequence = self.sequence()?;
        self.at.set(Some(sequence).filter(|sequence| *sequence > 0));
        Ok(())
    }

    fn stats(&self) -> Result<(Vec<String>, Value)> {
        let extent = self.wait(self.keys().extent())?;
        let commit = |sequence: Option<u64>| sequence.map_or("none".to_owned(), human::count);
        let mut lines = vec![
            ("keys", human::count(extent.live_keys)),
            ("last commit", human::count(extent.sequence)),
            ("oldest kept", commit(extent.oldest_batch)),
            ("readable from", commit(extent.oldest_readable)),
        ];
        lines.extend(extent.namespaces_fault.clone().map(|fault| ("namespaces", fault)));
        let object = json!({
            "keys": extent.live_keys,
            "sequence": extent.sequence,
            "oldest_batch": extent.oldest_batch,
            "oldest_readable": extent.oldest_readable,
            "namespaces_fault": extent.namespaces_fault,
        });
        Ok((lines.into_iter().map(|(name, value)| format!("{name:<16}{value}")).collect(), object))
    }
}

impl Alter for Remote {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn directory(&self) -> Option<&Path> {
        None
    }

    fn contains(&self, key: &[u8]) -> Result<bool> {
        Ok(self.wait(self.keys().describe(key))?.is_some())
    }

    fn changes(&self) -> Box<dyn Changes + '_> {
        Box::new(RemoteChanges { remote: self, batch: Batch::new() })
    }

    fn stage(
        &self,
        source: &mut dyn Read,
        broken: &dyn Fn(std::io::Error) -> Failure,
        advance: &dyn Fn(u64),
    ) -> Result<Staged> {
        let mut value = Vec::new();
        let limit = VALUE_BYTES_MAX as u64;
        source.take(limit + 1).read_to_end(&mut value).map_err(broken)?;
        let length = value.len() as u64;
        if length > limit {
            let text = format!("the value is longer than {limit} bytes, which is what a cluster takes");
            return Err(Failure::Refused(text));
        }
        advance(length);
        Ok(Staged { content: value.into(), length, held_bytes: length })
    }

    fn prune(&self, kept: Kept) -> Result<(u64, Option<u64>)> {
        let before = match kept {
            Kept::From(sequence) => sequence,
            Kept::Newest(count) => first_of_newest(count, self.wait(self.keys().extent())?.sequence),
            Kept::Window(_) => {
                let text = "a cluster is told which commits to keep, not how many bytes or seconds of them: say --before or --keep";
                return Err(Failure::Usage(text.to_owned()));
            }
        };
        let pruned = self.wait(self.keys().prune(before))?;
        Ok((pruned, self.wait(self.keys().extent())?.oldest_batch))
    }

    fn drop_namespace(&self, name: &str) -> Result<Done> {
        let mut batch = Batch::new();
        batch.drop_namespace(name);
        Ok(done(self.wait(self.keys().commit(batch))?))
    }

    fn sync(&self) -> Result<()> {
        // Every commit was on the disks of a majority when it was answered.
        Ok(())
    }
}

#[derive(Debug)]
struct RemoteChanges<'r> {
    remote: &'r Remote,
    batch: Batch,
}

impl Changes for RemoteChanges<'_> {
    fn require(&mut self, key: &[u8], expect: Expect) {
        let expect = match expect {
            Expect::Absent => pentad_client::Expect::Absent,
            Expect::Value(value) => pentad_client::Expect::Value(value),
            Expect::Unmodified(sequence) => pentad_client::Expect::Unmodified(sequence.0),
            _ => pentad_client::Expect::Present,
        };
        self.batch.require(key, expect);
    }

    fn add(&mut self, change: Change<'_>) {
        let batch = &mut self.batch;
        match change {
            Change::Put { key, value: Content::Bytes(value), expiry } => {
                batch.put_expiring(key, value, wire_expiry(expiry))
            }
            Change::Put { key, value: Content::Staged(_), .. } => {
                unreachable!("the value of {} was staged for another store", escape_key(&key))
            }
            Change::Delete { key } => batch.delete(key),
            Change::DeleteRange { bounds } => batch.delete_range(wire_bounds(&bounds)),
            Change::DeletePrefix { prefix } => batch.delete_prefix(prefix),
            Change::Increment { key, by } => batch.increment(key, by),
            Change::SetExpiry { key, expiry } => batch.set_expiry(key, wire_expiry(expiry)),
            Change::Rename { from, to } => batch.rename(from, to),
        };
    }

    fn soft(&mut self) {
        // There is one level: on the disks of a majority.
    }

    fn len(&self) -> usize {
        self.batch.len()
    }

    fn commit(self: Box<Self>) -> Result<Done> {
        Ok(done(self.remote.wait(self.remote.keys().commit(self.batch))?))
    }
}

fn done(result: WriteResult) -> Done {
    Done {
        applied: result.applied,
        sequence: result.sequence,
        deleted: result.deleted,
        renewed: result.renewed,
        counter: result.counter,
    }
}

fn told(commit: WatchedCommit) -> Told {
    let changes = commit.changes.into_iter().map(|change| ToldChange {
        key: change.key,
        value: change.value,
        deadline: change.deadline_ns.map(Timestamp),
        previous: change.previous,
    });
    Told { sequence: commit.sequence, time: Timestamp(commit.time_ns), changes: changes.collect() }
}

fn warn_of_lost(sequence: u64) {
    crate::output::warn(&format!("the commits before {sequence} were pruned before they were told"));
}

fn seen(row: Row) -> Seen {
    Seen { key: row.key, value: row.value, deadline: row.deadline_ns.map(Timestamp) }
}

fn page_request(listing: &Listing) -> PageRequest {
    PageRequest {
        descending: listing.reverse,
        keys_only: listing.keys_alone,
        deadlines: listing.deadlines,
        ..PageRequest::new(wire_bounds(&listing.bounds))
    }
}

fn wire_bounds((start, end): &Bounds) -> wire::Bounds {
    let (start, start_exclusive) = match start {
        Bound::Included(key) => (key.clone(), false),
        Bound::Excluded(key) => (key.clone(), true),
        Bound::Unbounded => (Vec::new(), false),
    };
    let (end, end_inclusive) = match end {
        Bound::Included(key) => (key.clone(), true),
        // Nothing lies before the empty key; what begins with it and ends at it, both left out, is as empty.
        Bound::Excluded(key) if key.is_empty() => {
            return wire::Bounds { start_exclusive: true, end_inclusive: true, ..wire::Bounds::default() };
        }
        Bound::Excluded(key) => (key.clone(), false),
        Bound::Unbounded => (Vec::new(), false),
    };
    wire::Bounds { start: start.into(), end: end.into(), end_inclusive, start_exclusive, prefix: false }
}

fn wire_expiry(expiry: Expiry) -> pentad_client::Expiry {
    match expiry {
        Expiry::Never => pentad_client::Expiry::Never,
        Expiry::After(time) => pentad_client::Expiry::After(time),
        Expiry::At(time) => pentad_client::Expiry::AtNs(time.0),
    }
}
