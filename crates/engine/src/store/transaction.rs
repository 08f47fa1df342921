//! Optimistic transactions: reads on a snapshot, writes kept aside, and one commit that takes place only if nothing that was read
//! has changed.
//!
//! Invariant: a transaction that commits had the same effect as if it had run alone at the moment of its commit. What it
//! read is compared by when it was written, not by value, so a value that went and came back counts as changed. Expiry is
//! judged at the time of the snapshot: that a key has expired since is no change.
//!
//! The scheme is validation at commit ("On Optimistic Methods for Concurrency Control", Kung and Robinson, 1981), with the commit
//! leader as the critical section.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::RangeBounds;

use bytes::Bytes;

use super::handle::Store;
use super::range::{Range, bounds_of, prefix_bounds};
use super::snapshot::Snapshot;
use crate::batch::{Batch, Bounds, Expiry, Outcome, Reads, is_between};
use crate::error::{Error, ErrorKind, Result};
use crate::numbers::Sequence;
use crate::options::Durability;

/// How often [`Store::transact`] runs a transaction before it gives up.
const ATTEMPTS: u32 = 100;

/// A transaction that is under way; see [`Store::transaction`].
///
/// Dropping it does nothing to the store. Its writes are held in memory until it commits, and it keeps its snapshot, so be brief.
#[derive(Debug)]
pub struct Transaction {
    store: Store,
    snapshot: Snapshot,
    reads: Reads,
    writes: BTreeMap<Vec<u8>, Write>,
    durability: Option<Durability>,
}

/// What is to be done to a key.
#[derive(Clone, Debug)]
enum Write {
    Put { value: Bytes, expiry: Expiry },
    Delete,
}

impl Write {
    fn value(&self) -> Option<Bytes> {
        match self {
            Self::Put { value, .. } => Some(value.clone()),
            Self::Delete => None,
        }
    }
}

