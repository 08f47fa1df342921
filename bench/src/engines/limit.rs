//! The bare limit: what the hardware allows to a log with a table over it, when everything else is left out.
//!
//! Entries are appended with `pwrite` to a file that is mapped once, as far as it may ever grow. A table of 8-byte slots,
//! sized for the data, finds them; keys are compared. There is no checksum, no order while loading (all is sorted at the sync
//! at the end, or at the first range), no compaction, and nothing is durable before `sync`. Opening reads the whole log.
//! It is no store, but a mark on the wall.

mod order;
mod record;
mod table;

use std::fs::{File, OpenOptions};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pentad_engine::key_hash;

use self::order::Order;
use self::record::Record;
use self::table::{Slot, Table};
use super::{Ability, Direction, Engine, Place, Reader};
use crate::data::Sum;
use crate::error::{Error, Result};
use crate::mapped::{Mapped, prefetch};

const NO_DURABLE_PUT: &str = "the raw rows are the limit of a durable put";

/// The open log.
#[derive(Debug)]
pub(crate) struct Limit {
    path: PathBuf,
    file: File,
    log: Mapped,
    table: Table,
    writer: Mutex<Writer>,
}

#[derive(Debug, Default)]
struct Writer {
    /// Where the log ends.
    tail: usize,
    buffer: Vec<u8>,
    /// Gone as soon as anything is written.
    order: Option<Arc<Order>>,
}

/// Reads the present; the order is that of the moment when a range first asked for it.
#[derive(Debug)]
pub(crate) struct LimitReader<'a> {
    limit: &'a Limit,
    order: Option<Arc<Order>>,
    hashes: Vec<u64>,
    found: Vec<Option<Record<'a>>>,
}

impl Limit {
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slot of a key and its entry, or the slot where the search ended.
    #[inline]
    fn find(&self, key: &[u8], hash: u64) -> (usize, Option<Record<'_>>) {
        let mut slot = self.table.first(hash);
        loop {
            match self.table.look(slot, hash) {
                Slot::Empty => return (slot, None),
                Slot::Candidate(position) => {
                    let start = usize::try_from(position).expect("64-bit machine") * record::UNIT;
                    let record = record::read(self.log.bytes(), start);
                    if record.key == key {
                        return (slot, Some(record));
                    }
                }
                Slot::Other => {}
            }
            slot = self.table.next(slot);
        }
    }

    /// Fetches the entry that the first slot of a hash points to.
    #[inline]
    fn prefetch_entry(&self, hash: u64) {
        if let Slot::Candidate(position) = self.table.look(self.table.first(hash), hash) {
            let start = usize::try_from(position).expect("64-bit machine") * record::UNIT;
            prefetch(self.log.bytes(), start);
            prefetch(self.log.bytes(), start + 64);
        }
    }

    /// Points the table to the entry at `start`.
    fn index(&self, record: &Record<'_>, start: usize) {
        let hash = key_hash(record.key);
        let (slot, old) = self.find(record.key, hash);
        match record.value {
            Some(_) => self.table.set(slot, hash, (start / record::UNIT) as u64),
            None if old.is_some() => self.table.remove(slot),
            None => {}
        }
    }

    fn append<'r>(&self, rows: impl Iterator<Item = (&'r [u8], Option<&'r [u8]>)>) -> Result<()> {
        let mut writer = self.writer();
        let mut buffer = std::mem::take(&mut writer.buffer);
        buffer.clear();
        rows.for_each(|(key, value)| record::write(key, value, &mut buffer));
        let end = writer.tail + buffer.len();
        if end > self.log.bytes().len() {
            return Err(Error::Engine {
                engine: "limit",
                doing: "appending",
                reason: format!("{end} bytes do not fit in the {} that are mapped", self.log.bytes().len()),
            });
        }
        self.file.write_all_at(&buffer, writer.tail as u64).map_err(Error::file(&self.path))?;
        let mut at = 0;
        while at < buffer.len() {
            let record = record::read(&buffer, at);
            self.index(&record, writer.tail + at);
            at += record.length;
        }
        writer.tail = end;
        writer.order = None;
        writer.buffer = buffer;
        Ok(())
    }

    fn order(&self) -> Arc<Order> {
        let mut writer = self.writer();
        let log = self.log.bytes();
        let sorted = || Arc::new(Order::of(log, self.table.positions().collect()));
        Arc::clone(writer.order.get_or_insert_with(sorted))
    }
}

