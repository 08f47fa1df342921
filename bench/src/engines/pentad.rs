//! Pentad through its own engine interface.
//!
//! Defaults, with these exceptions. Workloads that say "nothing durable until the end" commit at durability `Os` and end
//! with one `sync`; durable puts use the default, `Disk`. Where a workload overwrites or deletes, retention is off
//! (`Retention::Commits(0)`), because the other stores keep no change log either.

use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use pentad_engine::{Batch, Durability, Options, Retention, Store};

use super::{Direction, Engine, Place, Reader};
use crate::data::Sum;
use crate::error::{During, Error, Result};

const NAME: &str = "pentad";
/// A stream is handed over in pieces of this size.
const PIECE_BYTES: usize = 1 << 20;

/// An open store.
#[derive(Debug)]
pub(crate) struct Pentad {
    store: Store,
}

/// Reads the present; a store needs no transaction for it.
#[derive(Debug)]
pub(crate) struct PentadReader<'a> {
    store: &'a Store,
}

impl Engine for Pentad {
    const SETTINGS: &'static str = "defaults; durability Os with one sync at the end where nothing has to be durable \
                                    before, else Disk; retention off for overwrites and churn";

    type Reader<'a> = PentadReader<'a>;

    fn open(place: &Place) -> Result<Self> {
        let durability = if place.durable { Durability::Disk } else { Durability::Os };
        let mut options = Options::new().durability(durability);
        if place.retention_off {
            options = options.retention(Retention::Commits(0));
        }
        let store = options.open(&place.directory).during(NAME, "opening")?;
        Ok(Self { store })
    }

    fn close(self) -> Result<()> {
        self.store.close().during(NAME, "closing")
    }

    fn reader(&self) -> Result<Self::Reader<'_>> {
        Ok(PentadReader { store: &self.store })
    }

    fn put_batch(&self, rows: &[(&[u8], &[u8])]) -> Result<()> {
        let mut batch = Batch::new();
        batch.put_all(rows);
        self.store.commit(batch).map(drop).during(NAME, "committing")
    }

    fn delete_batch(&self, keys: &[&[u8]]) -> Result<()> {
        let mut batch = Batch::new();
        for key in keys {
            batch.delete(key);
        }
        self.store.commit(batch).map(drop).during(NAME, "committing")
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.store.put(key, value).map(drop).during(NAME, "putting")
    }

    fn put_durable(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.put(key, value)
    }

    fn sync(&self) -> Result<()> {
        self.store.sync().during(NAME, "syncing")
    }

    fn put_large(&self, key: &[u8], value: &[u8]) -> Result<()> {
        let mut stream = self.store.stream().during(NAME, "starting a stream")?;
        for piece in value.chunks(PIECE_BYTES) {
            stream.write_all(piece).during(NAME, "writing a stream")?;
        }
        let staged = stream.finish().during(NAME, "finishing a stream")?;
        let mut batch = Batch::new();
        batch.put(key, staged).durability(Durability::Disk);
        self.store.commit(batch).map(drop).during(NAME, "committing a stream")
    }

    fn index_bytes(directory: &Path) -> Result<Option<u64>> {
        // Entries lie in segments, which are named after their kind. What describes the store, and the reserve for a full
        // disk, is no index either. The rest is.
        const SEGMENTS: [&str; 3] = ["log", "compacted", "stream"];
        const STORE: [&str; 5] = ["identity", "lock", "catalog", "reserve", "creating"];
        let mut bytes = 0;
        for entry in fs::read_dir(directory).map_err(Error::file(directory))? {
            let path = entry.map_err(Error::file(directory))?.path();
            let is_segment =
                path.extension().is_some_and(|kind| SEGMENTS.iter().any(|segment| kind == *segment));
            let describes = path.file_stem().is_some_and(|stem| STORE.iter().any(|name| stem == *name));
            if !is_segment && !describes {
                bytes += fs::symlink_metadata(&path).map_err(Error::file(&path))?.len();
            }
        }
        Ok(Some(bytes))
    }
}

impl Reader for PentadReader<'_> {
    fn get(&mut self, key: &[u8], sum: &mut Sum) -> Result<bool> {
        let found = self.store.with_value(key, |value| sum.add(value)).during(NAME, "getting")?;
        Ok(found.is_some())
    }

    fn get_many(&mut self, keys: &[&[u8]], sum: &mut Sum) -> Result<u64> {
        let mut rows = 0;
        let add = |value: Option<&[u8]>| {
            rows += u64::from(value.map(|value| sum.add(value)).is_some());
        };
        self.store.with_values(keys, add).during(NAME, "getting many")?;
        Ok(rows)
    }

    fn scan(
        &mut self,
        from: Option<&[u8]>,
        direction: Direction,
        rows_max: usize,
        sum: &mut Sum,
    ) -> Result<u64> {
        let range = match (from, direction) {
            (None, _) => self.store.range::<&[u8]>(..),
            (Some(key), Direction::Forward) => self.store.range(key..),
            (Some(key), Direction::Backward) => self.store.range(..=key),
        };
        let mut rows = 0;
        let add = |key: &[u8], value: &[u8]| {
            sum.add(key);
            sum.add(value);
            rows += 1;
            if rows == rows_max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        if rows_max > 0 {
            match direction {
                Direction::Forward => range.visit(add),
                Direction::Backward => range.visit_back(add),
            }
            .during(NAME, "reading a range")?;
        }
        let rows = rows as u64;
        Ok(rows)
    }
}