impl Store {
    /// Begins a transaction: it reads the store as it is now, and what it has written itself.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let store = pentad_engine::Store::open(dir.path())?;
    /// store.put("stock", "3")?;
    /// let mut transaction = store.transaction()?;
    /// let left: u32 = std::str::from_utf8(&transaction.get("stock")?.unwrap_or_default())?.parse()?;
    /// transaction.put("stock", (left - 1).to_string()).put("order", "1 piece");
    /// transaction.commit()?; // fails with `Conflict` if someone else has changed the stock meanwhile
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Store::snapshot`].
    pub fn transaction(&self) -> Result<Transaction> {
        let snapshot = self.snapshot()?;
        let reads = Reads::new(snapshot.pinned.view);
        Ok(Transaction { store: self.clone(), snapshot, reads, writes: BTreeMap::new(), durability: None })
    }

    /// Runs `run` in a transaction and commits it, again and again from the start while others get in between; returns what the
    /// run that was committed returned. An error of `run` ends it, and nothing is written.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let store = pentad_engine::Store::open(dir.path())?;
    /// let visits = store.transact(|transaction| {
    ///     let visits = transaction.get("visits")?.map_or(0, |value| value.len()) + 1;
    ///     transaction.put("visits", "|".repeat(visits));
    ///     Ok(visits)
    /// })?;
    /// assert_eq!(visits, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when others were faster a hundred times in a row: then the transaction reads too much, or there
    /// is too much going on for it. As [`Transaction::commit`]; whatever `run` returned.
    pub fn transact<T>(&self, mut run: impl FnMut(&mut Transaction) -> Result<T>) -> Result<T> {
        let mut attempt = 1;
        loop {
            let mut transaction = self.transaction()?;
            let result = run(&mut transaction)?;
            match transaction.commit() {
                // Whoever got in between has committed, so all together make progress without waiting for anybody.
                Err(error) if error.kind() == ErrorKind::Conflict && attempt < ATTEMPTS => attempt += 1,
                committed => return committed.map(|_| result),
            }
        }
    }
}

impl Transaction {
    /// The last commit that it sees.
    pub fn sequence(&self) -> Sequence {
        self.snapshot.sequence()
    }

    /// The value of `key`: what the transaction has put, or else what its snapshot holds. The commit depends on the latter.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::get`].
    pub fn get(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>> {
        let key = key.as_ref();
        if let Some(write) = self.writes.get(key) {
            return Ok(write.value());
        }
        if !self.reads.keys.contains(key) {
            self.reads.keys.insert(key.to_vec());
        }
        Ok(self.snapshot.get(key)?.map(Bytes::from))
    }

    /// The rows with keys in `bounds`, ascending: those of the snapshot, with what the transaction has written. The commit depends on
    /// all of the range, whatever of it is taken: that nothing was written, and that no key has come.
    pub fn range<K: AsRef<[u8]>>(&mut self, bounds: impl RangeBounds<K>) -> Rows {
        self.rows(bounds_of(&bounds))
    }

    /// The rows whose keys start with `prefix`; see [`Transaction::range`].
    pub fn prefix(&mut self, prefix: impl AsRef<[u8]>) -> Rows {
        self.rows(prefix_bounds(prefix.as_ref()))
    }

    fn rows(&mut self, bounds: Bounds) -> Rows {
        let (lower, upper) = (bounds.0.as_ref().map(Vec::as_slice), bounds.1.as_ref().map(Vec::as_slice));
        let written: Vec<_> = self
            .writes
            .iter()
            .filter(|(key, _)| is_between(key, lower, upper))
            .map(|(key, write)| (Bytes::copy_from_slice(key), write.value()))
            .collect();
        let stored = Range::new(self.snapshot.pinned.clone(), bounds.clone());
        self.reads.ranges.push(bounds);
        Rows { stored: stored.peekable(), written: written.into_iter().peekable() }
    }

    /// Stores `value` under `key` when the transaction commits; a deadline that the key had is cleared.
    pub fn put(&mut self, key: impl AsRef<[u8]>, value: impl Into<Bytes>) -> &mut Self {
        self.put_expiring(key, value, Expiry::Never)
    }

    /// Stores `value` under `key` until `expiry`, which is counted from the commit on.
    pub fn put_expiring(
        &mut self,
        key: impl AsRef<[u8]>,
        value: impl Into<Bytes>,
        expiry: Expiry,
    ) -> &mut Self {
        self.writes.insert(key.as_ref().to_vec(), Write::Put { value: value.into(), expiry });
        self
    }

    /// Deletes `key`, if it is there, when the transaction commits.
    pub fn delete(&mut self, key: impl AsRef<[u8]>) -> &mut Self {
        self.writes.insert(key.as_ref().to_vec(), Write::Delete);
        self
    }

    /// The durability of the commit instead of the store's default.
    pub fn durability(&mut self, durability: Durability) -> &mut Self {
        self.durability = Some(durability);
        self
    }

    /// Commits: all of the writes, in one commit, or none. A transaction that wrote nothing has read a consistent view, and
    /// commits without a look at what came after.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when something that was read has been written since, or a key has come into a range that was read:
    /// nothing was written, run it again; as [`Store::commit`].
    pub fn commit(self) -> Result<Outcome> {
        // The snapshot stays until it is decided.
        let Self { store, snapshot: _snapshot, reads, writes, durability } = self;
        let mut batch = Batch::new();
        if !writes.is_empty() {
            batch.require_unchanged(reads);
        }
        if let Some(durability) = durability {
            batch.durability(durability);
        }
        for (key, write) in writes {
            match write {
                Write::Put { value, expiry } => batch.put_expiring(key, value, expiry),
                Write::Delete => batch.delete(key),
            };
        }
        let outcome = store.commit(batch)?;
        if outcome.applied {
            return Ok(outcome);
        }
        let text = "another commit has changed what the transaction read; nothing was written, run it again";
        Err(Error::new(ErrorKind::Conflict, text))
    }
}

/// Rows as a transaction sees them, ascending.
#[derive(Debug)]
pub struct Rows {
    stored: Peekable<Range>,
    written: Peekable<std::vec::IntoIter<(Bytes, Option<Bytes>)>>,
}

impl Iterator for Rows {
    type Item = Result<(Bytes, Bytes)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let stored = match self.stored.peek() {
                Some(Ok((key, _))) => Some(key),
                Some(Err(_)) => return self.stored.next().map(|row| row.map(into_bytes)),
                None => None,
            };
            let Some((written, _)) = self.written.peek() else {
                return self.stored.next().map(|row| row.map(into_bytes));
            };
            if let Some(stored) = stored {
                if stored < written {
                    return self.stored.next().map(|row| row.map(into_bytes));
                }
                if stored == written {
                    self.stored.next();
                }
            }
            if let Some((key, Some(value))) = self.written.next() {
                return Some(Ok((key, value)));
            }
        }
    }
}

fn into_bytes((key, value): (Bytes, crate::value::Value)) -> (Bytes, Bytes) {
    (key, value.into())
}