impl Engine for Limit {
    const SETTINGS: &'static str = "no store: a table of 8-byte slots over a mapped log; no checksums, order made at the \
                                    sync, no compaction; a mark for what the design could reach";

    type Reader<'a> = LimitReader<'a>;

    fn open(place: &Place) -> Result<Self> {
        let path = place.directory.join("limit.log");
        let length = File::open(&path).and_then(|file| file.metadata()).map_or(0, |metadata| metadata.len());
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(Error::file(&path))?;
        // Overwriting and churning write the data several times; unwritten room costs neither disk nor memory.
        let length = length.next_multiple_of(record::UNIT as u64);
        let room = length + place.data.logical_bytes() * 16 + (4 << 30);
        file.set_len(room).map_err(Error::file(&path))?;
        let log =
            Mapped::new(&file, usize::try_from(room).expect("64-bit machine")).map_err(Error::file(&path))?;
        let limit =
            Self { path, file, log, table: Table::new(place.data.entries()), writer: Mutex::default() };
        let mut at = 0;
        while (at as u64) < length {
            let record = record::read(limit.log.bytes(), at);
            // No data set has an empty key: behind the last entry of a log that was not closed there are only zeros.
            if record.key.is_empty() {
                break;
            }
            limit.index(&record, at);
            at += record.length;
        }
        limit.writer().tail = at;
        Ok(limit)
    }

    fn close(self) -> Result<()> {
        let tail = self.writer().tail as u64;
        drop(self.log);
        self.file.set_len(tail).map_err(Error::file(&self.path))
    }

    fn reader(&self) -> Result<Self::Reader<'_>> {
        Ok(LimitReader { limit: self, order: None, hashes: Vec::new(), found: Vec::new() })
    }

    fn put_batch(&self, rows: &[(&[u8], &[u8])]) -> Result<()> {
        self.append(rows.iter().map(|(key, value)| (*key, Some(*value))))
    }

    fn delete_batch(&self, keys: &[&[u8]]) -> Result<()> {
        self.append(keys.iter().map(|key| (*key, None)))
    }

    fn put_durable(&self, _: &[u8], _: &[u8]) -> Result<()> {
        Err(Error::Engine { engine: "limit", doing: "putting", reason: NO_DURABLE_PUT.to_owned() })
    }

    fn sync(&self) -> Result<()> {
        self.order();
        self.file.sync_data().map_err(Error::file(&self.path))
    }

    fn put_large(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.append(std::iter::once((key, Some(value))))?;
        self.file.sync_data().map_err(Error::file(&self.path))
    }

    fn lacks(ability: Ability) -> Option<&'static str> {
        (ability == Ability::DurablePut).then_some(NO_DURABLE_PUT)
    }
}

impl Reader for LimitReader<'_> {
    #[inline]
    fn get(&mut self, key: &[u8], sum: &mut Sum) -> Result<bool> {
        let (_, record) = self.limit.find(key, key_hash(key));
        Ok(record.and_then(|record| record.value).map(|value| sum.add(value)).is_some())
    }

    /// Three passes, so that the misses of one pass overlap: slots, entries, values.
    fn get_many(&mut self, keys: &[&[u8]], sum: &mut Sum) -> Result<u64> {
        let limit = self.limit;
        self.hashes.clear();
        self.hashes.extend(keys.iter().map(|key| key_hash(key)));
        self.hashes.iter().for_each(|hash| limit.table.prefetch(*hash));
        self.hashes.iter().for_each(|hash| limit.prefetch_entry(*hash));
        self.found.clear();
        self.found.extend(keys.iter().zip(&self.hashes).map(|(key, hash)| limit.find(key, *hash).1));
        let values = self.found.iter().flatten().filter_map(|record| record.value);
        Ok(values.map(|value| sum.add(value)).count() as u64)
    }

    fn scan(
        &mut self,
        from: Option<&[u8]>,
        direction: Direction,
        rows_max: usize,
        sum: &mut Sum,
    ) -> Result<u64> {
        let order = self.order.get_or_insert_with(|| self.limit.order());
        let mut rows = 0;
        order.walk(self.limit.log.bytes(), from, direction, rows_max, &mut |row| {
            sum.add(row.key);
            sum.add(row.value.unwrap_or_default());
            rows += 1;
            ControlFlow::Continue(())
        });
        Ok(rows)
    }
}
