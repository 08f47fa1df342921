//! LMDB by way of heed, safe bindings of its master branch.
//!
//! The map is made far larger than the data, as its documentation advises, because growing it later needs all
//! transactions to end. Workloads that say "nothing durable until the end" set `NO_SYNC` and end with one forced sync.
//! `WRITE_MAP`, which gives up the protection of the map against stray writes, stays off, as is the default. A pass of reads uses
//! one read transaction; a mixed load takes one for each read. Transactions belong to no thread (`NO_TLS`), heed's
//! recommendation for programs that move them.

mod environment;

use std::io::Write;
use std::ops::Bound;

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, RoTxn, WithoutTls};

use super::{Direction, Engine, Place, Reader};
use crate::data::Sum;
use crate::error::{During, Result};

const NAME: &str = "lmdb";

type Rows = Database<'static, Bytes, Bytes>;

/// An open environment with its one, unnamed database.
#[derive(Debug)]
pub(crate) struct Lmdb {
    /// A database borrows its environment, so this lives as long as the process, of which each run has its own.
    environment: &'static Env<WithoutTls>,
    rows: Rows,
}

/// One read transaction.
pub(crate) struct LmdbReader<'a> {
    transaction: RoTxn<'a, WithoutTls>,
    rows: Rows,
}

impl Lmdb {
    fn write(&self, write: impl FnOnce(&mut heed::RwTxn<'_>) -> heed::Result<()>) -> Result<()> {
        let mut transaction = self.environment.write_txn().during(NAME, "beginning a write")?;
        write(&mut transaction).during(NAME, "writing")?;
        transaction.commit().during(NAME, "committing")
    }
}

impl Engine for Lmdb {
    const SETTINGS: &'static str = "map of 16 times the data and 4 GiB; NO_SYNC and one forced sync at the end where \
                                    nothing has to be durable before; no WRITE_MAP; one read transaction for a pass of \
                                    reads, one for each read of a mixed load";

    type Reader<'a> = LmdbReader<'a>;

    fn open(place: &Place) -> Result<Self> {
        // A whole number of pages, of whatever size.
        let bytes = (place.data.logical_bytes() * 16 + (4 << 30)).next_multiple_of(1 << 20);
        let bytes = usize::try_from(bytes).during(NAME, "sizing the map")?;
        let environment =
            environment::open(&place.directory, bytes, place.durable).during(NAME, "opening")?;
        let environment: &'static Env<WithoutTls> = Box::leak(Box::new(environment));
        let transaction = environment.write_txn().during(NAME, "opening")?;
        let created = environment.create_databases_and_commit(transaction, |opener, transaction| {
            opener.create_database(transaction, None).map(CommitOrAbort::<_, ()>::Commit)
        });
        let rows = created.during(NAME, "opening its database")?.unwrap_commit();
        Ok(Self { environment, rows })
    }

    fn close(self) -> Result<()> {
        // Its file needs no closing, and the environment outlives this (see its field).
        Ok(())
    }

    fn reader(&self) -> Result<Self::Reader<'_>> {
        let transaction = self.environment.read_txn().during(NAME, "beginning a read")?;
        Ok(LmdbReader { transaction, rows: self.rows })
    }

    fn put_batch(&self, rows: &[(&[u8], &[u8])]) -> Result<()> {
        self.write(|transaction| {
            rows.iter().try_for_each(|(key, value)| self.rows.put(transaction, key, value))
        })
    }

    fn delete_batch(&self, keys: &[&[u8]]) -> Result<()> {
        self.write(|transaction| keys.iter().try_for_each(|key| self.rows.delete(transaction, key).map(drop)))
    }

    fn put_durable(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.put(key, value)
    }

    fn sync(&self) -> Result<()> {
        self.environment.force_sync().during(NAME, "syncing")
    }

    fn put_large(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.write(|transaction| {
            self.rows.put_reserved(transaction, key, value.len(), |reserved| reserved.write_all(value))
        })?;
        self.sync()
    }
}

impl Reader for LmdbReader<'_> {
    fn get(&mut self, key: &[u8], sum: &mut Sum) -> Result<bool> {
        let value = self.rows.get(&self.transaction, key).during(NAME, "getting")?;
        Ok(value.map(|value| sum.add(value)).is_some())
    }

    fn scan(
        &mut self,
        from: Option<&[u8]>,
        direction: Direction,
        rows_max: usize,
        sum: &mut Sum,
    ) -> Result<u64> {
        let from = from.map_or(Bound::Unbounded, Bound::Included);
        let mut rows = 0;
        let mut row = |row: heed::Result<(&[u8], &[u8])>| -> Result<()> {
            let (key, value) = row.during(NAME, "reading a range")?;
            sum.add(key);
            sum.add(value);
            rows += 1;
            Ok(())
        };
        match direction {
            Direction::Forward => {
                let range = self.rows.range(&self.transaction, &(from, Bound::Unbounded));
                range.during(NAME, "opening a range")?.take(rows_max).try_for_each(&mut row)?;
            }
            Direction::Backward => {
                let range = self.rows.rev_range(&self.transaction, &(Bound::Unbounded, from));
                range.during(NAME, "opening a range")?.take(rows_max).try_for_each(&mut row)?;
            }
        }
        Ok(rows)
    }
}
