//! Entries into commits: gathers rows into batches, commits them, and knows at every moment how many are durable.
//!
//! Invariants: an entry is counted as in, and acknowledged, only after a sync that covers its commit; one whose commit failed
//! without a known outcome is in doubt, and never said not to be in. Entries are
//! committed in the order in which they were added, so what is in is always a prefix of the input. The commits between
//! syncs are soft, which is what makes an import fast; the syncs come every [`BATCHES_PER_SYNC`]
//! batches, [`BYTES_PER_SYNC`] bytes or [`PAUSE_MAX`], whichever is first.

use std::fmt;
use std::time::{Duration, Instant};

use pentad_engine::Expiry;
use serde_json::json;

use crate::error::Result;
use crate::escape::escape;
use crate::human::{count, counted};
use crate::output::Output;
use crate::payload::Staged;
use crate::place::{Alter, Change, Changes};

const BATCH_BYTES: u64 = 4 << 20;
const BATCHES_PER_SYNC: u64 = 8;
const BYTES_PER_SYNC: u64 = 32 << 20;
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Where in the input an entry stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the line with this number, from 1.
    Line(u64),
    /// In the file with this path inside the tree.
    File(Vec<u8>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {}", count(*number)),
            Self::File(path) => f.write_str(&escape(path)),
        }
    }
}

/// What has been loaded so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loaded {
    /// Entries that are durable.
    pub(crate) entries: u64,
    /// Bytes of their keys and values.
    pub(crate) bytes: u64,
    /// The first commit.
    pub(crate) first: Option<u64>,
    /// The last commit that is durable.
    pub(crate) last: Option<u64>,
    /// The last entry that is durable.
    pub(crate) through: Option<Place>,
}

/// Takes entries and commits them.
#[derive(Debug)]
pub(crate) struct Loader<'a> {
    into: &'a dyn Alter,
    rows_per_batch: u64,
    acknowledgements: Option<Output>,
    batch: Box<dyn Changes + 'a>,
    batch_bytes: u64,
    batch_held: u64,
    batch_end: Option<Place>,
    durable: Loaded,
    committed: Loaded,
    unsynced_batches: u64,
    /// Entries of a commit that failed and may have taken place all the same.
    doubtful: u64,
    last_flush: Instant,
}

impl<'a> Loader<'a> {
    /// A loader into a place that commits at most `rows_per_batch` entries at once, and writes a line of JSON to
    /// `acknowledgements` each time entries have become durable.
    pub(crate) fn new(into: &'a dyn Alter, rows_per_batch: u64, acknowledgements: Option<Output>) -> Self {
        Self {
            into,
            rows_per_batch,
            acknowledgements,
            batch: new_batch(into),
            batch_bytes: 0,
            batch_held: 0,
            batch_end: None,
            durable: Loaded::default(),
            committed: Loaded::default(),
            unsynced_batches: 0,
            doubtful: 0,
            last_flush: Instant::now(),
        }
    }

    /// Adds one entry, which stood at `place`.
    pub(crate) fn add(&mut self, key: &[u8], value: Staged, expiry: Expiry, place: Place) -> Result<()> {
        if self.batch.len() > 0 && self.batch_held + value.held_bytes > BATCH_BYTES {
            self.commit()?;
        }
        let key_bytes = key.len() as u64;
        self.batch.add(Change::Put { key: key.into(), value: value.content, expiry });
        self.batch_bytes += key_bytes + value.length;
        self.batch_held += key_bytes + value.held_bytes;
        self.batch_end = Some(place);
        let full = self.batch.len() as u64 >= self.rows_per_batch || self.batch_held >= BATCH_BYTES;
        if full || self.last_flush.elapsed() >= PAUSE_MAX {
            self.commit()?;
        }
        if self.unsynced_batches >= BATCHES_PER_SYNC
            || self.committed.bytes - self.durable.bytes >= BYTES_PER_SYNC
            || self.last_flush.elapsed() >= PAUSE_MAX
        {
            self.sync()?;
        }
        Ok(())
    }

    /// Commits what is left and makes it durable. The loader can go on afterwards.
    pub(crate) fn settle(&mut self) -> Result<()> {
        self.commit()?;
        self.sync()
    }

    /// Makes durable what was committed, and gives up the entries that were not; for after a refused commit.
    pub(crate) fn salvage(&mut self) -> Result<()> {
        self.batch = new_batch(self.into);
        self.sync()
    }

    /// What is durable.
    pub(crate) fn loaded(&self) -> &Loaded {
        &self.durable
    }

    /// What is in and what is not, for the message of a failure.
    pub(crate) fn state(&self) -> String {
        let open = self.committed.entries - self.durable.entries + self.doubtful;
        let counted_open = counted(open, "entry", "entries");
        match &self.durable.through {
            None if open == 0 => "nothing was imported".to_owned(),
            None => format!("no entry is known to be durable; the first {counted_open} may be in"),
            Some(place) => {
                let entries = counted(self.durable.entries, "entry is", "entries are");
                let rest = match open {
                    0 => "nothing after that is".to_owned(),
                    _ => format!("{counted_open} after that may be in"),
                };
                format!("{entries} in and durable, through {place}; {rest}")
            }
        }
    }

    fn commit(&mut self) -> Result<()> {
        if self.batch.len() == 0 {
            return Ok(());
        }
        let batch = std::mem::replace(&mut self.batch, new_batch(self.into));
        let entries = batch.len() as u64;
        let bytes = std::mem::take(&mut self.batch_bytes);
        self.batch_held = 0;
        let outcome = batch.commit().inspect_err(|failure| {
            if failure.is_outcome_unknown() {
                self.doubtful = entries;
            }
        })?;
        self.committed.entries += entries;
        self.committed.bytes += bytes;
        self.committed.last = outcome.sequence.or(self.committed.last);
        self.committed.first = self.committed.first.or(outcome.sequence);
        self.committed.through = self.batch_end.take();
        self.unsynced_batches += 1;
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        self.last_flush = Instant::now();
        if self.unsynced_batches == 0 {
            return Ok(());
        }
        self.into.sync()?;
        self.unsynced_batches = 0;
        self.durable = self.committed.clone();
        if let Some(output) = &mut self.acknowledgements {
            output.json(&json!({ "committed": self.durable.entries, "sequence": self.durable.last }))?;
            output.flush()?;
        }
        Ok(())
    }
}

fn new_batch(into: &dyn Alter) -> Box<dyn Changes + '_> {
    let mut batch = into.changes();
    batch.soft();
    batch
}

#[cfg(test)]
#[path = "loader_tests.rs"]
mod tests;
