//! redb, a copy-on-write B+tree in one file.
//!
//! Its cache keeps its default of 1 GiB. Workloads that say "nothing durable until the end" commit with
//! `Durability::None` and end with an empty commit at `Durability::Immediate`, which makes all of them durable. Such commits keep
//! the pages that they replace until then, which is why its file grows in loads and overwrites; its author's benchmark uses
//! them in the same way. `compact` is not called: it needs the database to itself.

use redb::{Database, Durability, ReadOnlyTable, ReadableDatabase, TableDefinition, WriteTransaction};

use super::{Direction, Engine, Place, Reader};
use crate::data::Sum;
use crate::error::{During, Result};

const NAME: &str = "redb";
const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rows");

/// An open database.
pub(crate) struct Redb {
    database: Database,
    durability: Durability,
}

/// One read transaction with its table.
pub(crate) struct RedbReader {
    table: ReadOnlyTable<&'static [u8], &'static [u8]>,
}

impl Redb {
    fn write(
        &self,
        durability: Durability,
        write: impl FnOnce(&WriteTransaction) -> std::result::Result<(), redb::Error>,
    ) -> Result<()> {
        let mut transaction = self.database.begin_write().during(NAME, "beginning a write")?;
        transaction.set_durability(durability).during(NAME, "setting the durability")?;
        write(&transaction).during(NAME, "writing")?;
        transaction.commit().during(NAME, "committing")
    }
}

impl Engine for Redb {
    const SETTINGS: &'static str = "cache of 1 GiB (its default); Durability::None and one Immediate commit at the end where \
                                    nothing has to be durable before, else Immediate; no compact()";

    type Reader<'a> = RedbReader;

    fn open(place: &Place) -> Result<Self> {
        let database = Database::create(place.directory.join("store.redb")).during(NAME, "opening")?;
        let durability = if place.durable { Durability::Immediate } else { Durability::None };
        Ok(Self { database, durability })
    }

    fn close(self) -> Result<()> {
        drop(self.database);
        Ok(())
    }

    fn reader(&self) -> Result<Self::Reader<'_>> {
        let transaction = self.database.begin_read().during(NAME, "beginning a read")?;
        let table = transaction.open_table(TABLE).during(NAME, "opening its table")?;
        Ok(RedbReader { table })
    }

    fn put_batch(&self, rows: &[(&[u8], &[u8])]) -> Result<()> {
        self.write(self.durability, |transaction| {
            let mut table = transaction.open_table(TABLE)?;
            for (key, value) in rows {
                table.insert(key, value)?;
            }
            Ok(())
        })
    }

    fn delete_batch(&self, keys: &[&[u8]]) -> Result<()> {
        self.write(self.durability, |transaction| {
            let mut table = transaction.open_table(TABLE)?;
            for key in keys {
                table.remove(key)?;
            }
            Ok(())
        })
    }

    fn put_durable(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.put(key, value)
    }

    fn sync(&self) -> Result<()> {
        self.write(Durability::Immediate, |_| Ok(()))
    }

    fn put_large(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.write(Durability::Immediate, |transaction| {
            let mut table = transaction.open_table(TABLE)?;
            table.insert_reserve(key, value.len())?.as_mut().copy_from_slice(value);
            Ok(())
        })
    }
}

impl Reader for RedbReader {
    fn get(&mut self, key: &[u8], sum: &mut Sum) -> Result<bool> {
        let value = self.table.get(key).during(NAME, "getting")?;
        Ok(value.map(|value| sum.add(value.value())).is_some())
    }

    fn scan(
        &mut self,
        from: Option<&[u8]>,
        direction: Direction,
        rows_max: usize,
        sum: &mut Sum,
    ) -> Result<u64> {
        let range = match (from, direction) {
            (None, _) => self.table.range::<&[u8]>(..),
            (Some(key), Direction::Forward) => self.table.range(key..),
            (Some(key), Direction::Backward) => self.table.range(..=key),
        };
        let range = range.during(NAME, "opening a range")?;
        let mut rows = 0;
        match direction {
            Direction::Forward => {
                for row in range.take(rows_max) {
                    let (key, value) = row.during(NAME, "reading a range")?;
                    sum.add(key.value());
                    sum.add(value.value());
                    rows += 1;
                }
            }
            Direction::Backward => {
                for row in range.rev().take(rows_max) {
                    let (key, value) = row.during(NAME, "reading a range")?;
                    sum.add(key.value());
                    sum.add(value.value());
                    rows += 1;
                }
            }
        }
        Ok(rows)
    }
}
