//! fjall, a log-structured merge tree.
//!
//! Its documentation asks for a block cache that holds the data set where that fits into memory, so the cache is twice the
//! data, 64 MiB at least. Large values go to blob files (key-value separation, with its defaults), as it advises for values of
//! that size. Everything else, compression with LZ4 among it, is its default: a commit reaches the operating system, and
//! `persist` syncs where a workload asks for it.

use fjall::{
    Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode, Readable, Snapshot,
};

use super::{Direction, Engine, Place, Reader};
use crate::data::Sum;
use crate::error::{During, Result};

const NAME: &str = "fjall";
/// Values of this size and more are separated.
const LARGE_BYTES: usize = 4096;

/// An open database with its one keyspace.
pub(crate) struct Fjall {
    database: Database,
    rows: Keyspace,
    durable: bool,
}

/// One snapshot.
pub(crate) struct FjallReader<'a> {
    snapshot: Snapshot,
    rows: &'a Keyspace,
}

impl Fjall {
    fn mode(&self) -> Option<PersistMode> {
        self.durable.then_some(PersistMode::SyncData)
    }
}

impl Engine for Fjall {
    const SETTINGS: &'static str = "block cache of twice the data, 64 MiB at least; key-value separation for values from \
                                    4 KiB on; else defaults; a commit is persisted with SyncData where it has to be durable, \
                                    else one persist at the end";

    type Reader<'a> = FjallReader<'a>;

    fn open(place: &Place) -> Result<Self> {
        let cache = (place.data.logical_bytes() * 2).max(64 << 20);
        let database =
            Database::builder(&place.directory).cache_size(cache).open().during(NAME, "opening")?;
        let large = place.data.value_bytes() >= LARGE_BYTES;
        let options =
            || KeyspaceCreateOptions::default().with_kv_separation(large.then(KvSeparationOptions::default));
        let rows = database.keyspace("rows", options).during(NAME, "opening its keyspace")?;
        Ok(Self { database, rows, durable: place.durable })
    }

    fn close(self) -> Result<()> {
        self.database.persist(PersistMode::SyncAll).during(NAME, "persisting")
    }

    fn reader(&self) -> Result<Self::Reader<'_>> {
        Ok(FjallReader { snapshot: self.database.snapshot(), rows: &self.rows })
    }

    fn put_batch(&self, rows: &[(&[u8], &[u8])]) -> Result<()> {
        let mut batch = self.database.batch().durability(self.mode());
        for (key, value) in rows {
            batch.insert(&self.rows, *key, *value);
        }
        batch.commit().during(NAME, "committing")
    }

    fn delete_batch(&self, keys: &[&[u8]]) -> Result<()> {
        let mut batch = self.database.batch().durability(self.mode());
        for key in keys {
            batch.remove(&self.rows, *key);
        }
        batch.commit().during(NAME, "committing")
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.rows.insert(key, value).during(NAME, "inserting")
    }

    fn put_durable(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.put(key, value)?;
        self.database.persist(PersistMode::SyncData).during(NAME, "persisting")
    }

    fn sync(&self) -> Result<()> {
        self.database.persist(PersistMode::SyncAll).during(NAME, "persisting")
    }

    fn put_large(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.put(key, value)?;
        self.sync()
    }
}

impl Reader for FjallReader<'_> {
    fn get(&mut self, key: &[u8], sum: &mut Sum) -> Result<bool> {
        let value = self.snapshot.get(self.rows, key).during(NAME, "getting")?;
        Ok(value.map(|value| sum.add(&value)).is_some())
    }

    fn scan(
        &mut self,
        from: Option<&[u8]>,
        direction: Direction,
        rows_max: usize,
        sum: &mut Sum,
    ) -> Result<u64> {
        let range = match (from, direction) {
            (None, _) => self.snapshot.iter(self.rows),
            (Some(key), Direction::Forward) => self.snapshot.range(self.rows, key..),
            (Some(key), Direction::Backward) => self.snapshot.range(self.rows, ..=key),
        };
        let mut rows = 0;
        match direction {
            Direction::Forward => {
                for row in range.take(rows_max) {
                    let (key, value) = row.into_inner().during(NAME, "reading a range")?;
                    sum.add(&key);
                    sum.add(&value);
                    rows += 1;
                }
            }
            Direction::Backward => {
                for row in range.rev().take(rows_max) {
                    let (key, value) = row.into_inner().during(NAME, "reading a range")?;
                    sum.add(&key);
                    sum.add(&value);
                    rows += 1;
                }
            }
        }
        Ok(rows)
    }
}
